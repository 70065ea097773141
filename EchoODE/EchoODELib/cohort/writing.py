"""A clip's files: masks and results always, the rest where it is asked for."""

from __future__ import annotations

from typing import Any

from ..engine.progress import Monitor
from .register import MASKS
from .steps import ClipInWork

MORE = ("csv", "xlsx", "motion", "pictures", "video")
"""What can be written beside masks and JSON; see :data:`~..engine.export.folder.KINDS`."""


def write_clip_results(work: ClipInWork, monitor: Monitor) -> None:
    """Write what the steps made of a clip into its folder, each file in one step.

    Raises
    ------
    OutputError: the folder can't be written, or the disk is full.
    UnsuitableMask: pictures or tables of masks without an LV.
    """
    order, settings = work.order, work.order.settings
    if {"segment", "propagate"} & set(settings.steps):
        from ..engine.export.masks import write_masks

        write_masks(order.folder / MASKS, work.result)
    if work.measurements is not None:
        from ..engine.export.results import results_document, write_results

        alone = None if work.analysis is None else work.analysis.segmentation_measurements
        document = results_document(
            work.result.sequence, work.measurements, segmentation=alone, source_name=settings.keep_name
        )
        write_results(order.folder / "results.json", document)
    if not settings.also:
        return
    from ..engine.export.folder import write_analysis, write_result

    how: dict[str, Any] = {
        "kinds": settings.also,
        "source_name": settings.keep_name,
        "whole_frame": settings.whole_frame,
        "monitor": monitor,
    }
    if work.analysis is None:
        write_result(order.folder, work.result, **how)
    else:
        write_analysis(order.folder, work.analysis, **how)
