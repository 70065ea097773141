"""The report's pictures of hearts: the worst frames, and strips of films with the contours of every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from EchoODELib.engine.export.strip import key_frames
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .cines import Cine
from .exhibits import Exhibit, Film
from .look import as_jpeg, light, show, show_masks

_TILE = 2.05  # inches


def exhibit_picture(exhibit: Exhibit) -> str:
    """A frame with the contours found, and the true ones in white dashes."""
    height, width = exhibit.image.shape
    with light():
        drawing = Figure(figsize=(2.7, 2.7 * height * exhibit.aspect / width), facecolor="black")
        axes = drawing.add_axes((0, 0, 1, 1))
        show(axes, exhibit.image, exhibit.aspect)
        show_masks(axes, exhibit.found, exhibit.truth)
        return as_jpeg(drawing)


def film_strip(film: Film, count: int = 6) -> str:
    """Frames over a film, a row a model: found in colours, true in white dashes."""
    frames = [int(frame) for frame in np.unique(np.linspace(0, len(film.frames) - 1, count).round())]
    named = [(f"frame {frame}", frame) for frame in frames]
    truth = [film.truth[frame] if film.labelled[frame] else None for frame in frames]
    return _strip(film.frames, film.times, named, film.found, film.aspect, truth)


def cine_strip(cine: Cine, model: str, count: int = 6) -> str:
    """The frames that tell a beat as the model sees it, and others in between, with its contours."""
    reading = cine.readings[model]
    named: dict[int, str] = {}
    if reading.measured is not None and reading.measured.beats:
        named = {frame: name for name, frame in key_frames(reading.measured, len(cine.frames))}
    for frame in np.linspace(0, len(cine.frames) - 1, count).round():
        if len(named) < count:
            named.setdefault(int(frame), f"frame {int(frame)}")
    chosen = [
        (f"{name}, frame {frame}" if not name.startswith("frame") else name, frame)
        for frame, name in sorted(named.items())
    ]
    return _strip(cine.frames, cine.times, chosen, {model: reading.masks}, cine.aspect, None)


def neighbours_strip(cine: Cine, model: str, count: int = 6) -> str:
    """Frames that follow each other around the model's fastest change: where masks jump if they do."""
    masks = cine.readings[model].masks
    change = (masks[1:] != masks[:-1]).mean(axis=(1, 2))
    start = int(np.clip(int(change.argmax()) - count // 2 + 1, 0, max(0, len(masks) - count)))
    chosen = [(f"frame {frame}", frame) for frame in range(start, min(len(masks), start + count))]
    return _strip(cine.frames, cine.times, chosen, {model: masks}, cine.aspect, None)


def _strip(
    frames: NDArray[np.uint8],
    times: NDArray[np.float64],
    chosen: Sequence[tuple[str, int]],
    found: Mapping[str, NDArray[np.uint8]],
    aspect: float,
    truth: Sequence[NDArray[np.uint8] | None] | None,
) -> str:
    height, width = frames.shape[1:]
    tall = _TILE * height * aspect / width
    with light():
        head, beside = 0.26, 0.28 if len(found) > 1 else 0.0
        size = (beside + _TILE * len(chosen), head + tall * len(found))
        drawing = Figure(figsize=size, facecolor="black")
        for row, (model, masks) in enumerate(found.items()):
            bottom = (len(found) - 1 - row) * tall / size[1]
            if beside:
                middle = bottom + 0.5 * tall / size[1]
                drawing.text(
                    0.5 * beside / size[0],
                    middle,
                    model,
                    rotation=90,
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="#e8ecf1",
                    fontweight="bold",
                )
            for column, (name, frame) in enumerate(chosen):
                left = (beside + column * _TILE) / size[0]
                axes = drawing.add_axes((left, bottom, 0.985 * _TILE / size[0], 0.985 * tall / size[1]))
                show(axes, frames[frame], aspect)
                show_masks(axes, masks[frame], None if truth is None else truth[column], width=1.1)
                if row == 0:
                    text = f"{name} · {times[frame]:.2f} s"
                    drawing.text(
                        left + 0.05 / size[0], 1 - 0.07 / size[1], text, color="#c9d1dc", fontsize=7.5, va="top"
                    )
        return as_jpeg(drawing, dpi=120)
