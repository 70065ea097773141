"""The points of the chart's series in their tables, each with the frame and the clip that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

Array = NDArray[np.float64]

TIME, VALUE, FRAME, CLIP = "Time", "Value", "Frame", "Clip"
#: What was last written into each table, by its id: what differs from it, a person has moved.
written: dict[str, tuple[Array, Array]] = {}


def writePoints(
    node: Any, times: Sequence[float] | Array, values: Sequence[float] | Array, frames: Sequence[int], clips: list[str]
) -> None:
    """Write the points of a series into its table node, in place where their number is the same.

    A single point is written twice, for VTK reports an error for a line of one point at every drawing; no point as
    two in the chart's corner that belong to no clip.
    """
    if len(frames) == 0:
        times, values, frames, clips = [0.0] * 2, [0.0] * 2, [-1] * 2, [""] * 2
    elif len(frames) == 1:
        times, values, frames, clips = [*times] * 2, [*values] * 2, [*frames] * 2, [*clips] * 2
    columns = (np.asarray(times, np.float64), np.asarray(values, np.float64), np.asarray(frames, np.int32))
    written[node.GetID()] = columns[:2]
    table = node.GetTable()
    if table.GetNumberOfColumns() == 4 and table.GetNumberOfRows() == len(columns[0]) > 0:
        for name, values_ in zip((TIME, VALUE, FRAME), columns, strict=True):
            array = table.GetColumnByName(name)
            if array.GetDataType() != (vtk.VTK_INT if name == FRAME else vtk.VTK_DOUBLE):
                break  # a scene's file may have brought another type
            vtk_to_numpy(array)[:] = values_
            array.Modified()
        else:
            for row, clip in enumerate(clips):
                table.GetColumnByName(CLIP).SetValue(row, clip)
            table.Modified()
            return
    table = vtk.vtkTable()
    for name, values_ in zip((TIME, VALUE, FRAME), columns, strict=True):
        array = numpy_to_vtk(values_, deep=True, array_type=vtk.VTK_INT if name == FRAME else vtk.VTK_DOUBLE)
        array.SetName(name)
        table.AddColumn(array)
    strings = vtk.vtkStringArray()
    strings.SetName(CLIP)
    for clip in clips:
        strings.InsertNextValue(clip)
    table.AddColumn(strings)
    node.SetAndObserveTable(table)
