"""AVI, MP4 and GIF by content."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from EchoODELib.engine.errors import UnreadableClip
from EchoODELib.engine.io import read_clip
from PIL import Image

KINDS = [
    ("clip.avi", "mjpeg", "yuvj420p", "AVI"),
    ("clip.avi", "ffv1", "gray", "AVI"),
    ("clip.avi", "rawvideo", "bgr24", "AVI"),
    ("clip.mp4", "mpeg4", "yuv420p", "MP4"),
    ("clip.mp4", "libx264", "yuv420p", "MP4"),
    ("clip.mkv", "ffv1", "yuv420p", "Matroska"),
]


@pytest.mark.parametrize(("name", "codec", "pixels", "kind"), KINDS)
def test_frames_times_and_place_survive(speckled_fan, write_video, name, codec, pixels, kind):
    clip = read_clip(write_video(speckled_fan, name, codec, pixels))
    assert clip.frames.shape == speckled_fan.shape
    assert np.abs(clip.frames.astype(int) - speckled_fan).mean() < 6
    assert clip.frame_rate == pytest.approx(25, rel=0.01)
    assert clip.source.format == kind and clip.spacing is None
    assert any("uncalibrated" in note for note in clip.source.notes)
    assert clip.frames[:, 3:9, 4:6].mean() > 200 > 60 > clip.frames[:, 3:9, -6:].mean()


def test_gif(speckled_fan, tmp_path):
    path = tmp_path / "clip.gif"
    images = [Image.fromarray(frame) for frame in speckled_fan]
    images[0].save(path, save_all=True, append_images=images[1:], duration=40, loop=0)
    clip = read_clip(path)
    assert np.abs(clip.frames.astype(int) - speckled_fan).max() <= 2
    assert clip.frame_rate == pytest.approx(25)


def test_spacing_and_rate_by_hand(speckled_fan, write_video):
    clip = read_clip(write_video(speckled_fan, "c.avi", "mjpeg", "yuvj420p"), spacing=(0.4, 0.3), frame_rate=60)
    assert clip.spacing == (0.4, 0.3) and clip.frame_rate == pytest.approx(60)


@pytest.mark.parametrize(("name", "codec", "pixels", "kind"), KINDS[:5])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.85])
def test_truncated_video_is_refused(speckled_fan, write_video, tmp_path, name, codec, pixels, kind, share):
    whole = write_video(np.concatenate([speckled_fan] * 4), name, codec, pixels).read_bytes()
    part = tmp_path / f"part{Path(name).suffix}"
    part.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableClip, match=r"\.$"):
        read_clip(part)


def test_sound_without_pictures(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    with pytest.raises(UnreadableClip, match="no video"):
        read_clip(path)


def test_a_header_without_frames(tmp_path):
    path = tmp_path / "empty.avi"
    path.write_bytes(b"RIFF\x00\x00\x00\x00AVI LIST" + bytes(64))
    with pytest.raises(UnreadableClip):
        read_clip(path)
