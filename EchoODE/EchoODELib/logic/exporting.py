"""Exporting a study: what the worker writes, and the scene."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from ..engine.errors import OutputError
from ..jobs.tasks import Export
from ..scene.opinions import readOpinion
from .options import ExportOptions

if TYPE_CHECKING:
    from ..scene.study import Study
    from .measuring import Measurer


def task(study: Study, measurer: Measurer, folder: Path, options: ExportOptions) -> Export:
    """The worker's part of an export.

    Raises
    ------
    UnsuitableMask: there are no masks yet.
    """
    measurements = measurer.measure(study)
    return Export(
        segmented=measurer.result(study),
        segmentation=study.segmented(),
        ed_frames=study.edFrames or measurements.ed_frames,
        es_frames=study.esFrames or measurements.es_frames,
        folder=folder,
        kinds=options.kinds,
        source_name=options.names,
        opinion=readOpinion(study),
    )


def saveScene(folder: Path, options: ExportOptions) -> Path:
    """Save the whole scene as ``scene.mrb``, without names unless they are asked for, moved into place when whole.

    Raises
    ------
    OutputError: it could not be written.
    """
    from ..scene.deidentify import deidentified

    target = folder / "scene.mrb"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".scene-", dir=folder) as scratch:
            written = Path(scratch) / target.name
            with nullcontext() if options.names else deidentified(slicer.mrmlScene):
                done = slicer.util.saveScene(str(written))
            if not done or not written.is_file():
                raise OutputError(f"The scene could not be saved in {folder}: is there room on the disk?")
            written.replace(target)
    except OSError as error:
        raise OutputError(f"The scene could not be saved in {folder}: {error.strerror or error}.") from error
    return target
