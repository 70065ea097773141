"""Pictures of how a network does on validation clips while it learns."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from EchoODELib.engine.export.anatomy import STRUCTURES
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.sequence import Label
from matplotlib.figure import Figure
from numpy.typing import NDArray

_HEIGHT = 240
_COLUMNS = 4


def write_preview(
    path: Path,
    images: Sequence[NDArray[np.uint8]],
    found: Sequence[NDArray[np.uint8]],
    true: Sequence[NDArray[np.uint8]],
) -> Path:
    """A sheet of frames: what the network found is tinted, what experts drew is outlined in white.

    Parameters
    ----------
    images, found, true: (h, w) uint8 each, of any sizes; the masks hold ``Label`` values.

    Raises
    ------
    OutputError: it can't be written.
    """
    tiles = [_tile(image, one, other) for image, one, other in zip(images, found, true, strict=True)]
    width = max(tile.shape[1] for tile in tiles)
    tiles = [np.pad(t, ((2, 2), (2, width - t.shape[1] + 2), (0, 0))) for t in tiles]
    columns = min(_COLUMNS, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    sheet = np.vstack([np.hstack(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])
    _, code = cv2.imencode(".png", sheet[..., ::-1])
    return write_bytes(path, code.tobytes())


def _tile(image: NDArray[np.uint8], found: NDArray[np.uint8], true: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = _HEIGHT / image.shape[0]
    size = (max(1, round(image.shape[1] * factor)), _HEIGHT)
    gray = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    picture = np.repeat(gray[..., None], 3, axis=2)
    here, there = (cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) for mask in (found, true))
    for label, structure in STRUCTURES.items():
        picture[here == label] = 0.65 * picture[here == label] + 0.35 * np.array(structure.color, np.float32)
    drawn = picture.clip(0, 255).astype(np.uint8)
    for label in (Label.LV, Label.MYOCARDIUM, Label.LA):
        lines, _ = cv2.findContours((there == label).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(drawn, lines, -1, (255, 255, 255), 1)
    return drawn


def write_agreement(path: Path, wanted: NDArray[np.float64], said: NDArray[np.float64], title: str) -> Path:
    """A dot a recording: what the network said over what it should have, with the line of those that agree.

    Parameters
    ----------
    wanted, said: (N,).
    title: what is said, with its unit.

    Raises
    ------
    OutputError: it can't be written.
    """
    drawing = Figure(figsize=(4.4, 4.4), dpi=110, layout="constrained")
    axes = drawing.subplots()
    ends = [min(wanted.min(), said.min()), max(wanted.max(), said.max())]
    axes.plot(ends, ends, color="0.6", lw=1)
    axes.plot(wanted, said, "o", ms=4, alpha=0.6, mec="none")
    axes.set_xlabel(f"true {title}")
    axes.set_ylabel(f"said {title}")
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    held = io.BytesIO()
    drawing.savefig(held, format="png")
    return write_bytes(path, held.getvalue())
