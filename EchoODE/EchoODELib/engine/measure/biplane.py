"""Volumes and EF from an apical four-chamber and an apical two-chamber clip together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

import numpy as np

from ..errors import UnsuitableClip
from ..sequence import Beat, Measurements, Quantity, SegmentedSequence, View
from .beats import Span, add, summarise
from .clip import ClipGeometry, MeasureSettings, find_beats
from .outlines import outline
from .quantities import heart_rates
from .volume import MM3_PER_ML, disc_diameters, ejection_fraction, simpson_biplane

#: Long axes that differ by more than this share hint at a foreshortened view.
FORESHORTENING = 0.10

_DEFAULT = MeasureSettings()


def measure_biplane(
    a4c: SegmentedSequence,
    a2c: SegmentedSequence,
    *,
    settings: MeasureSettings = _DEFAULT,
    ed_frames: tuple[Iterable[int] | None, Iterable[int] | None] = (None, None),
    es_frames: tuple[Iterable[int] | None, Iterable[int] | None] = (None, None),
) -> Measurements:
    """Biplane volumes and EF by the method of discs (Lang et al. 2015): V = pi/4 * L/20 * sum a_i b_i.

    The two clips were not recorded in the same beat: the first beat of one is paired with the first of the
    other, and so on. L is the longer of the two long axes.

    Parameters
    ----------
    a4c, a2c: the segmented clips.
    settings: as for one clip; the discs are always Simpson's.
    ed_frames, es_frames: phases by hand for (A4C, A2C), each as in :func:`measure` or None.

    Returns
    -------
    Measurements whose frames are those of the A4C clip. Beats carry end_diastolic_volume,
    end_systolic_volume, stroke_volume, ejection_fraction, end_diastolic_length, end_systolic_length (the
    longer axis), heart_rate and cardiac_output. ``per_frame`` is empty: the clips share no clock. Where
    either clip is uncalibrated there is only the EF: each clip's own pixels cancel in it.

    Raises
    ------
    UnsuitableClip: a clip of another view, or without a beat.
    UnsuitableMask: as :func:`measure`.
    """
    for clip, wanted in ((a4c, View.A4C), (a2c, View.A2C)):
        if clip.sequence.view not in {wanted, View.UNKNOWN}:
            raise UnsuitableClip(
                f"Biplane volumes need an {wanted.value} clip here; this one is {clip.sequence.view.value}."
            )
    settings = replace(settings, volume="simpson")
    four, two = (
        find_beats(clip, outline(clip).shapes, settings=settings, ed_frames=ed, es_frames=es)
        for clip, ed, es in zip((a4c, a2c), ed_frames, es_frames, strict=True)
    )
    if not four.spans or not two.spans:
        where = "A4C" if not four.spans else "A2C"
        raise UnsuitableClip(f"No beat with ED and ES was found in the {where} clip; give its ED and ES by hand.")
    calibrated = a4c.sequence.calibrated and a2c.sequence.calibrated
    notes = [f"A4C: {note}" for note in four.notes] + [f"A2C: {note}" for note in two.notes]
    if not calibrated:
        notes.append("A clip is not calibrated: volumes and lengths are left out, EF is given.")
    if len(four.spans) != len(two.spans):
        notes.append(
            f"A4C has {len(four.spans)} beats and A2C {len(two.spans)}: the first "
            f"{min(len(four.spans), len(two.spans))} were paired."
        )
    rates, rate_note = heart_rates(a4c.sequence, four.spans, four.es_frames)
    if rate_note:
        notes.append(rate_note)
    views = (_Discs(four, settings.discs), _Discs(two, settings.discs))
    beats = []
    for span4, span2, rate in zip(four.spans, two.spans, rates, strict=False):
        quantities = _beat(views, (span4, span2), rate, calibrated=calibrated)
        beats.append(Beat(span4.ed_frame, span4.es_frame, span4.next_ed_frame, quantities))
        lengths = [float(view.length[span.ed_frame]) for view, span in zip(views, (span4, span2), strict=True)]
        if calibrated and abs(lengths[0] - lengths[1]) > FORESHORTENING * max(lengths):
            notes.append(
                f"The long axes at ED differ by more than 10 % ({lengths[0]:.0f} mm in A4C, {lengths[1]:.0f} mm in "
                "A2C): one view may be foreshortened."
            )
    provenance = replace(a4c.provenance, settings={**a4c.provenance.settings, "measure": asdict(settings)})
    return Measurements(
        beats=tuple(beats),
        summary=summarise(beats),
        per_frame={},
        ed_frames=four.ed_frames,
        es_frames=four.es_frames,
        flags=(),
        calibrated=calibrated,
        notes=tuple(dict.fromkeys(notes)),
        provenance=provenance,
    )


class _Discs:
    """Disc diameters and long axes of one view."""

    def __init__(self, geometry: ClipGeometry, discs: int) -> None:
        self.diameters, self.length = disc_diameters(geometry.shapes, discs)


def _beat(
    views: tuple[_Discs, _Discs], spans: tuple[Span, Span], rate: float, *, calibrated: bool
) -> dict[str, Quantity]:
    """The quantities of one pair of beats."""
    cubes, lengths = [], []
    for phase in ("ed_frame", "es_frame"):
        frames = [getattr(span, phase) for span in spans]
        planes = [(v.diameters[f], float(v.length[f])) for v, f in zip(views, frames, strict=True)]
        # Pixels of two clips can't be compared, so without a calibration the A4C axis serves both phases.
        length = float(np.fmax(planes[0][1], planes[1][1])) if calibrated else planes[0][1]
        cubes.append(simpson_biplane(planes[0], planes[1], length))
        lengths.append(length)
    quantities: dict[str, Quantity] = {}
    add(quantities, "ejection_fraction", ejection_fraction(cubes[0], cubes[1]), "%")
    if calibrated:
        add(quantities, "end_diastolic_volume", cubes[0] / MM3_PER_ML, "mL")
        add(quantities, "end_systolic_volume", cubes[1] / MM3_PER_ML, "mL")
        add(quantities, "stroke_volume", (cubes[0] - cubes[1]) / MM3_PER_ML, "mL")
        add(quantities, "end_diastolic_length", lengths[0], "mm")
        add(quantities, "end_systolic_length", lengths[1], "mm")
    add(quantities, "heart_rate", rate, "bpm")
    if "stroke_volume" in quantities:
        add(quantities, "cardiac_output", quantities["stroke_volume"].value * rate / 1000.0, "L/min")
    return quantities
