"""How the report's pictures look: plots on white, hearts on black."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from EchoODELib.engine.export.anatomy import STRUCTURES as ANATOMY
from EchoODELib.engine.export.contours import outlines
from EchoODELib.engine.sequence import Label
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

INK, QUIET, RULE = "#1c2430", "#5d6878", "#d9dee6"
#: One colour a model, told apart by people who see red and green alike (Okabe and Ito).
MODEL_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f3c8d", "#000000")
STRUCTURE_NAMES: Mapping[str, str] = {"lv": "LV", "myocardium": "Myocardium", "la": "Left atrium"}

_RC: dict[Any, Any] = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "axes.facecolor": "white",
    "axes.edgecolor": RULE,
    "axes.labelcolor": QUIET,
    "axes.titlecolor": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 9,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "echoode",
}


def light() -> AbstractContextManager[None]:
    """The look of plots, for as long as a figure is made."""
    return rc_context(_RC)


def colors(models: Iterable[str]) -> dict[str, str]:
    """Each model's colour."""
    return {model: MODEL_COLORS[number % len(MODEL_COLORS)] for number, model in enumerate(models)}


def as_svg(figure: Figure) -> str:
    """A figure as a data address, sharp at any size."""
    buffer = io.BytesIO()
    with light():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": "EchoODE"})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode()


def as_jpeg(figure: Figure, dpi: int = 130) -> str:
    """A figure of frames as a data address."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="jpeg", dpi=dpi, facecolor="black", pil_kwargs={"quality": 86, "optimize": True})
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def show(axes: Axes, image: NDArray[np.uint8], aspect: float) -> None:
    """Draw a frame, as bright as a reader would set it."""
    level = float(np.percentile(image[image > 0], 99)) if (image > 0).any() else 255.0
    axes.imshow(
        image, cmap="gray", vmin=0, vmax=max(min(level * 1.3, 255.0), 90.0), interpolation="lanczos", aspect=aspect
    )
    axes.set_axis_off()


def show_masks(
    axes: Axes, found: NDArray[np.uint8] | None, truth: NDArray[np.uint8] | None = None, width: float = 1.3
) -> None:
    """Outline what was found in the structures' colours, and what is true in white dashes over it."""
    if found is not None:
        for label, lines in outlines(found).items():
            axes.add_collection(LineCollection(lines, colors="black", linewidths=width + 0.9, alpha=0.4))
            axes.add_collection(LineCollection(lines, colors=ANATOMY[label].hex, linewidths=width))
    if truth is not None:
        for lines in outlines(truth).values():
            axes.add_collection(
                LineCollection(lines, colors="white", linewidths=0.7 * width, linestyles=(0, (3.2, 2.4)))
            )


def structure_color(name: str) -> str:
    """The colour of a structure by its column's name."""
    return ANATOMY[Label[name.upper()]].hex


def lv_area(masks: NDArray[np.uint8], spacing: tuple[float, float] | None) -> tuple[NDArray[np.float64], str]:
    """(T,) LV area and its unit, as the masks have it."""
    pixels = (masks == Label.LV).sum(axis=(1, 2)).astype(float)
    return (pixels, "px²") if spacing is None else (pixels * spacing[0] * spacing[1] / 100, "cm²")


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign, the minus as long as the plus."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")
