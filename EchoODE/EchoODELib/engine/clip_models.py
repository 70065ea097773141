"""Which estimator asks a model about whole clips, by its card's task."""

from __future__ import annotations

from .clip_estimator import ClipEstimator
from .ef import EfEstimator
from .errors import WeightsError
from .infarction import InfarctionEstimator
from .weights import find_card

ESTIMATORS: dict[str, type[ClipEstimator]] = {one.task: one for one in (EfEstimator, InfarctionEstimator)}


def estimator_for(model: str | None = None, device: str = "auto", *, clips: int | None = None) -> ClipEstimator:
    """The estimator of a model; of the first one for ejection fractions where none is named.

    Parameters
    ----------
    device, clips: as of the :class:`~.clip_estimator.ClipEstimator`.

    Raises
    ------
    WeightsError, DeviceError: as of the estimator; a model that segments.
    """
    if model is None:
        return EfEstimator(None, device, clips=clips)
    task = find_card(model).task
    if task not in ESTIMATORS:
        raise WeightsError(f"The model {model} is for {task}; choose one for {' or '.join(ESTIMATORS)}.")
    return ESTIMATORS[task](model, device, clips=clips)
