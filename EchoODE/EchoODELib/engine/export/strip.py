"""The picture of frames with contours: ED, mid-systole, ES, mid-diastole, next ED of one beat."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..sequence import Label, Measurements, SegmentedSequence
from .backdrop import Backdrop, backdrop
from .calipers import calipers
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
    show_calipers,
    show_frame,
    show_outlines,
    structure_legend,
)
from .wording import clip_line, headline, spoken


def key_frames(measurements: Measurements, count: int) -> list[tuple[str, int]]:
    """The frames of the first beat that tell it: (name, frame), in order of time.

    Without a beat: five frames over the clip, unnamed.
    """
    if not measurements.beats:
        return [("", int(frame)) for frame in np.unique(np.linspace(0, count - 1, min(5, count)).round())]
    beat = next((beat for beat in measurements.beats if beat.next_ed_frame is not None), measurements.beats[0])
    ed, es, end = beat.ed_frame, beat.es_frame, beat.next_ed_frame
    if ed > es:
        return [("ES", es), ("Mid-diastole", (es + ed) // 2), ("ED", ed)]
    chosen = [("ED", ed), ("Mid-systole", (ed + es) // 2), ("ES", es)]
    last = end if end is not None else count - 1
    if last - es >= 2:
        chosen.append(("Mid-diastole", (es + last) // 2))
    if end is not None:
        chosen.append(("Next ED", end))
    kept: dict[int, str] = {}
    for name, frame in chosen:
        kept.setdefault(frame, name)
    return [(name, frame) for frame, name in kept.items()]


def write_strip(
    path: str | os.PathLike[str],
    segmented: SegmentedSequence,
    measurements: Measurements,
    *,
    behind: Backdrop | None = None,
) -> Path:
    """Draw the frames that tell a beat, with outlines, times and LV sizes.

    Parameters
    ----------
    path: ends in ``.png``.
    behind: what of the clip is shown; the sector only by default.

    Raises
    ------
    OutputError: the place can't be written.
    """
    clip = segmented.sequence
    behind = behind or backdrop(clip)
    chosen = key_frames(measurements, len(clip))
    row0, row1, column0, column1 = behind.box
    aspect = pixel_aspect(clip)
    width = 2.75
    tall = width * (row1 - row0) * aspect / (column1 - column0)
    with dark():
        figure = Figure(figsize=(width * len(chosen) + 0.12, tall + 1.5))
        height = figure.get_figheight()
        grid = figure.add_gridspec(
            1, len(chosen), left=0.012, right=0.988, top=1 - 0.98 / height, bottom=0.44 / height, wspace=0.025
        )
        shown: set[Label] = set()
        for number, (name, frame) in enumerate(chosen):
            axes = figure.add_subplot(grid[number])
            show_frame(axes, behind.frames[frame], behind.box)
            axes.set_aspect(aspect)
            show_outlines(axes, segmented.masks[frame])
            show_calipers(axes, calipers(segmented, frame))
            shown |= {Label(value) for value in np.unique(segmented.masks[frame]) if value}
            color = ED_COLOR if "ED" in name else ES_COLOR if name == "ES" else TEXT
            caption(axes, name or f"Frame {frame}", 14, color=color, fontsize=10.5, fontweight="bold")
            sizes = [
                spoken(series.values[frame], series.unit)
                for series in (measurements.per_frame.get("lv_area"), measurements.per_frame.get("lv_volume"))
                if series is not None
            ]
            line = f"frame {frame} · {clip.times[frame]:.2f} s · LV " + ", ".join(sizes)
            lvid = measurements.per_frame.get("lvid")
            if lvid is not None:
                line += f" · LVID {spoken(lvid.values[frame], lvid.unit)}"
            caption(axes, line, 4, color=QUIET, fontsize=7.8)
            if number == 0:
                scale_bar(axes, clip, behind.box)
        figure.legend(
            handles=structure_legend(shown),
            loc="lower left",
            ncols=3,
            bbox_to_anchor=(0.008, 0.0),
            handlelength=1.8,
            frameon=False,
        )
        finish(figure, headline(measurements), clip_line(clip))
        return save(figure, path)
