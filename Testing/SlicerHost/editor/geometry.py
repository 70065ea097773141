"""Voxels of a labelmap as numpy arrays, and the shapes that brushes paint into them."""

from __future__ import annotations

from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy


def voxels(image: Any) -> NDArray[Any]:
    """A view (K, J, I) of an image's voxels; writing to it writes the image."""
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(tuple(reversed(image.GetDimensions())))


def world_to_array(image: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """RAS points (N, 3) in mm -> places (N, 3) in the array of `voxels`, as (i, j, k) from its first voxel."""
    to_world = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(to_world)
    to_image = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(to_world, to_image)
    matrix = np.array([[to_image.GetElement(r, c) for c in range(4)] for r in range(4)])
    return points @ matrix[:3, :3].T + matrix[:3, 3] - np.array(image.GetExtent()[::2], dtype=float)


def array_axes(image: Any) -> NDArray[np.float64]:
    """Unit vectors in RAS of the image's i, j and k axes, as rows."""
    directions = vtk.vtkMatrix4x4()
    image.GetDirectionMatrix(directions)
    return np.array([[directions.GetElement(r, c) for r in range(3)] for c in range(3)])


def paint_capsule(
    image: Any, start: NDArray[np.float64], end: NDArray[np.float64], radius: float, normal: NDArray[np.float64] | None
) -> int:
    """Set to 1 the voxels within `radius` mm of the line from `start` to `end` (RAS, mm).

    Args:
        image: labelmap, changed in place.
        start: position of the brush before.
        end: position of the brush now.
        radius: half of the brush's diameter, mm.
        normal: of the slice; the brush is then a disc, one voxel thick. None paints a sphere.

    Returns:
        the number of voxels under the brush.
    """
    array, spacing = voxels(image), np.array(image.GetSpacing())
    ends = world_to_array(image, np.stack([start, end]))
    margin = np.maximum(radius / spacing, 0.5) + 1
    size = np.array(array.shape[::-1])
    low = np.clip(np.floor(ends.min(axis=0) - margin).astype(int), 0, size)
    high = np.clip(np.ceil(ends.max(axis=0) + margin).astype(int) + 1, 0, size)
    if np.any(low >= high):
        return 0
    k, j, i = np.ogrid[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    offset = [(axis - place) * step for axis, place, step in zip((i, j, k), ends[0], spacing, strict=True)]
    line = (ends[1] - ends[0]) * spacing
    length2 = float(line @ line)
    along = sum(o * v for o, v in zip(offset, line, strict=True)) / length2 if length2 else 0.0
    share = np.clip(along, 0.0, 1.0)
    rest = [o - share * v for o, v in zip(offset, line, strict=True)]
    inside: Any
    if normal is None:
        inside = sum(r * r for r in rest) <= radius * radius
    else:
        direction = array_axes(image) @ normal  # the slice's normal along i, j and k
        depth = sum(r * d for r, d in zip(rest, direction, strict=True))
        thickness = float(np.abs(direction) @ spacing) / 2 + 1e-6
        inside = (sum(r * r for r in rest) - depth * depth <= radius * radius) & (np.abs(depth) <= thickness)
    block = array[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    block[np.broadcast_to(inside, block.shape)] = 1
    return int(np.count_nonzero(inside))
