"""Dragging on the chart: ED and ES marks along the curve, the cursor through the clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from . import curve_points, curves
from .curve_points import CLIP, FRAME, TIME, VALUE, writePoints
from .layout import PLOT_VIEW, viewNode

if TYPE_CHECKING:
    from .study import Study


class PhaseDragWatcher:
    """Follows what a person moves on the chart of curves while the plot view is in its mode for moving points.

    An ED or ES mark goes to the nearest frame, and no farther than its neighbours of the same kind; ``onMoved(study,
    kind, oldFrame, newFrame)`` is told at once, while the mouse still holds it, so that EF follows. A pull at the
    cursor or at a point of the curve goes to that frame. All points are put back onto the curve.
    """

    def __init__(self, study: Study, onMoved: Callable[[Study, str, int, int], None]) -> None:
        """Watch for a study; where the chart shows several clips, marks of the others may be moved as well."""
        self.study, self.onMoved = study, onMoved
        self._observed: list[tuple[Any, int]] = []
        self._busy = False

    def begin(self, moveByDragging: bool = True) -> None:
        """Watch the chart that there is; call again when clips were added to it.

        Parameters
        ----------
        moveByDragging: put the layout's plot view into its mode for moving points.
        """
        self.end()
        tables = {kind: curves.markTable(kind) for kind in ("ED", "ES", "Cursor", "Now", "Flagged", "Corrected")}
        tables |= {node.GetID(): node for node in _curveTables()}
        for role, node in tables.items():
            if node is not None:
                tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._bound(role))
                self._observed.append((node, tag))
        if moveByDragging:
            view = viewNode("vtkMRMLPlotViewNode", PLOT_VIEW)
            view.SetInteractionMode(view.InteractionModeMovePoints)
            view.SetEnablePointMoveAlongX(True)
            view.SetEnablePointMoveAlongY(False)

    def end(self) -> None:
        """Watch no longer."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()

    def _bound(self, role: str) -> Callable[..., None]:
        return lambda node, event: self._modified(role, node)

    def _modified(self, role: str, node: Any) -> None:
        moved = None if self._busy else _movedPoint(node)
        if moved is None:
            return
        row, time = moved
        found = curves.frameOfPoint(_Series(node), row)
        self._busy = True  # what follows writes the same tables
        try:
            if found is None:
                _putBack(node)
            elif role in ("ED", "ES"):
                self._movePhase(role, node, found[0], found[1], time)
            else:
                study, frame = found
                _putBack(node)
                study.setFrame(_nearest(study.times, time) if role in ("Cursor", "Now") else frame)
                curves.updateCursor(study)
        finally:
            self._busy = False

    def _movePhase(self, kind: str, node: Any, study: Study, old: int, time: float) -> None:
        table = node.GetTable()
        clip = study.browserNode.GetID()
        frames = vtk_to_numpy(table.GetColumnByName(FRAME)).tolist()
        clips = [table.GetColumnByName(CLIP).GetValue(row) for row in range(len(frames))]
        same = [frame for frame, one in zip(frames, clips, strict=True) if one == clip and frame != old]
        low = max((frame for frame in same if frame < old), default=-1) + 1
        high = min((frame for frame in same if frame > old), default=study.frameCount) - 1
        new = min(max(_nearest(study.times, time), low), high)
        heights = _curveValues(study)
        if not np.isfinite(heights[new]):
            new = old
        _putBack(node)
        if new == old:
            return
        times, values = (array.copy() for array in curve_points.written[node.GetID()])
        for row, (frame, one) in enumerate(zip(frames, clips, strict=True)):
            if one == clip and frame == old:
                frames[row], times[row], values[row] = new, study.times[new], heights[new]
        writePoints(node, times, values, frames, clips)
        self.onMoved(study, kind, old, new)


class _Series:
    """A table as the series that it belongs to, for :func:`.curves.frameOfPoint`."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def GetTableNode(self) -> Any:
        return self._table


def _movedPoint(node: Any) -> tuple[int, float] | None:
    """Row and new time of the point that differs most from what was written, or None if none does."""
    known = curve_points.written.get(node.GetID())
    times, values = _points(node)
    if known is None or len(times) != len(known[0]) or not len(times):
        return None
    away = np.nan_to_num(np.abs(times - known[0]))
    if away.max() <= 0 and np.nan_to_num(np.abs(values - known[1])).max() <= 0:
        return None
    row = int(away.argmax()) if away.max() > 0 else int(np.nan_to_num(np.abs(values - known[1])).argmax())
    return row, float(times[row])


def _putBack(node: Any) -> None:
    """Write the points as they were."""
    times, values = _points(node)
    known = curve_points.written[node.GetID()]
    times[:], values[:] = known
    for name in (TIME, VALUE):
        node.GetTable().GetColumnByName(name).Modified()
    node.GetTable().Modified()


def _points(node: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and values of a table's points, as views of its columns; empty where it has none."""
    columns = [node.GetTable().GetColumnByName(name) for name in (TIME, VALUE)]
    if any(column is None or column.GetDataType() != vtk.VTK_DOUBLE for column in columns):
        return np.zeros(0), np.zeros(0)
    if not columns[0].GetNumberOfTuples():
        return np.zeros(0), np.zeros(0)
    return vtk_to_numpy(columns[0]), vtk_to_numpy(columns[1])


def _curveValues(study: Study) -> NDArray[np.float64]:
    """(T,) the study's curve as it is drawn."""
    table = study.browserNode.GetNodeReference(curves.CURVE)
    return curve_points.written[table.GetID()][1]


def _curveTables() -> list[Any]:
    tables = (b.GetNodeReference(curves.CURVE) for b in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"))
    return [table for table in tables if table is not None]


def _nearest(times: NDArray[np.float64], time: float) -> int:
    return int(np.abs(times - time).argmin())
