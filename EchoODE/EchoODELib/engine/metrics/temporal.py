"""How steady masks are over time.

Standing still scores best in all of these but :func:`tcd`, so they are read beside the distance to the
truth, never alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from .overlap import Labels, structure
from .shape_context import adjacent_costs, outline_points
from .surface import hausdorff
from .topology import largest_component


def consecutive_hausdorff(
    masks: NDArray[Any],
    *,
    label: Labels = None,
    spacing: tuple[float, float] | None = None,
    percentile: float = 100.0,
) -> NDArray[np.float64]:
    """Hausdorff distance of each frame to the one before.

    Nguyen et al., "Echocardiography segmentation using neural ODE-based diffeomorphic registration field",
    table I: the smoothness of a segmentation over time is the mean of this.

    Parameters
    ----------
    masks: (T, H, W).
    label, spacing, percentile: as :func:`.surface.hausdorff`.

    Returns
    -------
    (T - 1,) px or mm.
    """
    masks = np.asarray(masks)
    return hausdorff(masks[1:], masks[:-1], label=label, spacing=spacing, percentile=percentile)


def flickering_pixels(masks: NDArray[Any]) -> NDArray[np.float64]:
    """(T - 1,) share of pixels whose label differs from the frame before, 0 to 1."""
    masks = np.asarray(masks)
    changed: NDArray[np.float64] = (masks[1:] != masks[:-1]).mean(axis=(1, 2))
    return changed


def mfip(masks: NDArray[Any]) -> float:
    """Mean flickering image pixels of a clip (Smistad et al., eq. 2), averaged over pairs of frames.

    As printed, the equation sums over frames without dividing by their number; the published values
    (0.007 to 0.013) and the name are those of the mean, which is what this gives. NaN for one frame.
    """
    changed = flickering_pixels(masks)
    return float(changed.mean()) if len(changed) else float("nan")


def tcd(dice_over_time: NDArray[np.float64]) -> float:
    """Temporal consistency of Dice: mean absolute change of Dice between adjacent frames (Lu et al., sec. 2.7).

    Parameters
    ----------
    dice_over_time: (T,) Dice against the truth on every frame; NaN pairs are left out.
    """
    change = np.abs(np.diff(np.asarray(dice_over_time, float)))
    change = change[np.isfinite(change)]
    return float(change.mean()) if len(change) else float("nan")


def contour_stability(masks: NDArray[Any], *, label: Labels = None, points: int = 128) -> NDArray[np.float64]:
    """Mean matching cost of each frame's contour to the one before, from shape contexts.

    Perazzi et al., "A benchmark dataset and evaluation methodology for video object segmentation", CVPR
    2016 (measure T): each contour point is described by its shape context (Belongie et al., IEEE TPAMI
    2002;24:509-522), the two contours are matched in order by dynamic time warping, and the cost is the
    mean over the matched pairs.

    Parameters
    ----------
    masks: (T, H, W).
    label: see :func:`.overlap.structure`; the largest piece is taken.
    points: on each contour.

    Returns
    -------
    (T - 1,) 0 (same shape) to 1; NaN where a frame lacks the structure.
    """
    outlines = outline_points(largest_component(structure(masks, label)), points)
    return adjacent_costs(outlines)


def tc(masks: NDArray[Any], *, label: Labels = None, points: int = 128) -> float:
    """Temporal consistency TC of a clip (Lu et al., sec. 2.7): mean of :func:`contour_stability`."""
    costs = contour_stability(masks, label=label, points=points)
    costs = costs[np.isfinite(costs)]
    return float(costs.mean()) if len(costs) else float("nan")


def phase_errors(found: Iterable[int], true: Iterable[int], *, within: int | None = None) -> NDArray[np.float64]:
    """Distance in frames of each true phase (ED or ES) to the nearest one found (Lu et al., sec. 3.2.4).

    Parameters
    ----------
    found, true: frames.
    within: a phase found farther away than this does not count as found; the paper takes 10. None counts all.

    Returns
    -------
    (N,) for the N true phases; NaN where none was found.
    """
    there = np.asarray(list(found), float)
    wanted = np.asarray(list(true), float)
    if not len(there):
        return np.full(len(wanted), np.nan)
    errors: NDArray[np.float64] = np.abs(wanted[:, None] - there[None]).min(axis=1)
    return errors if within is None else np.where(errors <= within, errors, np.nan)


def has_large_temporal_error(
    masks: NDArray[Any],
    truth: NDArray[Any],
    annotated_frames: Iterable[int],
    *,
    label: Labels = None,
    spacing: tuple[float, float] | None = None,
    threshold: float = 30.0,
) -> bool:
    """Whether any frame strays far from the nearest annotated frame (Smistad et al., #LTE).

    Parameters
    ----------
    masks: (T, H, W).
    truth: (K, H, W), the masks of ``annotated_frames`` in order.
    annotated_frames: K frames of the clip.
    label, spacing: as :func:`.surface.hausdorff`.
    threshold: Hausdorff distance in mm (px without spacing) above which a frame counts.
    """
    annotated = np.asarray(list(annotated_frames), float)[:, None]
    masks, truth = np.asarray(masks), np.asarray(truth)
    nearest = cdist(np.arange(len(masks), dtype=float)[:, None], annotated).argmin(axis=1)
    distances = hausdorff(masks, truth[nearest], label=label, spacing=spacing)
    return bool((np.nan_to_num(distances, nan=0.0, posinf=np.inf) > threshold).any())
