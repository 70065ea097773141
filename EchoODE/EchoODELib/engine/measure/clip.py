"""Everything that one clip with masks can tell: curves, beats, EF, strain, flags."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsuitableClip, UnsuitableMask
from ..sequence import (
    Beat,
    FrameFlag,
    FrameSeries,
    Measurements,
    Quantity,
    SegmentedSequence,
    View,
)
from .area import area
from .attributes import flag_frames
from .beats import Span, add_missing_ed, add_missing_es, checked_frames, pair_beats, summarise
from .contour import LVShapes
from .outlines import Outlines, outline
from .phases import PhaseSettings, find_phases
from .plax import marked_frames
from .quantities import add_plax, add_rhythm, add_sizes, add_strain, add_volumes, heart_rates
from .strain import strain
from .volume import DISCS, MM3_PER_ML, area_length, simpson_single_plane

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MeasureSettings:
    """What is measured and how.

    Attributes
    ----------
    volume: "simpson" (20 discs on the long axis) or "area_length" for volumes and EF.
    discs: number of Simpson's discs.
    phases: how ED and ES are found.
    phase_source: "curve" finds ED and ES on the LV area, "file" takes the frames that the file marks.
        "auto" finds them, but takes the file's where the clip has fewer than ``shortest_curve`` frames.
    shortest_curve: see ``phase_source``.
    """

    volume: Literal["simpson", "area_length"] = "simpson"
    discs: int = DISCS
    phases: PhaseSettings = field(default_factory=PhaseSettings)
    phase_source: Literal["auto", "curve", "file"] = "auto"
    shortest_curve: int = 8


@dataclass(frozen=True)
class ClipGeometry:
    """What :func:`measure` works on; biplane volumes share it.

    Attributes
    ----------
    shapes: the LV on every frame.
    lv_area: (T,), NaN where there is no LV.
    bridged: (T,) the same, gaps bridged in a straight line.
    spans: the beats.
    ed_frames, es_frames: all that were found or given.
    smoothed: (T,) filtered area, or None where the phases were given.
    notes: what could not be had, and why.
    """

    shapes: LVShapes
    lv_area: Array
    bridged: Array
    spans: tuple[Span, ...]
    ed_frames: tuple[int, ...]
    es_frames: tuple[int, ...]
    smoothed: Array | None
    notes: tuple[str, ...]


def measure(
    segmented: SegmentedSequence,
    *,
    settings: MeasureSettings = MeasureSettings(),
    ed_frames: Iterable[int] | None = None,
    es_frames: Iterable[int] | None = None,
    outlines: Outlines | None = None,
) -> Measurements:
    """Measure a segmented clip, per frame and per beat.

    Parameters
    ----------
    segmented: the clip with its masks; with a displacement field the tracked strain is given too.
    settings: see :class:`MeasureSettings`.
    ed_frames, es_frames: phases set by hand, 0-based; they replace what would be found, and everything
        else follows from them.
    outlines: of the same clip by :func:`~.outlines.outline`, where it is measured again and again.

    Returns
    -------
    :class:`~..sequence.Measurements`. Beats carry, where known: end_diastolic_area, end_systolic_area,
    fractional_area_change, end_diastolic_volume, end_systolic_volume, stroke_volume, ejection_fraction,
    end_diastolic_length, end_systolic_length, end_diastolic_annulus_width, end_systolic_annulus_width,
    end_diastolic_myocardial_area, end_systolic_myocardial_area, global_longitudinal_strain (outlined
    contour), global_longitudinal_strain_tracked (displacement field), cycle_length, heart_rate,
    cardiac_output. Series: lv_area, lv_area_filtered, lv_volume, lv_length, lv_base_width,
    lv_orientation, myocardial_area, epicardium_center_x, epicardium_center_y, la_area,
    longitudinal_strain, longitudinal_strain_tracked.

    Parasternal clips: end_diastolic_ivs, _lvid, _lvpw and the same at end-systole, fractional_shortening,
    lv_mass; series ivs, lvid, lvpw.

    Without a pixel size, areas and lengths are in px, volumes and what follows from them are absent, and
    EF stays: it is a ratio. Views that are not apical get no volumes and no EF.

    Raises
    ------
    UnsuitableMask: unknown labels, or no LV on any frame.
    UnsuitableClip: phases given outside of the clip.
    """
    outlines = outlines or outline(segmented)
    geometry = find_beats(segmented, outlines.shapes, settings=settings, ed_frames=ed_frames, es_frames=es_frames)
    sequence, shapes, spans = segmented.sequence, geometry.shapes, geometry.spans
    apical = sequence.view not in (View.PLAX, View.OTHER)
    notes = list(geometry.notes)
    unit = shapes.unit
    attributes = outlines.attributes
    series: dict[str, FrameSeries] = {"lv_area": FrameSeries(geometry.lv_area, unit + "²")}
    if geometry.smoothed is not None:
        series["lv_area_filtered"] = FrameSeries(geometry.smoothed, unit + "²")

    cubes = np.full(len(sequence), np.nan)
    if apical:
        cubes = volumes(geometry, settings)
        if sequence.calibrated:
            series["lv_volume"] = FrameSeries(cubes / MM3_PER_ML, "mL")
        else:
            notes.append(
                "The clip is not calibrated: lengths and areas are in pixels, volumes are left out, and EF "
                "takes the pixels to be square."
            )
        if not shapes.wall_found[shapes.present].any():
            notes.append("No myocardium around the LV: the mitral plane was placed at the cavity's basal corners.")
    elif sequence.view is View.PLAX:
        notes += _where_lines_are_from(segmented)
    notes += _what_the_view_allows(sequence.view)
    for name, values in attributes.values.items():
        if name != "lv_area":
            series[name] = FrameSeries(values, attributes.units[name])
    series["la_area"] = FrameSeries(outlines.la_area, unit + "²")

    outlined, tracked = outlines.endocardium, outlines.tracked
    first_ed = spans[0].ed_frame if spans else (geometry.ed_frames or (0,))[0]
    if apical:
        series["longitudinal_strain"] = FrameSeries(strain(outlined, first_ed), "%")
        if tracked is not None:
            series["longitudinal_strain_tracked"] = FrameSeries(strain(tracked, first_ed), "%")

    if outlines.plax is not None:
        for key in ("ivs", "lvid", "lvpw"):
            series[key] = FrameSeries(getattr(outlines.plax, key), outlines.plax.unit)

    rates, rate_note = heart_rates(sequence, spans, geometry.es_frames)
    if rate_note:
        notes.append(rate_note)
    beats = []
    for span, rate in zip(spans, rates, strict=True):
        quantities: dict[str, Quantity] = {}
        add_sizes(quantities, span, series, unit)
        if apical:
            add_volumes(quantities, span, cubes, calibrated=sequence.calibrated)
            add_strain(quantities, span, outlined, tracked)
        if outlines.plax is not None:
            add_plax(quantities, span, outlines.plax)
        add_rhythm(quantities, span, sequence.times, rate)
        beats.append(Beat(span.ed_frame, span.es_frame, span.next_ed_frame, quantities))
    provenance = replace(segmented.provenance, settings={**segmented.provenance.settings, "measure": asdict(settings)})
    flags = (*_mask_flags(outlines), *flag_frames(attributes, sequence.times))
    return Measurements(
        beats=tuple(beats),
        summary=summarise(beats),
        per_frame=series,
        ed_frames=geometry.ed_frames,
        es_frames=geometry.es_frames,
        flags=tuple(sorted(flags, key=lambda flag: flag.frame)),
        calibrated=sequence.calibrated,
        notes=tuple(notes),
        provenance=provenance,
    )


def _what_the_view_allows(view: View) -> list[str]:
    """Notes on volumes and EF that don't fit a view."""
    needs = "Volumes and EF by Simpson's discs need an apical view; this clip"
    told = {
        View.PLAX: f"{needs} is parasternal (PLAX).",
        View.OTHER: f"{needs} shows another one.",
        View.A3C: "Simpson's discs are for A4C and A2C clips: of this A3C clip, volumes and EF are only a rough guide.",
        View.UNKNOWN: "The view is not known; volumes and EF hold for an apical view.",
    }
    return [told[view]] if view in told else []


def find_beats(
    segmented: SegmentedSequence,
    shapes: LVShapes,
    *,
    settings: MeasureSettings,
    ed_frames: Iterable[int] | None = None,
    es_frames: Iterable[int] | None = None,
) -> ClipGeometry:
    """Find or take the phases on the outlined LV, and pair them to beats; see :func:`measure`."""
    sequence = segmented.sequence
    given_ed = checked_frames(ed_frames, len(sequence), "ED")
    given_es = checked_frames(es_frames, len(sequence), "ES")
    lv_area = area(shapes.cavity, sequence.spacing)
    frames, known = np.arange(len(sequence)), np.isfinite(lv_area)
    bridged = np.interp(frames, frames[known], lv_area[known])
    ed, es, smoothed, notes = _phases(segmented, bridged, settings, given_ed, given_es)
    present = np.flatnonzero(shapes.present)
    # A phase that was found where the LV is missing moves to the nearest frame that can be measured.
    ed = ed if given_ed else _onto(ed, present)
    es = es if given_es else _onto(es, present)
    spans = pair_beats(ed, es, bridged if smoothed is None else smoothed)
    if not spans:
        notes.append("No beat with both ED and ES was found; give ED and ES by hand to get EF and strain.")
    return ClipGeometry(shapes, lv_area, bridged, spans, ed, es, smoothed, tuple(notes))


def _onto(frames: tuple[int, ...], present: NDArray[np.intp]) -> tuple[int, ...]:
    """The nearest present frame for each frame."""
    return tuple(sorted({int(present[np.argmin(np.abs(present - frame))]) for frame in frames}))


def _phases(
    segmented: SegmentedSequence,
    bridged: Array,
    settings: MeasureSettings,
    given_ed: tuple[int, ...] | None,
    given_es: tuple[int, ...] | None,
) -> tuple[tuple[int, ...], tuple[int, ...], Array | None, list[str]]:
    """ED and ES by hand, from the file or from the curve, in this order of trust."""
    sequence, source, notes = segmented.sequence, segmented.sequence.source, list[str]()
    smoothed: Array | None = None
    ed: tuple[int, ...] = ()
    es: tuple[int, ...] = ()
    try:
        found = find_phases(bridged, sequence.times, settings=settings.phases, heart_rate=source.heart_rate)
        ed, es, smoothed = found.ed_frames, found.es_frames, found.smoothed
    except (UnsuitableClip, UnsuitableMask) as problem:
        if given_ed is None and given_es is None:
            notes.append(str(problem))
    marked = [frame for frame in (source.ed_frame, source.es_frame) if frame is not None]
    marks_fit = len(marked) == 2 and marked[0] != marked[1] and all(0 <= f < len(sequence) for f in marked)
    short = len(sequence) < settings.shortest_curve
    if marks_fit and (settings.phase_source == "file" or (settings.phase_source == "auto" and short)):
        ed, es = (marked[0],), (marked[1],)
        notes = ["ED and ES are the frames that the file marks."]
    curve = bridged if smoothed is None else smoothed
    if given_ed is not None:
        ed = given_ed
        if given_es is None:
            es = add_missing_es(ed, es, curve)
    if given_es is not None:
        es = given_es
        if given_ed is None:
            ed = add_missing_ed(ed, es, curve)
    return ed, es, smoothed, notes


def volumes(geometry: ClipGeometry, settings: MeasureSettings) -> Array:
    """(T,) LV volumes in mm³ or px³ by the chosen form."""
    shapes = geometry.shapes
    if settings.volume == "area_length":
        axis = shapes.apex - shapes.axis_end
        return area_length(geometry.lv_area, np.hypot(axis[:, 0], axis[:, 1]))
    return simpson_single_plane(shapes, settings.discs)


def _where_lines_are_from(segmented: SegmentedSequence) -> list[str]:
    if segmented.lines is None:
        return ["Septum, cavity and posterior wall are measured across the masks."]
    count, total = marked_frames(segmented.lines, segmented.guides), len(segmented.lines)
    rest = "" if count == total else f" on {count} of {total} frames, and across the masks on the others"
    return [f"Septum, cavity and posterior wall are measured along the lines that the model marked{rest}."]


def _mask_flags(outlines: Outlines) -> list[FrameFlag]:
    """Frames whose LV is absent, in pieces, or has holes."""
    flags = []
    pieces, holes = outlines.pieces, outlines.holes
    for frame, present in enumerate(outlines.shapes.present):
        if not present:
            flags.append(FrameFlag(frame, "lv_area", "The LV is empty or too small to be outlined on this frame."))
            continue
        if pieces[frame] > 1:
            reason = f"The LV is in {pieces[frame]} pieces; only the largest was measured."
            flags.append(FrameFlag(frame, "lv_components", reason))
        if holes[frame]:
            reason = f"The LV has {holes[frame]} hole{'s' if holes[frame] > 1 else ''}, measured as filled."
            flags.append(FrameFlag(frame, "lv_holes", reason))
    return flags
