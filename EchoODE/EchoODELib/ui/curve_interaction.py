"""The mouse on the curve: a click goes to the frame, ED and ES marks can be dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk

from ..scene.curve_drag import PhaseDragWatcher
from ..scene.curves import chartNode, frameOfPoint
from ..scene.layout import PLOT_VIEW, shownChart
from .context import Context

if TYPE_CHECKING:
    from ..scene.study import Study

SELECTED = "dataSelected(vtkStringArray*,vtkCollection*)"
STILL_PX = 3  # a press that moves no farther is a click


class CurveInteraction:
    """Connected while the module is shown; the layout's plot view may come and go."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._view: Any = None
        self._interactor: Any = None
        self._tags: list[int] = []
        self._pressed: tuple[int, int] | None = None
        self._drag: PhaseDragWatcher | None = None
        self._on = False

    def begin(self) -> None:
        """Listen to the plot view."""
        if not self._on:
            self._on = True
            slicer.app.layoutManager().connect("layoutChanged(int)", self._onLayout)
        self._connectView()
        self.follow()

    def end(self) -> None:
        """Listen no longer."""
        if self._on:
            self._on = False
            slicer.app.layoutManager().disconnect("layoutChanged(int)", self._onLayout)
        self._disconnectView()
        self.release()

    def follow(self) -> None:
        """The chart was drawn anew, or another clip is in view: watch its marks."""
        study = self._context.study
        if not self._on or study is None:
            self.release()
            return
        if self._drag is None or self._drag.study != study:
            self.release()
            self._drag = PhaseDragWatcher(study, self._onMoved)
        self._drag.begin()

    def release(self) -> None:
        """Let go of the chart's nodes."""
        if self._drag is not None:
            self._drag.end()
        self._drag = None

    def _onLayout(self, layout: int) -> None:
        self._connectView()

    def _connectView(self) -> None:
        self._disconnectView()
        manager = slicer.app.layoutManager()
        for index in range(manager.plotViewCount):
            widget = manager.plotWidget(index)
            node = widget.mrmlPlotViewNode()
            if node is not None and node.GetLayoutName() == PLOT_VIEW:
                self._view = widget.plotView()
        if self._view is None:
            return
        self._view.connect(SELECTED, self._onSelected)
        self._interactor = self._view.renderWindow().GetInteractor()
        if self._interactor is not None:
            self._tags = [
                self._interactor.AddObserver(vtk.vtkCommand.LeftButtonPressEvent, self._onPress),
                self._interactor.AddObserver(vtk.vtkCommand.LeftButtonReleaseEvent, self._onRelease),
            ]

    def _disconnectView(self) -> None:
        if self._view is not None:
            self._view.disconnect(SELECTED, self._onSelected)
        if self._interactor is not None:
            for tag in self._tags:
                self._interactor.RemoveObserver(tag)
        self._view = self._interactor = None
        self._tags = []

    def _onMoved(self, study: Study, kind: str, oldFrame: int, newFrame: int) -> None:
        self._pressed = None
        self._context.attempt(lambda: self._context.operations.movePhase(study, kind, oldFrame, newFrame))

    def _onSelected(self, seriesIds: Any, selections: Any) -> None:
        """A point was clicked, perhaps of another clip's curve."""
        for index in range(min(seriesIds.GetNumberOfValues(), selections.GetNumberOfItems())):
            points = selections.GetItemAsObject(index)
            if points is None or points.GetNumberOfValues() == 0:
                continue
            series = slicer.mrmlScene.GetNodeByID(seriesIds.GetValue(index))
            found = frameOfPoint(series, int(points.GetValue(0)))
            if found is None:
                continue
            self._pressed = None
            study, frame = found
            if study != self._context.study:
                self._context.choose(study)
            self._context.goTo(frame)
            return

    def _onPress(self, interactor: Any, event: str) -> None:
        self._pressed = interactor.GetEventPosition()

    def _onRelease(self, interactor: Any, event: str) -> None:
        """A click beside the points goes to the frame at that time."""
        pressed, self._pressed = self._pressed, None
        place = interactor.GetEventPosition()
        study = self._context.study
        if shownChart() is not chartNode():  # another chart is in view, whose axis isn't time
            return
        if pressed is None or study is None or max(abs(a - b) for a, b in zip(pressed, place, strict=True)) > STILL_PX:
            return
        time = self._timeAt(place)
        if time is not None:
            self._context.goTo(int(np.abs(study.times - time).argmin()))

    def _timeAt(self, place: tuple[int, int]) -> float | None:
        """Seconds at a place of the chart, or None outside of its axes."""
        chart = self._view.chart()
        bottom, left = chart.GetAxis(vtk.vtkAxis.BOTTOM), chart.GetAxis(vtk.vtkAxis.LEFT)
        (x0, y0), (x1, _y) = bottom.GetPoint1(), bottom.GetPoint2()
        (_x, y1) = left.GetPoint2()
        if x1 <= x0 or not (x0 <= place[0] <= x1 and y0 <= place[1] <= y1):
            return None
        share = (place[0] - x0) / (x1 - x0)
        return float(bottom.GetMinimum() + share * (bottom.GetMaximum() - bottom.GetMinimum()))
