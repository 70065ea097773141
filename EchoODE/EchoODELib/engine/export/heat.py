"""What a network looked at, as files: a strip of frames, a video, and the heat itself for Slicer."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from .. import progress
from ..errors import OutputError
from ..explain import Heat
from ..sequence import EchoSequence, Label
from . import DISCLAIMER
from .anatomy import STRUCTURES
from .backdrop import Backdrop, backdrop
from .nrrd_file import Layout, write_nrrd
from .style import (
    BACKGROUND,
    PANEL,
    QUIET,
    caption,
    dark,
    finish,
    pixel_aspect,
    save,
    show_frame,
    show_outlines,
)
from .video import font, write_pictures

Picture = NDArray[np.uint8]

_COLORS = (colormaps["inferno"](np.arange(256))[:, :3] * 255).astype(np.float32)
_STRONGEST = 0.7
"""Share of the colour where the network looked most; the echo stays in view beneath."""
_SHOWN = 6
_TALL, _FOOT = 560, 26


def overlaid(gray: Picture, heat: Picture) -> Picture:
    """(H, W, 3) colours of heat (H, W) over frames (H, W), which show through."""
    part = _STRONGEST * (heat.astype(np.float32) / 255)[..., None]
    return np.asarray(np.rint((1 - part) * gray[..., None] + part * _COLORS[heat]), np.uint8)


def write_heat_strip(
    path: str | os.PathLike[str],
    sequence: EchoSequence,
    heat: Heat,
    *,
    title: str,
    masks: NDArray[np.uint8] | None = None,
    by_chance: tuple[float, float] | None = None,
    behind: Backdrop | None = None,
) -> Path:
    """Draw frames over the time that the network saw, plain with outlines above, with its heat below.

    Parameters
    ----------
    path: ends in ``.png``.
    title: what the network said.
    masks: (T, H, W) of the clip; with them a bar says how much of the heat lies in the LV, and in it and its wall.
    by_chance: shares that would lie there if the heat were spread evenly, 0 to 1.
    behind: what of the clip is shown; the sector only by default.

    Raises
    ------
    UnsuitableMask: masks of another size.
    OutputError: the place can't be written.
    """
    behind = behind or backdrop(sequence)
    seen = np.flatnonzero(heat.seen)
    chosen = seen[np.unique(np.linspace(0, len(seen) - 1, _SHOWN).round().astype(int))]
    row0, row1, column0, column1 = behind.box
    aspect = pixel_aspect(sequence)
    width = 2.1
    tall = width * (row1 - row0) * aspect / (column1 - column0)
    with dark():
        figure = Figure(figsize=(width * len(chosen) + 0.12, 2 * tall + 1.62))
        height = figure.get_figheight()
        grid = figure.add_gridspec(
            2, len(chosen), left=0.012, right=0.988, top=1 - 0.88 / height, bottom=0.66 / height,
            wspace=0.025, hspace=0.025,
        )  # fmt: skip
        for number, frame in enumerate(chosen):
            plain, warm = (figure.add_subplot(grid[row, number]) for row in (0, 1))
            show_frame(plain, behind.frames[frame], behind.box)
            show_frame(warm, overlaid(behind.frames[frame], heat.maps[frame]), behind.box)
            for axes in (plain, warm):
                axes.set_aspect(aspect)
                if masks is not None:
                    show_outlines(axes, np.where(masks[frame] == Label.LV, masks[frame], 0).astype(np.uint8))
            caption(plain, f"frame {frame} · {sequence.times[frame]:.2f} s", 4, color=QUIET, fontsize=7.8)
        if masks is not None:
            cavity = heat.share_in(masks)
            _draw_share(figure, (cavity, cavity + heat.share_in(masks, Label.MYOCARDIUM)), by_chance)
        finish(figure, title, f"Where {heat.model} looked (HiResCAM): dark little, yellow most")
        return save(figure, path)


def _draw_share(figure: Figure, shares: tuple[float, float], by_chance: tuple[float, float] | None) -> None:
    """A bar at the lower left: how much of the heat lies in the LV, and with its wall."""
    width, height = figure.get_size_inches()
    axes = figure.add_axes((0.016, 0.40 / height, min(0.3, 3.2 / width), 0.11 / height))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_axis_off()
    axes.barh(0.5, 1, height=1, color=PANEL)
    for share, label in zip(shares[::-1], (Label.MYOCARDIUM, Label.LV), strict=True):
        axes.barh(0.5, np.nan_to_num(share), height=1, color=STRUCTURES[label].hex)
    cavity, both = (f"{100 * share:.0f} %" for share in shares)
    told = "no heat" if np.isnan(shares[0]) else f"{cavity} of the heat lies in the LV, {both} with its wall"
    if by_chance is not None:
        told += f"; spread evenly it would be {100 * by_chance[0]:.0f} % and {100 * by_chance[1]:.0f} %"
    figure.text(0.016, 0.34 / height, told, fontsize=8.5, va="top")


def write_heat_video(
    path: str | os.PathLike[str],
    sequence: EchoSequence,
    heat: Heat,
    *,
    behind: Backdrop | None = None,
    monitor: progress.Monitor | None = None,
) -> Path:
    """Write the clip under its heat as MP4, at its own speed.

    Parameters
    ----------
    path: ends in ``.mp4``.
    behind: what of the clip is shown; the sector only by default.
    monitor: progress and cancel.

    Raises
    ------
    OutputError: another ending, or a place that can't be written.
    RunCancelled: ``monitor`` was cancelled; nothing is written.
    """
    behind = behind or backdrop(sequence)
    row0, row1, column0, column1 = behind.box
    wide = round(_TALL * (column1 - column0) / ((row1 - row0) * pixel_aspect(sequence)) / 2) * 2
    foot = Image.new("RGB", (wide, _FOOT), BACKGROUND)
    words = f"{heat.model} looked here · {DISCLAIMER}"
    ImageDraw.Draw(foot).text((8, 6), words, QUIET, font(11))
    stage = (monitor or progress.Monitor()).stage("Drawing the video", len(sequence))

    def pictures() -> Iterator[Picture]:
        for frame, warm in zip(behind.frames, heat.maps, strict=True):
            cut = overlaid(frame[row0:row1, column0:column1], warm[row0:row1, column0:column1])
            drawn = cv2.resize(cut, (wide, _TALL), interpolation=cv2.INTER_CUBIC)
            yield np.vstack([drawn, np.asarray(foot)])
            stage.advance()

    return write_pictures(path, pictures(), sequence.times)


def write_heat(path: str | os.PathLike[str], sequence: EchoSequence, heat: Heat) -> Path:
    """Write the heat as a Slicer sequence of volumes (``.seq.nrrd``) with the clip's times and pixel size.

    Raises
    ------
    OutputError: another ending, or a place that can't be written.
    """
    target = Path(path)
    if not target.name.lower().endswith(".nrrd"):
        raise OutputError(f"{target.name} has an ending that heat can't be written to; use .seq.nrrd.")
    pairs = {"DataNodeClassName": "vtkMRMLScalarVolumeNode"}
    return write_nrrd(target, Layout(sequence.shape, sequence.spacing, times=sequence.times, pairs=pairs), heat.maps)
