"""What one clip tells of a model: a row of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from EchoODELib.engine.errors import UnsuitableClip, UnsuitableMask
from EchoODELib.engine.measure import measure
from EchoODELib.engine.metrics import (
    accuracy,
    dice,
    has_large_temporal_error,
    hausdorff,
    iou,
    mean_surface_distance,
    mfip,
    phase_errors,
    tc,
    tcd,
)
from EchoODELib.engine.sequence import Label, Measurements, View
from numpy.typing import NDArray

from ..datasets.clips import LabelledClip
from .trials import Trial, form_of, with_masks

STRUCTURES: Mapping[str, Label] = {"lv": Label.LV, "myocardium": Label.MYOCARDIUM, "la": Label.LA}
#: What a beat's volumes and EF are called in a row, and in measurements.
INDICES: Mapping[str, str] = {
    "edv": "end_diastolic_volume",
    "esv": "end_systolic_volume",
    "ef": "ejection_fraction",
}
#: A phase farther away than this many frames is not found (Lu et al., sec. 3.2.4).
WITHIN = 10

Row = dict[str, float]


def score(trial: Trial, truth: Row | None = None) -> Row:
    """All numbers of a clip; NaN for what it can't tell.

    ``truth`` is what :func:`score_truth` gives for the clip, where several models are scored on it.

    Per structure ("lv", "myocardium", "la") that the data set draws: dice_*, iou_*, hausdorff_* and mad_* (mm, px
    where uncalibrated; NaN where the structure is missing) as means over labelled frames, missing_* (frames of those
    where only one of the masks has it), tc_* over all pairs of frames, tc_true_* where every frame is labelled, tcd_*
    over pairs of labelled neighbours (NaN if it is never found). Besides accuracy (share of pixels with the right
    label on labelled frames), dice_lv_ed, dice_lv_es, mfip, mfip_true, lte (1 where a frame's LV lies more than 30 mm
    from that of the nearest labelled frame, 0 where none does, NaN without mm), ed_error and es_error (frames),
    ed_found and es_found (1 where found within ten frames), edv, esv (mL) and ef (%), from the masks found, edv_true,
    esv_true and ef_true (the same way from the experts' ED and ES masks), ef_reported (what the data set says),
    flagged (frames), seconds_a_frame.
    """
    clip, found = trial.clip, trial.found
    film = trial.form == "film"
    row: Row = {"frames": len(clip), "labelled_frames": int(clip.labelled.sum()), "seconds_a_frame": trial.seconds}
    dices = {name: _one_structure(row, name, label, clip, found) for name, label in drawn_structures(clip).items()}
    if dices:
        drawn = list(drawn_structures(clip).values())
        told = np.where(np.isin(found, drawn), found, 0)[clip.labelled]
        row["accuracy"] = float(accuracy(told, clip.masks[clip.labelled]).mean())
    for phase, frame in (("ed", clip.ed_frame), ("es", clip.es_frame)):
        known = "lv" in dices and frame is not None and clip.labelled[frame]
        row[f"dice_lv_{phase}"] = float(dices["lv"][frame]) if known else math.nan
    if film:
        _steadiness(row, clip, found, dices)
        _phases_and_indices(row, clip, found)
    else:
        row |= indices_of(pair_measured(clip, found), clip.view)
    return row | (score_truth(clip) if truth is None else truth)


def score_truth(clip: LabelledClip) -> Row:
    """What the true masks alone tell of a clip: *_true* and ef_reported of :func:`score`."""
    row: Row = {}
    if form_of(clip) == "film":
        every = bool(clip.labelled.all())
        for name, label in drawn_structures(clip).items():
            row[f"tc_true_{name}"] = tc(clip.masks, label=label) if every else math.nan
        row["mfip_true"] = mfip(clip.masks) if every else math.nan
    known = pair_measured(clip, clip.masks) if _both_phases_drawn(clip) else None
    row |= {f"{name}_true": value for name, value in indices_of(known, clip.view).items()}
    row["ef_reported"] = math.nan if clip.ejection_fraction is None else float(clip.ejection_fraction)
    return row


def drawn_structures(clip: LabelledClip) -> dict[str, Label]:
    """The structures that experts drew on the clip; none where no frame has a mask."""
    drawn = {int(label) for label in clip.drawn} if clip.labelled.any() else set()
    return {name: label for name, label in STRUCTURES.items() if int(label) in drawn}


def _one_structure(
    row: Row, name: str, label: Label, clip: LabelledClip, found: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Add a structure's overlap and distance to the row; its Dice (T,), NaN where not labelled."""
    known = clip.labelled
    of_frames = np.full(len(clip), np.nan)
    of_frames[known] = dice(found[known], clip.masks[known], label=label)
    row[f"dice_{name}"] = float(of_frames[known].mean())
    row[f"iou_{name}"] = float(iou(found[known], clip.masks[known], label=label).mean())
    reach = hausdorff(found[known], clip.masks[known], label=label, spacing=clip.spacing)
    row[f"missing_{name}"] = float(np.isinf(reach).sum())
    row[f"hausdorff_{name}"] = _mean(reach)
    row[f"mad_{name}"] = _mean(
        mean_surface_distance(found[known], clip.masks[known], label=label, spacing=clip.spacing)
    )
    return of_frames


def _steadiness(
    row: Row, clip: LabelledClip, found: NDArray[np.uint8], dices: Mapping[str, NDArray[np.float64]]
) -> None:
    drawn = [STRUCTURES[name] for name in dices]
    for name in dices:
        row[f"tc_{name}"] = tc(found, label=STRUCTURES[name])
        # What is never found is steady at nothing.
        row[f"tcd_{name}"] = tcd(dices[name]) if np.nanmax(dices[name], initial=0.0) > 0 else math.nan
    row["mfip"] = mfip(np.where(np.isin(found, drawn), found, 0))
    if "lv" in dices:
        known = np.flatnonzero(clip.labelled).tolist()
        strays = clip.spacing is not None and has_large_temporal_error(
            found, clip.masks[known], known, label=Label.LV, spacing=clip.spacing
        )
        row["lte"] = math.nan if clip.spacing is None else float(strays)


def _phases_and_indices(row: Row, clip: LabelledClip, found: NDArray[np.uint8]) -> None:
    measured = measured_or_none(clip, found)
    row["flagged"] = math.nan if measured is None else float(len({flag.frame for flag in measured.flags}))
    row |= indices_of(measured, clip.view)
    for phase, frame, there in (
        ("ed", clip.ed_frame, () if measured is None else measured.ed_frames),
        ("es", clip.es_frame, () if measured is None else measured.es_frames),
    ):
        if frame is not None:
            error = float(phase_errors(there, [frame], within=WITHIN)[0])
            row[f"{phase}_error"], row[f"{phase}_found"] = error, float(math.isfinite(error))


def measured_or_none(
    clip: LabelledClip, masks: NDArray[np.uint8], frames: list[int] | None = None, phases: tuple[int, int] | None = None
) -> Measurements | None:
    """What the engine measures on the masks of the clip, or of ``frames``; None where they can't be measured.

    Parameters
    ----------
    phases: ED and ES among the frames taken; found on the curve otherwise.
    """
    given = (None, None) if phases is None else ([phases[0]], [phases[1]])
    try:
        return measure(with_masks(clip, masks, frames), ed_frames=given[0], es_frames=given[1])
    except (UnsuitableMask, UnsuitableClip):
        return None


def pair_measured(clip: LabelledClip, masks: NDArray[np.uint8]) -> Measurements | None:
    """What is measured by discs in one plane on the masks of the clip's own ED and ES frame; None without them."""
    if clip.ed_frame is None or clip.es_frame is None or clip.ed_frame == clip.es_frame:
        return None
    frames = sorted((clip.ed_frame, clip.es_frame))
    phases = (frames.index(clip.ed_frame), frames.index(clip.es_frame))
    return measured_or_none(clip, masks, frames, phases)


def pair_ef(clip: LabelledClip, masks: NDArray[np.uint8]) -> float:
    """EF in % of :func:`pair_measured`; NaN where it can't be had."""
    return ef_of(pair_measured(clip, masks), clip.view)


def ef_of(measured: Measurements | None, view: View) -> float:
    """Mean EF over beats in %; NaN without a beat, or in a parasternal view."""
    return indices_of(measured, view)["ef"]


def indices_of(measured: Measurements | None, view: View) -> Row:
    """Means over beats of :data:`INDICES`, mL and %; NaN without a beat, without mm, or in a parasternal view."""
    known = {} if measured is None or view is View.PLAX else measured.summary
    return {name: float(known[key].mean) if key in known else math.nan for name, key in INDICES.items()}


def _both_phases_drawn(clip: LabelledClip) -> bool:
    if clip.ed_frame is None or clip.es_frame is None or int(Label.LV) not in {int(label) for label in clip.drawn}:
        return False
    return bool(clip.labelled[clip.ed_frame] and clip.labelled[clip.es_frame])


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
