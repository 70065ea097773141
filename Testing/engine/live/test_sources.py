"""Clips that play, cameras that are made up here, sessions from one end to the other, recordings."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.errors import DeviceError, UnsuitableClip
from EchoODELib.engine.live.recording import Recording, live_provenance
from EchoODELib.engine.live.segmenter import StreamingSegmenter
from EchoODELib.engine.live.session import LiveSession
from EchoODELib.engine.live.sources import Camera, ClipPlayer, gray
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sequence import ClipSource, Label, View
from engine.standins import a_clip


class Now:
    """A clock that goes by sleeping, and by ``cost`` each time that it is read."""

    def __init__(self, cost: float = 0.0) -> None:
        self.time, self.cost = 0.0, cost

    def __call__(self) -> float:
        self.time += self.cost
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Device:
    """Stands for OpenCV's capture: ``count`` pictures, each when it is let through; then it ends, or falls silent."""

    def __init__(self, count: int, *, opened: bool = True) -> None:
        self.count, self.opened, self.released, self.given = count, opened, False, 0
        self.let = threading.Semaphore(0)

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def read(self):
        self.let.acquire(timeout=5.0)
        if self.given == self.count:
            return False, None
        self.given += 1
        return True, np.full((24, 32, 3), self.given, np.uint8)

    def release(self) -> None:
        self.released = True


def wait_until(true) -> None:
    end = time.monotonic() + 5.0
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_clip_plays_at_its_own_speed_and_ends():
    clip, now = a_clip(8, rate=10.0), Now()
    player = ClipPlayer(clip, speed=2.0, now=now, sleep=now.sleep)
    seen = []
    while not player.over:
        arrived = player.take()
        if arrived is not None:
            seen.append((now.time, arrived.time))
            assert (arrived.frame == clip.frames[len(seen) - 1]).all()
    np.testing.assert_allclose([at for at, _ in seen], np.arange(8) / 20, atol=1e-6)
    np.testing.assert_allclose([at for _, at in seen], clip.times, atol=1e-9)
    assert player.take() is None
    assert player.dropped == 0


def test_what_can_not_play_is_refused_in_a_sentence():
    colour = replace(a_clip(5), source=ClipSource(colour_doppler=True))
    for clip, options in ((a_clip(1), {}), (colour, {}), (a_clip(5), {"speed": 0.0}), (a_clip(5), {"speed": np.nan})):
        with pytest.raises(UnsuitableClip):
            ClipPlayer(clip, **options)


def test_a_camera_gives_the_newest_picture_and_counts_the_others():
    device = Device(6)
    camera = Camera(3, open_=lambda place: device if place == 3 else None)
    device.let.release()
    assert camera.first().shape == (1, 24, 32)
    device.let.release(4)
    wait_until(lambda: camera.dropped == 3)
    arrived = camera.take()
    assert (arrived.frame == 5).all()
    assert arrived.time > 0
    device.let.release(2)
    wait_until(lambda: device.released)
    assert not camera.over
    assert (camera.take().frame == 6).all()
    assert camera.over
    camera.close()


def test_no_camera_and_one_that_falls_silent_are_told():
    absent = Device(0, opened=False)
    with pytest.raises(DeviceError, match="no camera 0 here"):
        Camera(0, open_=lambda _: absent)
    assert absent.released
    ended = Device(0)
    ended.let.release()
    with pytest.raises(DeviceError, match="gives no pictures"):
        Camera("rtsp://somewhere", open_=lambda _: ended).first()
    silent, now = Device(5), Now()
    camera = Camera(0, now=now, open_=lambda _: silent)
    assert camera.take() is None
    now.time += 6.0
    with pytest.raises(DeviceError, match="stopped giving pictures"):
        camera.take()
    silent.let.release(5)
    camera.close()
    assert silent.released


def test_colour_becomes_gray():
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[..., 2] = 100  # red comes last in OpenCV's pictures
    assert (gray(picture) == 30).all()
    assert gray(picture[..., 0]).shape == (2, 2)


@pytest.mark.usefixtures("live_models")
def test_a_session_skips_what_it_has_no_time_for_and_says_so():
    clip = a_clip(40, rate=30.0)
    now = Now(0.03)  # the clock is read a few times a frame: no frame can be in time
    player = ClipPlayer(clip, now=now, sleep=now.sleep)
    session = LiveSession(player, StreamingSegmenter("frames", "cpu"), now=now)
    updates = list(session.run())
    assert [update.shown for update in updates] == list(range(1, len(updates) + 1))
    assert updates[-1].dropped + len(updates) == 40
    assert updates[-1].dropped > 0
    assert updates[-1].found.time == pytest.approx(clip.times[-1])
    summary = session.summary
    assert (summary.shown, summary.dropped) == (len(updates), updates[-1].dropped)
    assert 0 < summary.median <= summary.slowest_hundredth
    assert summary.seconds == pytest.approx(session.seconds)


@pytest.mark.usefixtures("live_models")
def test_a_cameras_frames_from_before_the_session_are_not_missed():
    device = Device(7)

    class GoesOn(Camera):
        def first(self) -> np.ndarray:
            found = super().first()
            device.let.release()
            return found

    camera = GoesOn(0, open_=lambda _: device)
    device.let.release(4)
    wait_until(lambda: camera.dropped == 3)
    session = LiveSession(camera, StreamingSegmenter("frames", "cpu"))
    updates = []
    for update in session.run():
        updates.append(update)
        device.let.release(4)
    assert (updates[0].shown, updates[0].dropped) == (1, 0)
    assert session.summary.shown + session.summary.dropped == 3
    assert device.released


@pytest.mark.usefixtures("live_models")
def test_a_session_ends_when_it_is_asked_to():
    monitor, now = Monitor(), Now()
    player = ClipPlayer(a_clip(10), rounds=np.inf, now=now, sleep=now.sleep)
    session = LiveSession(player, StreamingSegmenter("frames", "cpu"), monitor=monitor, now=now)
    for update in session.run():
        if update.shown == 25:
            monitor.cancel()
    assert session.summary.shown == 25
    assert session.summary.dropped == 0


@pytest.mark.usefixtures("live_models")
def test_a_session_before_its_first_frame_has_a_summary():
    session = LiveSession(ClipPlayer(a_clip(5)), StreamingSegmenter("frames", "cpu"))
    assert session.summary.shown == 0
    assert np.isnan(session.summary.median)


def test_a_recording_is_what_was_seen_and_leaves_nothing_behind(tmp_path):
    clip = a_clip(6)
    masks = (clip.frames > 120).astype(np.uint8) * Label.LV
    made = live_provenance("model", "ab", "cpu", {"flips": False})
    with Recording(tmp_path / "new") as recording:
        with pytest.raises(UnsuitableClip, match="Nothing was recorded"):
            recording.clip(None, View.A4C, clip.source, made)
        for frame, mask, time_ in zip(clip.frames, masks, clip.times, strict=True):
            recording.add(frame, mask, 2.0 + float(time_))
        recording.add(clip.frames[0], masks[0], 1.0)  # a step back
        assert len(recording) == 6
        kept = recording.clip((0.5, 0.5), View.A4C, clip.source, made)
        np.testing.assert_array_equal(kept.sequence.frames, clip.frames)
        np.testing.assert_array_equal(kept.masks, masks)
        np.testing.assert_allclose(kept.sequence.times, clip.times)
        assert kept.provenance.method == "live"
    assert list((tmp_path / "new").iterdir()) == []
