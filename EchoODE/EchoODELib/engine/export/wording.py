"""Numbers as a cardiologist reads them: cm for lengths and cm² for areas, rounded to what they carry."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..sequence import EchoSequence, Measurements, Summary

NAMES: Mapping[str, str] = {
    "ejection_fraction": "EF",
    "end_diastolic_volume": "EDV",
    "end_systolic_volume": "ESV",
    "stroke_volume": "Stroke volume",
    "cardiac_output": "Cardiac output",
    "fractional_area_change": "FAC",
    "end_diastolic_area": "LV area ED",
    "end_systolic_area": "LV area ES",
    "end_diastolic_length": "LV length ED",
    "end_systolic_length": "LV length ES",
    "end_diastolic_annulus_width": "Annulus ED",
    "end_systolic_annulus_width": "Annulus ES",
    "end_diastolic_myocardial_area": "Myocardium ED",
    "end_systolic_myocardial_area": "Myocardium ES",
    "global_longitudinal_strain": "GLS (contour)",
    "global_longitudinal_strain_tracked": "GLS (tracked)",
    "end_diastolic_ivs": "IVS ED",
    "end_systolic_ivs": "IVS ES",
    "end_diastolic_lvid": "LVID ED",
    "end_systolic_lvid": "LVID ES",
    "end_diastolic_lvpw": "LVPW ED",
    "end_systolic_lvpw": "LVPW ES",
    "fractional_shortening": "FS",
    "lv_mass": "LV mass",
    "cycle_length": "Cycle length",
    "heart_rate": "Heart rate",
}

# From the unit that is measured in to the unit that is read: (unit, factor, decimals).
_READ_AS = {
    "mm²": ("cm²", 0.01, 1),
    "mm": ("cm", 0.1, 1),
    "mL": ("mL", 1.0, 0),
    "%": ("%", 1.0, 0),
    "bpm": ("bpm", 1.0, 0),
    "px²": ("px²", 1.0, 0),
    "px": ("px", 1.0, 0),
    "s": ("s", 1.0, 2),
    "L/min": ("L/min", 1.0, 1),
    "°": ("°", 1.0, 0),
    "g": ("g", 1.0, 0),
}


def reading_unit(unit: str) -> tuple[str, float]:
    """The unit that a person reads and the factor to it."""
    name, factor, _ = _READ_AS.get(unit, (unit, 1.0, 2))
    return name, factor


def spoken(value: float, unit: str, sd: float = math.nan) -> str:
    """A value with its unit, and its SD where there is one: "57 ± 2 %"."""
    if not math.isfinite(value):
        return "–"
    name, factor, decimals = _READ_AS.get(unit, (unit, 1.0, 2))
    text = f"{value * factor:.{decimals}f}"
    if math.isfinite(sd) and round(sd * factor, decimals) > 0:
        text += f" ± {sd * factor:.{decimals}f}"
    return f"{text} {name}".strip()


def spoken_summary(summary: Summary) -> str:
    """A summary as :func:`spoken` says it."""
    return spoken(summary.mean, summary.unit, summary.sd)


def title_of(name: str) -> str:
    """What a quantity is called."""
    return NAMES.get(name, name.replace("_", " "))


def headline(measurements: Measurements) -> str:
    """The result in a line: EF, volumes or areas, heart rate, beats."""
    summary = measurements.summary
    parts = [
        f"{title_of(name)} {spoken_summary(summary[name])}"
        for name in ("ejection_fraction", "end_diastolic_volume", "end_systolic_volume", "heart_rate")
        if name in summary
    ]
    if "end_diastolic_volume" not in summary and "fractional_area_change" in summary:
        parts.insert(1, f"FAC {spoken_summary(summary['fractional_area_change'])}")
    beats = len(measurements.beats)
    parts.append("no complete beat" if beats == 0 else f"{beats} beat{'s' * (beats > 1)}")
    return "   ·   ".join(parts)


def clip_line(sequence: EchoSequence) -> str:
    """The clip in a line, without identifiers: view, frames, rate, pixel size."""
    view = "view unknown" if sequence.view.value == "unknown" else sequence.view.value
    if sequence.spacing is None:
        size = "uncalibrated"
    else:
        row, column = sequence.spacing
        size = f"{row:.3g} mm/px" if math.isclose(row, column, rel_tol=0.01) else f"{row:.3g} × {column:.3g} mm/px"
    return f"{view} · {len(sequence)} frames · {sequence.frame_rate:.0f} frames/s · {size}"
