"""The scene's corrected clips as a data set."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from EchoODELib.engine.errors import OutputError, UnsuitableMask
from EchoODELib.scene.study import Study

from .data import OWN, DataChoice


def corrected_clips() -> list[Study]:
    """Clips of the scene that have corrected frames."""
    return [study for study in Study.all() if study.correctedFrames]


def write_corrected(folder: Path) -> DataChoice:
    """Write the scene's corrected clips into a folder, each in one of its own; clips of other scenes there stay.

    Clips are named by their content: files and nodes may be called after patients, and a clip that is corrected
    further takes the place of what was written of it before.

    Raises
    ------
    UnsuitableMask: no clip has a corrected frame.
    OutputError: the folder can't be written.
    """
    from ..datasets.exports import write_export

    studies = corrected_clips()
    if not studies:
        raise UnsuitableMask("No clip of this scene has a corrected frame: correct one in the module EchoODE.")
    for study in studies:
        result = study.result()
        if result is None:
            continue
        digest = hashlib.sha256(np.ascontiguousarray(result.sequence.frames).data).hexdigest()[:12]
        try:
            write_export(folder / f"clip-{digest}", result, ed_frames=study.edFrames, es_frames=study.esFrames)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise OutputError(f"{folder} can't be written ({reason}): choose another folder for the runs.") from error
    return DataChoice(OWN, folder)
