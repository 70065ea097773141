"""The report's plots: how values are spread over clips, how EF agrees, how the LV's area runs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .cines import Cine
from .course import BINS, FIGURES, SYSTOLE, Course
from .exhibits import Film
from .look import INK, QUIET, RULE, STRUCTURE_NAMES, as_svg, colors, light, lv_area, signed
from .summary import Agreement, Group

_WIDE = 10.2


def spread(group: Group, figures: tuple[str, ...], titles: tuple[str, ...]) -> str:
    """A dot a clip, with the mean and its interval: rows are models, panels are figures by structure."""
    models, structures = group.models, group.structures
    color = colors(models)
    with light():
        drawing = Figure(figsize=(_WIDE, len(figures) * (0.95 + 0.34 * len(models))), layout="constrained")
        panels = drawing.subplots(len(figures), len(structures), squeeze=False, sharey=True)
        random = np.random.default_rng(0)
        for figure, title, line in zip(figures, titles, panels, strict=True):
            for structure, axes in zip(structures, line, strict=True):
                column = f"{figure}_{structure}"
                for place, model in enumerate(models):
                    values = group.in_one_unit(model, column)[column].to_numpy(float)
                    values = values[np.isfinite(values)]
                    away = random.uniform(-0.19, 0.19, len(values))
                    axes.plot(values, place + away, "o", ms=3, color=color[model], alpha=0.35, mec="none")
                    mean = group.interval(model, column)
                    if math.isfinite(mean.low):
                        axes.plot([mean.low, mean.high], [place, place], color=INK, lw=2.2, solid_capstyle="butt")
                    axes.plot(mean.value, place, "D", ms=5, color=color[model], mec="white", mew=0.8)
                _mark_truth(axes, group, figure, structure)
                axes.set_yticks(range(len(models)), models)
                axes.set_ylim(len(models) - 0.5, -0.5)
                axes.set_title(f"{title}, {STRUCTURE_NAMES[structure]}")
                axes.grid(axis="x")
                axes.xaxis.set_major_locator(MaxNLocator(5))
                axes.tick_params(length=0)
        return as_svg(drawing)


def _mark_truth(axes: Axes, group: Group, figure: str, structure: str) -> None:
    """The experts' own steadiness, where their masks are on every frame: less is not better than that."""
    column = f"tc_true_{structure}"
    if figure == "tc" and column in group.rows and group.rows[column].notna().any():
        axes.axvline(float(group.rows[column].mean()), color=QUIET, lw=1.0, ls=(0, (4, 2)))


def agreement_plot(agreement: Agreement, model_color: str, reference: str, what: str = "EF") -> str:
    """What was found over the reference, and their difference over their mean (Bland and Altman).

    Parameters
    ----------
    what: "EF", in % and points, or a volume in mL.
    """
    unit, apart = ("%", "points") if what == "EF" else ("mL", "mL")
    measured, wanted, limits = agreement.measured, agreement.reference, agreement.limits
    with light():
        drawing = Figure(figsize=(_WIDE, 3.5), layout="constrained")
        left, right = drawing.subplots(1, 2, width_ratios=(1, 1.75))
        ends = [min(measured.min(), wanted.min()) - 3, max(measured.max(), wanted.max()) + 3]
        left.plot(ends, ends, color=RULE, lw=1.2, zorder=1)
        left.plot(wanted, measured, "o", ms=4.2, color=model_color, alpha=0.6, mec="none")
        left.set(xlabel=f"{reference} ({unit})", ylabel=f"{what} found ({unit})", xlim=ends, ylim=ends)
        left.set_title("Found and reference")
        left.set_aspect("equal")
        mean = (measured + wanted) / 2
        right.axhline(0, color=RULE, lw=1.2)
        for one, style in ((limits.bias, "-"), (limits.lower, (0, (4, 2))), (limits.upper, (0, (4, 2)))):
            right.axhspan(one.low, one.high, color=model_color, alpha=0.09, lw=0)
            right.axhline(one.value, color=INK, lw=1.1, ls=style)
            right.annotate(
                signed(one.value),
                (1.0, one.value),
                (4, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=8.5,
                color=INK,
                annotation_clip=False,
            )
        right.plot(mean, measured - wanted, "o", ms=4.2, color=model_color, alpha=0.6, mec="none")
        right.set(
            xlabel=f"Mean of both ({unit})",
            ylabel=f"Found − reference ({apart})",
            title="Bland–Altman: bias and 95 % limits",
        )
        reach = 1.15 * max(abs(limits.lower.low), abs(limits.upper.high), float(np.abs(measured - wanted).max()))
        right.set_ylim(-reach, reach)
        return as_svg(drawing)


def courses_plot(courses: Mapping[str, Course], color: Mapping[str, str]) -> str:
    """Accuracy, Dice, HD and MAD of the LV over the cycle, a line a model (Li et al. 2019, figure 5, left)."""
    middle = (np.arange(BINS) + 0.5) / BINS
    with light():
        drawing = Figure(figsize=(_WIDE, 4.6), layout="constrained")
        panels = drawing.subplots(2, 2, sharex=True).flat
        for axes, (name, said) in zip(panels, FIGURES.items(), strict=True):
            axes.axvline(SYSTOLE, color=RULE, lw=1.2)
            for model, course in courses.items():
                axes.plot(middle, course.mean(name), color=color[model], lw=1.5, marker="o", ms=2.6, label=model)
            axes.set_title(said)
            axes.set_xlim(0, 1)
            axes.grid(axis="y")
            axes.tick_params(length=0)
        drawing.supxlabel("Share of the cycle", fontsize=9, color=QUIET)
        handles, names = axes.get_legend_handles_labels()
        drawing.legend(handles, names, loc="outside upper center", ncols=4)
        return as_svg(drawing)


def film_areas(film: Film) -> str:
    """The LV's area over a film's time, of each model and of the truth."""
    color = colors(film.found)
    with light():
        drawing = Figure(figsize=(_WIDE, 2.7), layout="constrained")
        axes = drawing.subplots()
        truth, unit = lv_area(film.truth, film.spacing)
        known = film.labelled
        if known.any():
            axes.plot(film.times[known], truth[known], color=INK, lw=2.4, alpha=0.35, label="truth")
        for model, masks in film.found.items():
            axes.plot(film.times, lv_area(masks, film.spacing)[0], color=color[model], lw=1.4, label=model)
        _finish_curve(axes, film.times, f"LV area ({unit})")
        return as_svg(drawing)


def cine_areas(cine: Cine) -> str:
    """The LV's area over a clip's time by each model, with ED, ES and the frames that look wrong."""
    color = colors(cine.readings)
    with light():
        drawing = Figure(figsize=(_WIDE, 2.9), layout="constrained")
        axes = drawing.subplots()
        unit = ""
        for number, (model, reading) in enumerate(cine.readings.items()):
            area, unit = lv_area(reading.masks, cine.spacing)
            axes.plot(cine.times, area, color=color[model], lw=1.5, label=model)
            if reading.measured is None:
                continue
            for frames, mark in ((reading.measured.ed_frames, "^"), (reading.measured.es_frames, "v")):
                chosen = list(frames)
                axes.plot(
                    cine.times[chosen], area[chosen], mark, ms=7, color=color[model], mec="white", mew=0.7, zorder=5
                )
            flagged = sorted({flag.frame for flag in reading.measured.flags})
            axes.plot(
                cine.times[flagged],
                np.full(len(flagged), 0.03 + 0.05 * number),
                "|",
                ms=8,
                mew=1.6,
                color=color[model],
                transform=axes.get_xaxis_transform(),
            )
        axes.margins(y=0.16)
        _finish_curve(axes, cine.times, f"LV area ({unit})")
        return as_svg(drawing)


def _finish_curve(axes: Axes, times: np.ndarray, label: str) -> None:
    axes.set(xlabel="Time (s)", ylabel=label, xlim=(times[0], times[-1]))
    axes.grid(axis="y")
    axes.tick_params(length=0)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=6)
