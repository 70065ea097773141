"""The picture of the motion: the reference frame's grid carried to another frame, area change, displacement."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, map_coordinates

from ..errors import OutputError
from ..sequence import Label, SegmentedSequence
from .backdrop import Backdrop, backdrop
from .style import (
    ED_COLOR,
    ES_COLOR,
    QUIET,
    TEXT,
    caption,
    dark,
    finish,
    pixel_aspect,
    save,
    scale_bar,
    show_frame,
    show_outlines,
)
from .wording import clip_line

Array = NDArray[np.float64]

# Blue where tissue shrinks in the image plane, amber where it spreads, light gray in between.
_AREA_CHANGE = LinearSegmentedColormap.from_list("area", ["#3f8efc", "#8fc1ff", "#e6e9ee", "#ffd08a", "#ff8c42"])
_LENGTH = LinearSegmentedColormap.from_list("length", ["#2b3f6b", "#4dd0e1", "#d7f5a0", "#ffe082"])
_LINES_ACROSS = 30
_SUBSTEPS = 6


def write_grid(
    path: str | os.PathLike[str],
    segmented: SegmentedSequence,
    frame: int,
    *,
    name: str = "ES",
    behind: Backdrop | None = None,
) -> Path:
    """Draw the regular grid on the reference frame, the same grid carried to ``frame``, and the displacement.

    Parameters
    ----------
    path: ends in ``.png``.
    segmented: with a displacement field.
    frame: where the grid is carried to, mostly ES.
    name: what that frame is called.
    behind: what of the clip is shown; the sector only by default.

    Raises
    ------
    OutputError: there is no motion, or the place can't be written.
    """
    if segmented.displacement is None or segmented.reference_frame is None:
        raise OutputError("There is no motion to draw; propagate a mask first.")
    clip, reference = segmented.sequence, segmented.reference_frame
    behind = behind or backdrop(clip)
    row0, row1, column0, column1 = behind.box
    aspect = pixel_aspect(clip)
    field = segmented.displacement[frame].astype(np.float64)
    ventricle = np.isin(segmented.masks[reference], (Label.LV, Label.MYOCARDIUM))
    if not ventricle.any():
        raise OutputError("There is no ventricle to draw a grid on; propagate a mask of the LV first.")
    tissue = _tissue(ventricle, behind)
    spacing = max(4.0, (column1 - column0) / _LINES_ACROSS)
    width = 4.3
    tall = width * (row1 - row0) * aspect / (column1 - column0)
    with dark():
        figure = Figure(figsize=(3 * width + 0.3, tall + 2.0))
        height = figure.get_figheight()
        grid = figure.add_gridspec(
            1, 3, left=0.01, right=0.99, top=1 - 0.98 / height, bottom=0.92 / height, wspace=0.02
        )
        titles = ("ED: regular grid", f"{name}: the same grid, carried along", f"Displacement ED → {name}")
        frames = (reference, frame, frame)
        panels = [figure.add_subplot(grid[number]) for number in range(3)]
        for axes, title, shown in zip(panels, titles, frames, strict=True):
            show_frame(axes, behind.frames[shown], behind.box)
            axes.set_aspect(aspect)
            color = ED_COLOR if title.startswith("ED") else ES_COLOR if title.startswith("ES") else TEXT
            caption(axes, title, 5, color=color, fontsize=10.5, fontweight="bold")
            caption(axes, f"frame {shown} · {clip.times[shown]:.2f} s", 5, "right", color=QUIET, fontsize=8.5)
        _draw_grid(panels[0], np.zeros_like(field), tissue, spacing, behind.box, None)
        change = _draw_grid(panels[1], field, tissue, spacing, behind.box, _area_change(field))
        lengths = _draw_arrows(panels[2], field, ventricle, spacing, clip.spacing)
        for axes, shown in zip(panels, frames, strict=True):
            show_outlines(axes, segmented.masks[shown], width=0.9, alpha=0.9)
        scale_bar(panels[0], clip, behind.box)
        _color_bar(figure, panels[1], change, "area change of tissue (%)")
        _color_bar(figure, panels[2], lengths, f"displacement ({'mm' if clip.calibrated else 'px'})")
        smallest = float((1 + _area_change(field)[tissue] / 100).min())
        finish(
            figure,
            f"Deformation from ED (frame {reference}) to {name} (frame {frame})",
            f"{clip_line(clip)} · smallest Jacobian determinant around the ventricle {smallest:.2f}",
        )
        return save(figure, path)


def _tissue(ventricle: NDArray[np.bool_], behind: Backdrop) -> NDArray[np.bool_]:
    """The ventricle and what moves with it, inside the sector; atria change too much to read a grid there."""
    row0, row1, _, _ = behind.box
    reach = max(3, round(0.05 * (row1 - row0)))
    return np.asarray(binary_dilation(ventricle, iterations=reach) & behind.inside)


def _area_change(field: Array) -> Array:
    """(H, W) change of area in percent: the Jacobian determinant of p + field(p), minus one."""
    dy_x, dx_x = np.gradient(field[..., 0])
    dy_y, dx_y = np.gradient(field[..., 1])
    return np.asarray(100.0 * ((1 + dx_x) * (1 + dy_y) - dy_x * dx_y - 1))


def _draw_grid(
    axes: Axes,
    field: Array,
    tissue: NDArray[np.bool_],
    spacing: float,
    box: tuple[int, int, int, int],
    values: Array | None,
) -> ScalarMappable | None:
    """The reference frame's grid moved by ``field``; coloured by ``values``, where given."""
    row0, row1, column0, column1 = box
    segments: list[Array] = []
    for across in (True, False):
        (start, stop), (along0, along1) = (
            ((row0, row1), (column0, column1)) if across else ((column0, column1), (row0, row1))
        )
        for line in np.arange(start + spacing / 2, stop - 1, spacing):
            run = np.arange(along0, along1 - 1, spacing / _SUBSTEPS)
            points = np.column_stack((run, np.full_like(run, line)) if across else (np.full_like(run, line), run))
            segments.extend(np.stack((points[:-1], points[1:]), axis=1))
    still = np.array(segments)  # (N, 2 ends, xy)
    middle = still.mean(axis=1)
    still = still[_sample(tissue.astype(np.float64), middle, order=0) > 0.5]
    middle = still.mean(axis=1)
    moved = still + np.stack(
        [_sample(field[..., k], still.reshape(-1, 2)).reshape(len(still), 2) for k in (0, 1)], axis=-1
    )
    if values is None:
        axes.add_collection(LineCollection(list(moved), colors="#dfe6ee", linewidths=0.65, alpha=0.6))
        return None
    color = _sample(values, middle)
    limit = float(np.clip(np.percentile(np.abs(color), 98), 10, 80)) if len(color) else 10.0
    norm = TwoSlopeNorm(0.0, -limit, limit)
    lines = LineCollection(list(moved), cmap=_AREA_CHANGE, norm=norm, linewidths=0.9, alpha=0.9)
    lines.set_array(color)
    axes.add_collection(lines)
    return lines


def _draw_arrows(
    axes: Axes, field: Array, ventricle: NDArray[np.bool_], spacing: float, pixel: tuple[float, float] | None
) -> ScalarMappable:
    """Displacement of the ventricle: arrows from where it was at ED to where it is now, true to scale."""
    rows, columns = np.nonzero(ventricle)
    step = max(3.0, 1.1 * spacing)
    x, y = np.meshgrid(np.arange(columns.min(), columns.max(), step), np.arange(rows.min(), rows.max(), step))
    points = np.column_stack((x.ravel(), y.ravel()))
    points = points[_sample(ventricle.astype(np.float64), points, order=0) > 0.5]
    vectors = np.column_stack([_sample(field[..., k], points) for k in (0, 1)])
    row, column = pixel or (1.0, 1.0)
    lengths = np.hypot(vectors[:, 0] * column, vectors[:, 1] * row)
    norm = Normalize(0.0, max(float(lengths.max()) if len(lengths) else 1.0, 1e-6))
    return axes.quiver(
        points[:, 0],
        points[:, 1],
        vectors[:, 0],
        vectors[:, 1],
        lengths,
        cmap=_LENGTH,
        norm=norm,
        angles="xy",
        scale_units="xy",
        scale=1.0,
        width=0.0032,
        headwidth=4.2,
        headlength=4.6,
        headaxislength=4.0,
        minlength=0.4,
        alpha=0.95,
    )


def _sample(image: Array, points: Array, order: int = 1) -> Array:
    return np.asarray(map_coordinates(image, (points[:, 1], points[:, 0]), order=order, mode="nearest"))


def _color_bar(figure: Figure, axes: Axes, mapped: ScalarMappable | None, label: str) -> None:
    if mapped is None:
        return
    place = axes.get_position()
    height = figure.get_figheight()
    bar = figure.add_axes((place.x0 + 0.2 * place.width, 0.62 / height, 0.6 * place.width, 0.085 / height))
    figure.colorbar(mapped, cax=bar, orientation="horizontal")
    bar.tick_params(labelsize=8, length=2)
    bar.set_xlabel(label, fontsize=8.5, labelpad=2)
    bar.spines[:].set_visible(False)
