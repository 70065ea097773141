"""Live: masks while a clip plays, and while Slicer records one, in the real worker process with a quick network."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import Label, Provenance
from EchoODELib.jobs.conversation import MOST_UNANSWERED
from EchoODELib.scene.clip import createClip
from EchoODELib.scene.live import NEWEST
from quick_network import save_quick_model
from SlicerHost.mouse import Qt, QTest

RATE = 30.0
WITHIN_S = 60.0


@pytest.fixture(scope="module")
def a_heart() -> PhantomClip:
    """Two beats and a bit, 30 frames a second."""
    return simulate(PhantomSettings(frames=54, frame_rate=RATE, size=96, beats=2.2))


@pytest.fixture(scope="module")
def quick_model(a_heart: PhantomClip, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A network that knows this heart, found by name."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOODE_MODELS", str(folder))
        yield save_quick_model(a_heart, folder)


@pytest.fixture
def until(settle: Callable[..., None], panel: Any) -> Callable[[Callable[[], object]], None]:
    """Let the application live until something is so."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, f"it took too long; the panel says: {panel.context.messages.text!r}"
            slicer.app.processEvents()
            time.sleep(0.002)
        settle()

    return wait


@pytest.fixture(scope="module")
def logics(quick_model: str) -> Iterator[set[Any]]:
    """The module's logic, once its worker was started beside the quick model."""
    known: set[Any] = set()
    yield known
    for logic in known:
        logic.close()


@pytest.fixture
def live(module: Any, logics: set[Any], until: Any) -> Iterator[Live]:
    if module.logic not in logics:
        module.logic.close()
        logics.add(module.logic)
    module.panel.segment.fillModels()
    yield Live(module, until)
    module.panel.context.parameters.model = ""


class Live:
    """The switch, and what is seen of it."""

    def __init__(self, module: Any, until: Callable[[Callable[[], object]], None]) -> None:
        self.module, self.until, self.ui = module, until, module.panel.ui
        self.runs = module.logic.live

    def choose(self, study: Any, model: str = "quick") -> None:
        self.module.panel.setStudy(study)
        self.module.panel.context.parameters.model = model
        self.until(lambda: self.module.panel.context.study == study)

    def click(self) -> None:
        QTest.mouseClick(self.ui.liveButton, Qt.LeftButton)

    def turn_on(self) -> None:
        self.click()
        assert self.ui.liveButton.checked, self.told

    def turn_off(self) -> None:
        self.click()
        assert not self.ui.liveButton.checked
        self.until(lambda: not self.module.logic.busy)

    @property
    def told(self) -> str:
        return str(self.module.panel.context.messages.text)

    @property
    def state(self) -> Any:
        return self.runs.state

    @property
    def label(self) -> str:
        return str(self.ui.liveLabel.text)


@pytest.fixture
def playing(module: Any, a_heart: PhantomClip) -> Any:
    """The heart as a clip that has no masks yet."""
    return createClip(a_heart.sequence, "A heart")


def newest() -> Any:
    """The node of the newest mask, or None."""
    found = [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node.GetAttribute(NEWEST)]
    return found[0] if found else None


def dice(one: np.ndarray, other: np.ndarray) -> float:
    lv, truth = one == Label.LV, other == Label.LV
    return float(2 * (lv & truth).sum() / (lv.sum() + truth.sum()))


def test_a_clip_is_segmented_as_it_plays(
    live: Live, playing: Any, a_heart: PhantomClip, picture: Callable[..., Path], until: Any
) -> None:
    live.choose(playing)
    ui, browser = live.ui, playing.browserNode
    live.turn_on()
    assert "being loaded" in live.label
    assert playing.masks() is None
    until(lambda: live.state.segmented)  # the frame in view, though nothing plays
    assert dice(playing.mask(0), a_heart.masks[0]) > 0.85
    assert not newest().GetDisplayNode().GetVisibility()  # it has its own
    assert playing.provenance().method == "live"
    for button in (ui.segmentButton, ui.propagateButton, ui.editButton, ui.undoButton):
        assert not button.enabled
        assert "Live is on" in button.toolTip
    until(lambda: ui.measureHint.text.startswith("Live is on"))
    browser.SetPlaybackLooped(True)
    QTest.mouseClick(ui.playWidget.findChild("QToolButton", "pushButton_VcrPlay"), Qt.LeftButton)
    seen = []
    until(lambda: seen.append(newest().GetDisplayNode().GetVisibility()) or live.state.segmented > 8)
    assert any(seen)  # over frames that had none yet
    since = time.monotonic()

    def a_beat() -> bool:
        if time.monotonic() - since > 10:  # a busy computer drops too many frames for EF
            browser.SetPlaybackRateFps(8.0)
        return bool(live.state.beats)

    until(a_beat)
    until(lambda: f"EF {live.state.ejectionFraction[0]:.0f} %" in live.label)
    picture("live-playing")
    assert abs(live.state.ejectionFraction[0] - a_heart.ejection_fraction) < 12
    until(lambda: (playing.masks() == Label.LV).any(axis=(1, 2)).mean() > 0.6)
    assert "frames/s" in live.label and "dropped" in live.label
    live.turn_off()
    assert browser.GetPlaybackActive()  # the clip plays on
    browser.SetPlaybackActive(False)
    assert newest() is None
    assert live.told.startswith("Live is off")
    assert not ui.liveLabel.visible
    masks = playing.masks()
    found = [dice(mask, truth) for mask, truth in zip(masks, a_heart.masks, strict=True) if mask.any()]
    assert np.mean(found) > 0.85
    assert playing.edFrames and playing.esFrames
    assert "%" in ui.efLabel.text
    QTest.mouseClick(ui.undoButton, Qt.LeftButton)
    until(lambda: playing.masks() is None)


def test_a_network_that_is_late_drops_frames_and_says_so(live: Live, playing: Any, until: Any, settle: Any) -> None:
    live.choose(playing)
    live.turn_on()
    until(lambda: live.state.segmented)
    worker = live.runs._runner.worker._dispatch
    before, frames = live.state.segmented, range(1, 21)
    os.kill(worker._process.pid, signal.SIGSTOP)
    for frame in frames:
        playing.setFrame(frame)
    settle()
    os.kill(worker._process.pid, signal.SIGCONT)
    until(lambda: live.state.segmented + live.state.dropped >= before + len(frames))
    assert live.state.dropped == len(frames) - MOST_UNANSWERED - 1
    assert live.state.segmented + live.state.dropped == before + len(frames)
    assert playing.mask(frames[-1]).any()  # the newest won
    assert not worker.active()[0].unanswered
    until(lambda: f"{live.state.dropped} dropped" in live.label)


def test_a_corrected_frame_keeps_its_mask(live: Live, playing: Any, a_heart: PhantomClip, until: Any) -> None:
    drawn = np.zeros_like(a_heart.masks)
    drawn[:, 40:50, 40:50] = Label.LV
    playing.setMasks(drawn, Provenance("segment"))
    playing.markCorrected(3)
    live.choose(playing)
    live.turn_on()
    until(lambda: live.state.segmented)
    for frame in (2, 3, 4):
        before = live.state.segmented
        playing.setFrame(frame)
        until(lambda before=before: live.state.segmented > before)
    np.testing.assert_array_equal(playing.mask(3), drawn[3])
    for frame in (2, 4):
        assert dice(playing.mask(frame), a_heart.masks[frame]) > 0.85
    np.testing.assert_array_equal(playing.mask(20), drawn[20])  # it was not in view
    live.turn_off()
    assert playing.correctedFrames == (3,)
    np.testing.assert_array_equal(playing.mask(3), drawn[3])
    QTest.mouseClick(live.ui.undoButton, Qt.LeftButton)
    until(lambda: (playing.masks() == drawn).all())


class Recorder:
    """Records a clip as Slicer does when images arrive: each changes the volume, and the browser keeps it."""

    def __init__(self, frames: np.ndarray, spacing: tuple[float, float]) -> None:
        import qt
        from EchoODELib.scene.clip import _imageOf

        self._frames, self._image, self.sent = frames, _imageOf, 0
        self.volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Scanner")
        self.volume.SetSpacing(spacing[1], spacing[0], 1.0)
        self.volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
        self.volume.SetAndObserveImageData(self._image(frames[0]))
        self.browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Recording")
        logic = slicer.modules.sequences.logic()
        self.sequence = logic.AddSynchronizedNode(None, self.volume, self.browser)
        self.browser.SetRecording(self.sequence, True)
        self.browser.SetRecordingSamplingMode(self.browser.SamplingAll)
        self.browser.SetRecordingActive(True)
        self._timer = qt.QTimer()
        self._timer.setInterval(round(1000 / RATE))
        self._timer.connect("timeout()", self.send)

    def send(self) -> None:
        """The next image arrives."""
        image = self._image(self._frames[self.sent % len(self._frames)])
        self.sent += 1
        wasModifying = self.volume.StartModify()
        self.volume.SetAndObserveImageData(image)
        self.volume.EndModify(wasModifying)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        self.browser.SetRecordingActive(False)


@pytest.fixture
def recorder(module: Any, a_heart: PhantomClip) -> Iterator[Recorder]:
    recorder = Recorder(a_heart.sequence.frames, a_heart.sequence.spacing)
    yield recorder
    recorder.stop()


def test_a_sequence_is_followed_while_it_is_recorded(
    live: Live, recorder: Recorder, a_heart: PhantomClip, picture: Callable[..., Path], until: Any
) -> None:
    from EchoODELib.scene.study import Study

    live.choose(None)
    live.module.panel.context.parameters.browser = recorder.browser  # before its first image
    recorder.start()
    until(lambda: live.module.panel.context.study is not None)
    study = live.module.panel.context.study
    assert study == Study.of(recorder.browser)
    live.module.panel.context.parameters.model = "quick"
    live.turn_on()
    until(lambda: live.state.segmented > 20)
    until(lambda: live.state.beats)
    until(lambda: newest().GetDisplayNode().GetVisibility())  # the frame in view is newer than any mask
    until(lambda: "EF" in live.label)
    picture("live-recording")
    recorder.stop()
    live.turn_off()
    count = study.frameCount
    assert count > 20
    assert count == recorder.sequence.GetNumberOfDataNodes()
    masks = study.masks()
    assert masks.shape[0] == count
    assert (masks == Label.LV).any(axis=(1, 2)).sum() > 20
    assert f"{count} frames" in live.ui.clipInfoLabel.text
    QTest.mouseClick(live.ui.undoButton, Qt.LeftButton)
    until(lambda: study.masks() is None)


def test_frames_that_are_added_by_another_program_come_into_view(
    live: Live, playing: Any, a_heart: PhantomClip, until: Any
) -> None:
    live.choose(playing)
    live.turn_on()
    until(lambda: live.state.segmented)
    sequence, before = playing.clipSequenceNode, live.state.segmented
    for number in range(3):
        sequence.SetDataNodeAtValue(sequence.GetNthDataNode(5), f"{5.0 + number / RATE:.9f}")
    until(lambda: live.state.segmented + live.state.dropped >= before + 3)
    assert playing.frame == len(a_heart.masks) + 2 == playing.frameCount - 1
    until(lambda: dice(playing.mask(playing.frame), a_heart.masks[5]) > 0.85)


def test_a_network_that_needs_the_whole_clip_is_refused_in_a_sentence(live: Live, playing: Any, until: Any) -> None:
    live.choose(playing, "echo-ode-phantom")
    live.click()
    until(lambda: not live.module.logic.busy)
    assert "can't be used live" in live.told
    assert not live.ui.liveButton.checked
    assert live.ui.liveButton.enabled
    assert playing.masks() is None


def test_it_ends_with_the_clip_and_with_the_scene(live: Live, playing: Any, until: Any) -> None:
    live.choose(playing)
    live.turn_on()
    until(lambda: live.state.segmented)
    slicer.mrmlScene.RemoveNode(playing.browserNode)
    until(lambda: not live.module.logic.busy)
    assert not live.runs.on
    assert not live.ui.liveButton.enabled
    slicer.mrmlScene.Clear(0)
    until(lambda: live.module.panel.context.parameters is not None)
    assert newest() is None


def test_masks_outlive_the_worker(live: Live, playing: Any, until: Any) -> None:
    live.choose(playing)
    live.turn_on()
    until(lambda: live.state.segmented)
    os.kill(live.runs._runner.worker._dispatch._process.pid, signal.SIGKILL)
    until(lambda: not live.module.logic.busy)
    assert "ended from outside" in live.told
    assert not live.ui.liveButton.checked
    assert playing.mask(0).any()
    assert newest() is None
