"""The picture of the curves: LV volume and areas over time, beats shaded, ED and ES marked."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..sequence import EchoSequence, FrameSeries, Label, Measurements
from .anatomy import STRUCTURES
from .style import ED_COLOR, ES_COLOR, QUIET, TEXT, dark, finish, save
from .wording import clip_line, headline, reading_unit

_LV, _LA = STRUCTURES[Label.LV].hex, STRUCTURES[Label.LA].hex


def write_curves(
    path: str | os.PathLike[str],
    sequence: EchoSequence,
    measurements: Measurements,
    *,
    segmentation: Measurements | None = None,
) -> Path:
    """Draw LV volume (where calibrated) and LV and LA area over time, and strain where there is any.

    Parameters
    ----------
    path: ends in ``.png``.
    segmentation: the frame-by-frame segmentation's own measurements, drawn thin behind.

    Raises
    ------
    OutputError: the place can't be written.
    """
    panels = [
        names
        for names in (("lv_volume",), ("lv_area", "la_area"), ("longitudinal_strain_tracked",))
        if _any(measurements, names)
    ]
    if len(panels) == 3 and "lv_volume" not in measurements.per_frame:
        panels = panels[:2]
    with dark():
        heights = [1.35, *[1.0] * (len(panels) - 1)]
        figure = Figure(figsize=(9.6, 1.35 + 1.75 * sum(heights)))
        grid = figure.add_gridspec(
            len(panels),
            1,
            height_ratios=heights,
            left=0.085,
            right=0.975,
            top=1 - 0.86 / figure.get_figheight(),
            bottom=0.62 / figure.get_figheight(),
            hspace=0.16,
        )
        shared: Axes | None = None
        for number, names in enumerate(panels):
            axes = figure.add_subplot(grid[number], sharex=shared)
            shared = shared or axes
            _panel(axes, names, sequence, measurements, segmentation, labelled=number == 0)
            if number == 0:
                _phase_labels(axes, sequence, measurements)
            if number < len(panels) - 1:
                axes.tick_params(labelbottom=False)
            else:
                axes.set_xlabel("Time (s)")
        finish(figure, headline(measurements), clip_line(sequence))
        return save(figure, path)


def _any(measurements: Measurements, names: tuple[str, ...]) -> bool:
    series = measurements.per_frame.get(names[0])
    return series is not None and bool(np.isfinite(series.values).any())


def _panel(
    axes: Axes,
    names: tuple[str, ...],
    sequence: EchoSequence,
    measurements: Measurements,
    segmentation: Measurements | None,
    *,
    labelled: bool,
) -> None:
    times = sequence.times
    titles = {
        "lv_volume": "LV volume",
        "lv_area": "LV area",
        "la_area": "LA area",
        "longitudinal_strain_tracked": "Longitudinal strain",
    }
    unit = ""
    for name in names:
        series = measurements.per_frame.get(name)
        if series is None or not np.isfinite(series.values).any() or not np.any(series.values):
            continue
        color = _LA if name == "la_area" else _LV
        unit, factor = reading_unit(series.unit)
        own = None if segmentation is None else segmentation.per_frame.get(name)
        if own is not None and name.startswith("lv"):
            axes.plot(
                times, own.values * factor, color=color, lw=0.9, ls=(0, (3, 2)), alpha=0.55, label="segmentation alone"
            )
        axes.plot(times, series.values * factor, color=color, lw=1.8, label=titles[name])
    first = measurements.per_frame[names[0]]
    _shade_beats(axes, sequence, measurements)
    _mark_phases(axes, times, first, measurements)
    _mark_flags(axes, times, measurements, "to check" if labelled else None)
    axes.tick_params(color=QUIET)
    axes.set_ylabel(f"{titles[names[0]] if len(names) == 1 else 'Area'} ({unit})")
    axes.set_xlim(times[0], times[-1])
    axes.grid(axis="y")
    axes.margins(y=0.1)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.14 * (high - low))  # room for the legend
    if len(axes.get_legend_handles_labels()[1]) > 1:
        axes.legend(loc="upper right", ncols=4, handlelength=1.6, columnspacing=1.4)


def _shade_beats(axes: Axes, sequence: EchoSequence, measurements: Measurements) -> None:
    for number, beat in enumerate(measurements.beats):
        end = beat.next_ed_frame if beat.next_ed_frame is not None else beat.es_frame
        start, stop = sorted((sequence.times[beat.ed_frame], sequence.times[end]))
        axes.axvspan(start, stop, color="white", alpha=0.055 if number % 2 == 0 else 0.02, lw=0)


def _mark_phases(axes: Axes, times: np.ndarray, series: FrameSeries, measurements: Measurements) -> None:
    _, factor = reading_unit(series.unit)
    for frames, color in ((measurements.ed_frames, ED_COLOR), (measurements.es_frames, ES_COLOR)):
        for frame in frames:
            axes.axvline(times[frame], color=color, lw=0.8, alpha=0.45, zorder=1)
        chosen = list(frames)
        axes.plot(
            times[chosen],
            series.values[chosen] * factor,
            "o",
            ms=5,
            color=color,
            mec="black",
            mew=0.6,
            zorder=4,
            clip_on=False,
        )


def _phase_labels(axes: Axes, sequence: EchoSequence, measurements: Measurements) -> None:
    for frames, name, color in ((measurements.ed_frames, "ED", ED_COLOR), (measurements.es_frames, "ES", ES_COLOR)):
        for frame in frames:
            time = sequence.times[frame]
            edge = (
                "left"
                if time < 0.02 * sequence.times[-1]
                else "right"
                if time > 0.98 * sequence.times[-1]
                else "center"
            )
            axes.text(
                time,
                1.015,
                f"{name} {frame}",
                color=color,
                fontsize=8.5,
                ha=edge,
                va="bottom",
                transform=axes.get_xaxis_transform(),
            )


def _mark_flags(axes: Axes, times: np.ndarray, measurements: Measurements, label: str | None) -> None:
    flagged = sorted({flag.frame for flag in measurements.flags})
    if flagged:
        axes.plot(
            times[flagged],
            np.full(len(flagged), 0.03),
            "|",
            color=TEXT,
            ms=6,
            mew=1.0,
            alpha=0.8,
            transform=axes.get_xaxis_transform(),
            label=label,
            clip_on=False,
        )
