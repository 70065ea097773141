"""How pictures look: dark, quiet, the heart in front."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..sequence import EchoSequence, Label
from . import DISCLAIMER
from .anatomy import STRUCTURES
from .atomic import write_bytes
from .contours import outlines

BACKGROUND, PANEL, TEXT, QUIET, LINE = "#0b0e13", "#12161d", "#e8ecf1", "#8b95a3", "#2a313c"
ED_COLOR, ES_COLOR = "#7fd88f", "#ff8a65"

_RC: dict[Any, Any] = {
    "figure.facecolor": BACKGROUND,
    "savefig.facecolor": BACKGROUND,
    "axes.facecolor": PANEL,
    "axes.edgecolor": LINE,
    "axes.labelcolor": TEXT,
    "axes.titlecolor": TEXT,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": TEXT,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "legend.facecolor": PANEL,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "legend.fancybox": False,
    "legend.fontsize": 8.5,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
}

Box = tuple[int, int, int, int]


def dark() -> AbstractContextManager[None]:
    """The look, for as long as a figure is made; nothing outside of the block changes."""
    return rc_context(_RC)


def save(figure: Figure, path: str | os.PathLike[str], dpi: int = 150) -> Path:
    """Write a figure as PNG in one step, without matplotlib's own marks in it."""
    buffer = io.BytesIO()
    with dark():
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": "EchoODE"})
    return write_bytes(path, buffer.getvalue())


def finish(figure: Figure, title: str, subtitle: str = "") -> None:
    """Title at the top left, one line of small print at the bottom."""
    height = figure.get_figheight()
    figure.text(0.016, 1 - 0.13 / height, title, fontsize=12.5, fontweight="bold", va="top")
    if subtitle:
        figure.text(0.016, 1 - 0.38 / height, subtitle, fontsize=9, color=QUIET, va="top")
    figure.text(0.984, 0.09 / height, f"EchoODE · {DISCLAIMER}", fontsize=7.5, color=QUIET, ha="right", va="bottom")


def show_frame(axes: Axes, frame: NDArray[np.uint8], box: Box) -> None:
    """Draw a frame, cut to ``box`` (row0, row1, column0, column1), in the clip's own pixel coordinates."""
    axes.imshow(frame, cmap="gray", vmin=0, vmax=255, interpolation="lanczos")
    row0, row1, column0, column1 = box
    axes.set_xlim(column0 - 0.5, column1 - 0.5)
    axes.set_ylim(row1 - 0.5, row0 - 0.5)
    axes.set_facecolor("black")
    axes.set_axis_off()


def caption(axes: Axes, text: str, above: float, side: Literal["left", "right"] = "left", **style: Any) -> None:
    """A line over a frame, ``above`` points over its upper edge whatever the frame's height."""
    place = (0.0 if side == "left" else 1.0, 1.0)
    axes.annotate(
        text, place, (0, above), xycoords="axes fraction", textcoords="offset points", ha=side, va="bottom", **style
    )


def pixel_aspect(sequence: EchoSequence) -> float:
    """Height of a pixel over its width."""
    return sequence.spacing[0] / sequence.spacing[1] if sequence.spacing else 1.0


def show_outlines(axes: Axes, mask: NDArray[np.uint8], width: float = 1.1, alpha: float = 0.95) -> None:
    """Draw a mask's outlines, thin, over a hair of black so that they stand on bright tissue too."""
    for label, lines in outlines(mask).items():
        axes.add_collection(LineCollection(lines, colors="black", linewidths=width + 0.9, alpha=0.35 * alpha))
        axes.add_collection(LineCollection(lines, colors=STRUCTURES[label].hex, linewidths=width, alpha=alpha))


def show_calipers(axes: Axes, lines: Sequence[NDArray[np.float64]]) -> None:
    """Draw measurement lines (2, 2) px (x, y) with their ends."""
    for line in lines:
        axes.plot(*line.T, color="black", lw=2.4, alpha=0.35)
        axes.plot(*line.T, color=TEXT, lw=1.2, marker="o", ms=2.6)


def structure_legend(labels: Iterable[Label]) -> list[Line2D]:
    """Legend entries for structures, the wall by its outer border."""
    names = {Label.LV: "LV endocardium", Label.MYOCARDIUM: "Epicardium", Label.LA: "Left atrium"}
    present = set(labels)
    return [
        Line2D([], [], color=STRUCTURES[label].hex, lw=1.6, label=names[label]) for label in names if label in present
    ]


def scale_bar(axes: Axes, sequence: EchoSequence, box: Box, corner: Literal["left", "right"] = "left") -> None:
    """A bar of 2 cm in the lower corner of a calibrated frame."""
    if sequence.spacing is None:
        return
    row0, row1, column0, column1 = box
    length = 20.0 / sequence.spacing[1]
    inset = 0.035 * (column1 - column0)
    start = column0 + inset if corner == "left" else column1 - inset - length
    y = row1 - 0.035 * (row1 - row0)
    axes.plot([start, start + length], [y, y], color=TEXT, lw=1.6, solid_capstyle="butt")
    axes.text(start + length / 2, y - 0.012 * (row1 - row0), "2 cm", fontsize=7.5, ha="center", va="bottom")
