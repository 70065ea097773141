"""What one clip tells of a model: a row of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from EchoODELib.engine.errors import UnsuitableClip, UnsuitableMask
from EchoODELib.engine.measure import measure
from EchoODELib.engine.metrics import dice, hausdorff, iou, mfip, phase_errors, tc, tcd
from EchoODELib.engine.sequence import Label, Measurements, View
from numpy.typing import NDArray

from ..datasets.clips import LabelledClip
from .trials import Trial, form_of, with_masks

STRUCTURES: Mapping[str, Label] = {"lv": Label.LV, "myocardium": Label.MYOCARDIUM, "la": Label.LA}
#: A phase farther away than this many frames is not found (Lu et al., sec. 3.2.4).
WITHIN = 10

Row = dict[str, float]


def score(trial: Trial, truth: Row | None = None) -> Row:
    """All numbers of a clip; NaN for what it can't tell.

    ``truth`` is what :func:`score_truth` gives for the clip, where several models are scored on it.

    Per structure ("lv", "myocardium", "la") that the data set draws: dice_*, iou_*, hausdorff_* (mm, px where
    uncalibrated; NaN where the structure is missing) as means over labelled frames, missing_* (frames of those where
    only one of the masks has it), tc_* over all pairs of frames, tc_true_* where every frame is labelled, tcd_* over
    pairs of labelled neighbours (NaN if it is never found). Besides dice_lv_ed, dice_lv_es, mfip, mfip_true, ed_error
    and es_error (frames), ed_found and es_found (1 where found within ten frames), ef (%, from the masks found),
    ef_true (the same way from the experts' ED and ES masks), ef_reported (what the data set says), flagged (frames),
    seconds_a_frame.
    """
    clip, found = trial.clip, trial.found
    film = trial.form == "film"
    row: Row = {"frames": len(clip), "labelled_frames": int(clip.labelled.sum()), "seconds_a_frame": trial.seconds}
    dices = {name: _one_structure(row, name, label, clip, found) for name, label in drawn_structures(clip).items()}
    for phase, frame in (("ed", clip.ed_frame), ("es", clip.es_frame)):
        known = "lv" in dices and frame is not None and clip.labelled[frame]
        row[f"dice_lv_{phase}"] = float(dices["lv"][frame]) if known else math.nan
    if film:
        _steadiness(row, found, dices)
        _phases_and_ef(row, clip, found)
    else:
        row["ef"] = pair_ef(clip, found)
    return row | (score_truth(clip) if truth is None else truth)


def score_truth(clip: LabelledClip) -> Row:
    """What the true masks alone tell of a clip: tc_true_*, mfip_true, ef_true and ef_reported of :func:`score`."""
    row: Row = {}
    if form_of(clip) == "film":
        every = bool(clip.labelled.all())
        for name, label in drawn_structures(clip).items():
            row[f"tc_true_{name}"] = tc(clip.masks, label=label) if every else math.nan
        row["mfip_true"] = mfip(clip.masks) if every else math.nan
    row["ef_true"] = pair_ef(clip, clip.masks) if _both_phases_drawn(clip) else math.nan
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
    return of_frames


def _steadiness(row: Row, found: NDArray[np.uint8], dices: Mapping[str, NDArray[np.float64]]) -> None:
    drawn = [STRUCTURES[name] for name in dices]
    for name in dices:
        row[f"tc_{name}"] = tc(found, label=STRUCTURES[name])
        # What is never found is steady at nothing.
        row[f"tcd_{name}"] = tcd(dices[name]) if np.nanmax(dices[name], initial=0.0) > 0 else math.nan
    row["mfip"] = mfip(np.where(np.isin(found, drawn), found, 0))


def _phases_and_ef(row: Row, clip: LabelledClip, found: NDArray[np.uint8]) -> None:
    measured = measured_or_none(clip, found)
    row["flagged"] = math.nan if measured is None else float(len({flag.frame for flag in measured.flags}))
    row["ef"] = ef_of(measured, clip.view)
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


def pair_ef(clip: LabelledClip, masks: NDArray[np.uint8]) -> float:
    """EF in % by discs in one plane from the masks of the clip's own ED and ES frame; NaN where it can't be had."""
    if clip.ed_frame is None or clip.es_frame is None or clip.ed_frame == clip.es_frame:
        return math.nan
    frames = sorted((clip.ed_frame, clip.es_frame))
    phases = (frames.index(clip.ed_frame), frames.index(clip.es_frame))
    return ef_of(measured_or_none(clip, masks, frames, phases), clip.view)


def ef_of(measured: Measurements | None, view: View) -> float:
    """Mean EF over beats in %; NaN without a beat, or in a parasternal view."""
    if measured is None or view is View.PLAX or "ejection_fraction" not in measured.summary:
        return math.nan
    return float(measured.summary["ejection_fraction"].mean)


def _both_phases_drawn(clip: LabelledClip) -> bool:
    if clip.ed_frame is None or clip.es_frame is None or int(Label.LV) not in {int(label) for label in clip.drawn}:
        return False
    return bool(clip.labelled[clip.ed_frame] and clip.labelled[clip.es_frame])


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
