"""How good a registration's masks and fields are."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np
from EchoODELib.engine.measure import trace_lv
from EchoODELib.engine.measure.volume import ejection_fraction, simpson_single_plane
from EchoODELib.engine.metrics import dice, hausdorff
from EchoODELib.engine.sequence import Label
from numpy.typing import NDArray

from .cases import Case


@dataclass(frozen=True)
class Scores:
    """One method on one case; means run over all frames but the first, whose mask is given.

    Attributes
    ----------
    lv, myocardium: mean Dice.
    lv_es, myocardium_es: Dice at end-systole.
    lv_es_carried: Dice of the LV at end-systole of the given mask carried by the field alone; where a guide is
        met exactly, this is what the registration found.
    lv_end, myocardium_end: Dice on the last frame (in a full cycle the next end-diastole).
    hd: mean Hausdorff distance of the LV cavity, mm on real pairs, px on simulated clips.
    hd_es: the same at end-systole.
    ef_error: points of EF by which the found masks differ from the true ones, both by Simpson's discs in
        one plane between frame 0 and end-systole; signed, negative is too low.
    folds: pixels of the image region where the pull-back folds, summed over the frames.
    fold_share: their share in percent.
    motion_error: mean distance (px) of the pull-back to the true one in the myocardium, NaN without truth.
    seconds: from the frames to all fields.
    """

    lv: float
    myocardium: float
    lv_es: float
    myocardium_es: float
    lv_es_carried: float
    lv_end: float
    myocardium_end: float
    hd: float
    hd_es: float
    ef_error: float
    folds: float
    fold_share: float
    motion_error: float
    seconds: float

    def as_record(self) -> dict[str, float]:
        """Plain numbers by name."""
        return asdict(self)


def carry_mask(mask: NDArray[np.uint8], pull_back: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Carry a mask (H, W) along a pull-back (H, W, 2) px: each label's membership linearly, the largest wins."""
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    across, down = columns + pull_back[..., 0], rows + pull_back[..., 1]
    memberships = [
        cv2.remap((mask == label).astype(np.float32), across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for label in Label
    ]
    return np.argmax(np.stack(memberships), axis=0).astype(np.uint8)


def folded(field: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where p + field(p) folds, field (H, W, 2) px.

    A cell between four pixels is folded where the Jacobian determinant of its bilinear map is not
    positive at one of its corners; a bilinear map is one to one if and only if all four are. A central
    difference would miss folds of one pixel's width.

    Returns
    -------
    (H, W) bool; the last row and column have no cell and are False.
    """
    step_x, step_y = np.diff(field, axis=1), np.diff(field, axis=0)
    step_x = step_x + np.array([1, 0], np.float32)
    step_y = step_y + np.array([0, 1], np.float32)
    result = np.zeros(field.shape[:2], bool)
    for top in (step_x[:-1], step_x[1:]):
        for side in (step_y[:, :-1], step_y[:, 1:]):
            result[:-1, :-1] |= top[..., 0] * side[..., 1] - top[..., 1] * side[..., 0] <= 0
    return result


def single_plane_ef(ed_mask: NDArray[np.uint8], es_mask: NDArray[np.uint8]) -> float:
    """EF in percent by Simpson's discs from the LV of two masks (H, W); NaN without an LV."""
    volumes = simpson_single_plane(trace_lv(np.stack([ed_mask, es_mask])))
    return ejection_fraction(float(volumes[0]), float(volumes[1]))


def score(
    case: Case,
    masks: NDArray[np.uint8],
    pull_back: NDArray[np.float32] | None,
    seconds: float,
) -> Scores:
    """Compare masks (T, H, W) and fields (T, H, W, 2) px with a case's truth; no fields give NaN folds."""
    truth, es = case.masks, case.es_frame
    spacing = case.sequence.spacing if case.kind.real else None
    lv = dice(masks[1:], truth[1:], label=Label.LV)
    myocardium = dice(masks[1:], truth[1:], label=Label.MYOCARDIUM)
    distance = hausdorff(masks[1:], truth[1:], label=Label.LV, spacing=spacing)
    carried = folds = share = motion = float("nan")
    if pull_back is not None:
        carried = float(dice(carry_mask(truth[0], pull_back[es]), truth[es], label=Label.LV))
        inside = [folded(field)[case.region].sum() for field in pull_back[1:]]
        folds = float(sum(inside))
        share = 100 * folds / (len(inside) * int(case.region.sum()))
        if case.pull_back is not None:
            wall = truth[1:] == Label.MYOCARDIUM
            motion = float(np.linalg.norm(pull_back[1:] - case.pull_back[1:], axis=-1)[wall].mean())
    found_ef, true_ef = single_plane_ef(masks[0], masks[es]), single_plane_ef(truth[0], truth[es])
    return Scores(
        lv=float(lv.mean()),
        myocardium=float(myocardium.mean()),
        lv_es=float(lv[es - 1]),
        myocardium_es=float(myocardium[es - 1]),
        lv_es_carried=carried,
        lv_end=float(lv[-1]),
        myocardium_end=float(myocardium[-1]),
        hd=float(distance.mean()),
        hd_es=float(distance[es - 1]),
        ef_error=found_ef - true_ef,
        folds=folds,
        fold_share=share,
        motion_error=motion,
        seconds=seconds,
    )
