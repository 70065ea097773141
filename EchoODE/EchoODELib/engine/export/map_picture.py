"""The map of embeddings as a picture: who lies near whom, coloured by what is known of each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..embedding_map import EmbeddingMap
from .style import QUIET, TEXT, dark, finish, save

_NAMED = 16
"""More clips than this are shown without their names, which would cover each other."""
_UNLIKE = "#ff5252"
_COLORS = ("#4fc3f7", "#ffb74d", "#81c784", "#e57373", "#ba68c8", "#fff176", "#a1887f", "#f06292", "#4db6ac", "#90a4ae")


def write_map(
    path: str | os.PathLike[str],
    made: EmbeddingMap,
    *,
    title: str,
    scale: str,
    groups: Sequence[str] = (),
    unlike: Sequence[bool] = (),
    subtitle: str = "",
) -> Path:
    """Draw a map.

    Parameters
    ----------
    path: ends in ``.png``.
    made: the map; those put in stand before the others, as diamonds.
    scale: what the values are, with their unit ("EF (%)").
    groups: what each of those put in is, in words; colours then tell these, and the others are gray.
    unlike: of those put in, who gets a red rim.
    subtitle: a line below the title.

    Raises
    ------
    OutputError: the place can't be written.
    """
    current = np.array(made.current, int)
    behind = np.setdiff1d(np.arange(len(made.points)), current)
    values = np.full(len(made.points), np.nan) if made.values is None else made.values
    with dark():
        figure = Figure(figsize=(7.4, 6.4))
        height = figure.get_figheight()
        axes = figure.add_axes((0.03, 0.36 / height, 0.80, 1 - 1.02 / height))
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_aspect("equal", adjustable="datalim")
        colored = np.isfinite(values) if not groups else np.zeros(len(values), bool)
        colored_behind = np.intersect1d(behind, np.flatnonzero(colored))
        pale = np.setdiff1d(behind, colored_behind)
        _dots(axes, made.points[pale], s=13, color=QUIET, alpha=0.35, lw=0)
        shades = ScalarMappable(cmap="turbo_r")
        if colored.any():
            shades.set_clim(float(values[colored].min()), float(values[colored].max()))
            rgba = shades.to_rgba(values[colored_behind])
            _dots(axes, made.points[colored_behind], s=16, color=rgba, alpha=0.8, lw=0)
            bar = figure.colorbar(shades, cax=figure.add_axes((0.86, 0.2, 0.022, 0.6)))
            bar.set_label(scale)
            bar.outline.set_visible(False)
        size = 90 if len(current) <= _NAMED else 34
        style: dict[str, Any] = {"s": size, "marker": "D", "linewidths": 1.4 if size == 90 else 0.8, "zorder": 3}
        rims = np.array([_UNLIKE if one else TEXT for one in unlike] or [TEXT] * len(current))
        if groups:
            _draw_groups(axes, made.points[current], groups, rims, style)
        elif len(current):
            fill = np.where(colored[current][:, None], shades.to_rgba(np.nan_to_num(values[current])), to_rgba(QUIET))
            _dots(axes, made.points[current], color=fill, edgecolors=rims, **style)
        if len(current) <= _NAMED:
            for place in current:
                axes.annotate(
                    made.names[place], made.points[place], (7, 5), textcoords="offset points", fontsize=8.5, zorder=4
                )
        finish(figure, title, subtitle)
        return save(figure, path)


def _dots(axes: Axes, points: NDArray[np.float64], **style: Any) -> None:
    axes.scatter(points[:, 0], points[:, 1], **style)


def _draw_groups(
    axes: Axes, points: NDArray[np.float64], groups: Sequence[str], rims: NDArray[np.str_], style: dict[str, Any]
) -> None:
    for number, group in enumerate(sorted(set(groups))):
        own = np.array([one == group for one in groups])
        color = _COLORS[number % len(_COLORS)]
        _dots(axes, points[own], color=color, label=group or "not known", edgecolors=rims[own], **style)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
