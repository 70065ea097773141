"""What a person does with the module, each step with a clock."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .gui_figures import Figure
from .gui_loop import Gap, Heartbeat, live, pause
from .gui_window import Window

PLAY_RATE = 100.0  # frames a second asked for: more than can be drawn
DRAG_FRAMES = 4
CANCEL_GOAL_S, STILL_GOAL_MS, DRAG_GOAL_MS, PLAY_GOAL = 0.5, 100.0, 100.0, 30.0


class Steps:
    """The steps in the order in which they can be taken; each gives its figures.

    Parameters
    ----------
    window: the module in the host.
    clip: file of the clip.
    repeats: of what is cheap; what takes long is done at most twice.
    blame: say where the event loop stood still.
    """

    def __init__(self, window: Window, clip: Path, repeats: int, blame: bool = False) -> None:
        self.window, self.clip, self.repeats, self.blame = window, clip, repeats, blame
        self._stages: dict[str, list[str]] = {}
        window.operations.listeners.append(self._note_stage)

    def load(self) -> Iterator[Figure]:
        """Load the clip, the first time with all that reading it imports; it stays in view."""
        seconds = []
        for _ in range(1 + self.repeats):
            self.window.clear()
            drawn: list[float] = []
            stop = self.window.on_echo_drawn(lambda drawn=drawn: drawn.append(time.perf_counter()))  # type: ignore[misc]
            begun = time.perf_counter()
            self.window.load(self.clip)
            loaded = time.perf_counter()
            live(lambda drawn=drawn, loaded=loaded: bool(drawn) and drawn[-1] > loaded)  # type: ignore[misc]
            seconds.append(time.perf_counter() - begun)
            stop()
            pause(0.3)
        yield Figure("clip loaded and drawn, first", "s", (seconds[0],))
        yield Figure("clip loaded and drawn, again", "s", tuple(seconds[1:]))

    def segment(self) -> Iterator[Figure]:
        """Click Segment with no worker there, and again with a warm one."""
        few = min(self.repeats, 2)
        cold = []
        for _ in range(few):
            self.window.operations.close()
            cold.append(self._run("segment"))
        warm = [self._run("segment") for _ in range(self.repeats)]
        yield _seconds("Segment, worker cold: click to result in the scene", cold)
        yield _seconds("Segment, worker warm: click to result in the scene", warm)
        yield _still("event loop stood still while segmenting", [*cold, *warm])

    def propagate(self) -> Iterator[Figure]:
        """Click Propagate."""
        runs = [self._run("propagate") for _ in range(self.repeats)]
        yield _seconds("Propagate: click to result in the scene", runs)
        yield _still("event loop stood still while propagating", runs)

    def play(self) -> Iterator[Figure]:
        """Play with the masks' contour, and with the grid on top."""
        from EchoODELib.scene.parameters import MaskStyle

        parameters = self.window.parameters
        parameters.showMasks, parameters.contour = True, MaskStyle.CONTOUR
        for grid, what in ((False, "contours"), (True, "contours and grid")):
            parameters.showGrid = grid
            pause(0.5)
            rates = tuple(self._frames_a_second() for _ in range(self.repeats))
            yield Figure(f"playback with {what}", "frames/s", rates, PLAY_GOAL, least=True)
        parameters.showGrid = False

    def drag(self) -> Iterator[Figure]:
        """Drag the ES mark with the mouse to and fro, and wait for the EF in the panel."""
        window, view = self.window, self.window.plot_view()
        times = []
        for turn in range(2 * self.repeats):
            # No farther than fits into short clips.
            by = max(1, min(DRAG_FRAMES, window.study.frameCount // 8)) * (-1 if turn % 2 else 1)
            times.append(1000 * self._drag_es(view, by))
            pause(0.2)
        yield Figure("ES mark dragged: mouse to new EF in the panel", "ms", tuple(times), DRAG_GOAL_MS)

    def cancel(self) -> Iterator[Figure]:
        """Click Cancel in each stage of a run that was met before."""
        self.window.operations.close()
        yield from self._cancelled("segment", "", "while the worker starts")
        for step, stages in self._stages.items():
            yield from self._cancelled(step, "", "at once, worker warm")
            for stage in stages:
                yield from self._cancelled(step, stage, stage.lower())

    def scene(self) -> Iterator[Figure]:
        """Save the scene with masks and motion, close it, load it."""
        import slicer

        saved, loaded = [], []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(min(self.repeats, 2)):
                path = Path(folder) / f"scene-{number}.mrb"
                with _clock(saved):
                    slicer.util.saveScene(str(path))
                self.window.clear()
                with _clock(loaded):
                    slicer.util.loadScene(str(path))
                    slicer.app.processEvents()
                pause(0.3)
        yield Figure("scene with masks and motion saved", "s", tuple(saved))
        yield Figure("scene with masks and motion loaded", "s", tuple(loaded))

    def _run(self, step: str) -> tuple[float, Gap]:
        with Heartbeat(self.blame) as heart:
            begun = time.perf_counter()
            self.window.click(f"{step}Button")
            live(lambda: self.window.ready)
            seconds = time.perf_counter() - begun
            pause(0.3)  # what follows in the views belongs to it
        if self.window.study.masks() is None or not self.window.operations.isMeasurable(self.window.study):
            raise RuntimeError(f"{step}: {self.window.message()}")
        if self.blame:
            for gap in sorted(heart.gaps, key=lambda gap: -gap.seconds)[:5]:
                print(f"  {step}: {1000 * gap.seconds:.0f} ms ({1000 * gap.own:.0f} own): " + " | ".join(gap.where))
        return seconds, heart.longest()

    def _frames_a_second(self, seconds: float = 2.0) -> float:
        browser = self.window.study.browserNode
        drawn: list[int] = []
        rate = browser.GetPlaybackRateFps()
        stop = self.window.on_echo_drawn(lambda: drawn.append(browser.GetSelectedItemNumber()))
        browser.SetPlaybackRateFps(PLAY_RATE)
        begun = time.perf_counter()
        browser.SetPlaybackActive(True)
        pause(seconds)
        browser.SetPlaybackActive(False)
        passed = time.perf_counter() - begun
        stop()
        browser.SetPlaybackRateFps(rate)
        return float(np.count_nonzero(np.diff(drawn))) / passed

    def _drag_es(self, view: Any, by: int) -> float:
        from EchoODELib.scene.curves import chartNode, markTable
        from SlicerHost.mouse import Qt, QTest

        window, study = self.window, self.window.study
        old = study.esFrames[0]
        marks = chartNode().GetNthPlotSeriesNode(chartNode().GetNumberOfPlotSeriesNodes() - 2)
        assert marks.GetTableNode() is markTable("ES")
        curve = next(
            series
            for series in map(chartNode().GetNthPlotSeriesNode, range(chartNode().GetNumberOfPlotSeriesNodes()))
            if series.GetTableNode() is study.browserNode.GetNodeReference("EchoODE.CurveTable")
        )
        start, end = view._point_on_screen(marks, 0), view._point_on_screen(curve, old + by)
        before = window.ui.efLabel.text, window.ui.headlineLabel.text
        QTest.mouseMove(view, start)
        QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, start)
        pause(0.1)
        begun = time.perf_counter()
        _move_pressed(view, end)
        live(lambda: (window.ui.efLabel.text, window.ui.headlineLabel.text) != before, 10)
        seconds = time.perf_counter() - begun
        QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, end)
        return seconds

    def _cancelled(self, step: str, stage: str, name: str) -> Iterator[Figure]:
        """Nothing if the run does not come to that stage, as a warm worker does not load."""
        window = self.window
        window.click(f"{step}Button")
        live(lambda: window.ready or not stage or self._stage() == stage)
        if window.ready:
            return
        window.click(f"{step}Button")
        seconds = live(lambda: window.ready)
        pause(0.1)
        yield Figure(f"Cancel to cancelled, {step}: {name}", "s", (seconds,), CANCEL_GOAL_S)

    def _stage(self) -> str:
        progress = self.window.operations.progress
        return "" if progress is None else str(progress.stage)

    def _note_stage(self, event: Any, study: Any) -> None:
        step, stage = self.window.operations.runningStep, self._stage()
        known = self._stages.setdefault(step, []) if step and stage else []
        if stage and stage not in known:
            known.append(stage)


@contextmanager
def _clock(seconds: list[float]) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - begun)


def _move_pressed(view: Any, place: Any) -> None:
    """Move the mouse with its left button down."""
    from PySide6 import QtCore, QtGui, QtWidgets
    from SlicerHost.mouse import Qt

    event = QtGui.QMouseEvent(
        QtCore.QEvent.MouseMove,
        QtCore.QPointF(place),
        view.mapToGlobal(QtCore.QPointF(place)),
        Qt.NoButton,
        Qt.LeftButton,
        Qt.NoModifier,
    )
    QtWidgets.QApplication.sendEvent(view, event)


def _seconds(name: str, runs: list[tuple[float, Gap]]) -> Figure:
    return Figure(name, "s", tuple(seconds for seconds, _ in runs))


def _still(name: str, runs: list[tuple[float, Gap]]) -> Figure:
    longest = max((gap for _, gap in runs), key=lambda gap: gap.seconds)
    note = f"longest: {1000 * longest.own:.0f} ms of it own work"
    return Figure(name, "ms", tuple(1000 * gap.seconds for _, gap in runs), STILL_GOAL_MS, note=note)
