"""The quantities of one beat: sizes, volumes, strain, rhythm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..sequence import EchoSequence, FrameSeries, Quantity
from .area import fractional_area_change
from .beats import Span, add
from .dimensions import PlaxDimensions, fractional_shortening, lv_mass
from .strain import strain
from .volume import MM3_PER_ML, ejection_fraction

Array = NDArray[np.float64]


def heart_rates(sequence: EchoSequence, spans: Sequence[Span], es_frames: Sequence[int]) -> tuple[list[float], str]:
    """Beats per minute of every beat (NaN where unknown) and a note on where they come from.

    ED to ED where the clip shows it; else ES to ES; else the file's own value.
    """
    times = sequence.times
    rates = [
        60.0 / float(times[s.next_ed_frame] - times[s.ed_frame]) if s.next_ed_frame is not None else float("nan")
        for s in spans
    ]
    if not spans or np.isfinite(rates).any():
        return rates, ""
    if len(es_frames) > 1:
        rate = 60.0 / float(np.mean(np.diff(times[list(es_frames)])))
        return [rate] * len(spans), "The heart rate is from ES to ES: the clip has no two EDs."
    tag = sequence.source.heart_rate
    if tag is not None and np.isfinite(tag) and tag > 0:
        return [float(tag)] * len(spans), "The heart rate is the file's own: the clip is shorter than a beat."
    return rates, "The heart rate is not known: the clip is shorter than a beat and the file does not say it."


def add_sizes(quantities: dict[str, Quantity], span: Span, series: Mapping[str, FrameSeries], unit: str) -> None:
    """Areas and lengths at ED and ES."""
    for key, name in (
        ("area", "lv_area"),
        ("length", "lv_length"),
        ("annulus_width", "lv_base_width"),
        ("myocardial_area", "myocardial_area"),
    ):
        values = series[name].values
        add(quantities, f"end_diastolic_{key}", values[span.ed_frame], series[name].unit)
        add(quantities, f"end_systolic_{key}", values[span.es_frame], series[name].unit)
    areas = series["lv_area"].values
    change = fractional_area_change(float(areas[span.ed_frame]), float(areas[span.es_frame]))
    add(quantities, "fractional_area_change", change, "%")


def add_plax(quantities: dict[str, Quantity], span: Span, dimensions: PlaxDimensions) -> None:
    """Walls and cavity of the parasternal view, fractional shortening, and the LV mass where mm are known."""
    for key in ("ivs", "lvid", "lvpw"):
        values = getattr(dimensions, key)
        add(quantities, f"end_diastolic_{key}", values[span.ed_frame], dimensions.unit)
        add(quantities, f"end_systolic_{key}", values[span.es_frame], dimensions.unit)
    widths = float(dimensions.lvid[span.ed_frame]), float(dimensions.lvid[span.es_frame])
    add(quantities, "fractional_shortening", fractional_shortening(*widths), "%")
    if dimensions.unit == "mm":
        add(quantities, "lv_mass", lv_mass(dimensions, span.ed_frame), "g")


def add_volumes(quantities: dict[str, Quantity], span: Span, cubes: Array, *, calibrated: bool) -> None:
    """EF, and volumes where the pixel size is known."""
    diastolic, systolic = float(cubes[span.ed_frame]), float(cubes[span.es_frame])
    add(quantities, "ejection_fraction", ejection_fraction(diastolic, systolic), "%")
    if calibrated:
        add(quantities, "end_diastolic_volume", diastolic / MM3_PER_ML, "mL")
        add(quantities, "end_systolic_volume", systolic / MM3_PER_ML, "mL")
        add(quantities, "stroke_volume", (diastolic - systolic) / MM3_PER_ML, "mL")


def add_strain(quantities: dict[str, Quantity], span: Span, outlined: Array, tracked: Array | None) -> None:
    """End-systolic strain against the beat's own ED (Voigt et al. 2015)."""
    add(quantities, "global_longitudinal_strain", strain(outlined, span.ed_frame)[span.es_frame], "%")
    if tracked is not None:
        value = strain(tracked, span.ed_frame)[span.es_frame]
        add(quantities, "global_longitudinal_strain_tracked", value, "%")


def add_rhythm(quantities: dict[str, Quantity], span: Span, times: Array, rate: float) -> None:
    """Cycle length, heart rate, and cardiac output SV * HR."""
    if span.next_ed_frame is not None:
        add(quantities, "cycle_length", float(times[span.next_ed_frame] - times[span.ed_frame]), "s")
    add(quantities, "heart_rate", rate, "bpm")
    if "stroke_volume" in quantities:
        add(quantities, "cardiac_output", quantities["stroke_volume"].value * rate / 1000.0, "L/min")
