"""What Slicer's DICOM reader leaves behind in the file of a clip: calibration, view, heart rate, colour flow.

Slicer's reader takes a pixel size only if a file has exactly one ultrasound region, and takes any that it finds. Where
the DICOM database still has the file, ours reads it again and says what can be trusted.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import slicer

from ..engine.errors import EchoODEError
from ..engine.sequence import View
from ..scene.nodes import writeValue
from . import dependencies

if TYPE_CHECKING:
    from ..scene.study import Study


def dicomFile(study: Study) -> Path | None:
    """The file that Slicer's DICOM browser loaded the clip from, if its database still has it."""
    database = getattr(slicer, "dicomDatabase", None)
    nodes = (study.clipSequenceNode.GetNthDataNode(0), study.clipNode)
    instances = next((told for node in nodes if (told := node.GetAttribute("DICOM.instanceUIDs"))), "")
    if database is None or not instances:
        return None
    found = database.fileForInstance(instances.split()[0])
    return Path(found) if found and Path(found).is_file() else None


def supplement(study: Study) -> bool:
    """Take over from the clip's DICOM file what Slicer's reader doesn't tell; whether anything was.

    Nothing is changed where the file, or a package to read it, is absent, or where it holds other frames.
    """
    path = dicomFile(study)
    if path is None or not dependencies.readingIsThere():
        return False
    from ..engine.io import read_clip

    try:
        clip = read_clip(path)
    except EchoODEError:
        return False
    known = study.sequence()
    if clip.frames.shape != known.frames.shape:
        return False
    if clip.spacing != known.spacing and not _near(clip.spacing, known.spacing):
        study.setCalibration(clip.spacing)
    if known.view is View.UNKNOWN and clip.view is not View.UNKNOWN:
        study.setView(clip.view)
    writeValue(study.browserNode, "Source", asdict(clip.source))
    return True


def _near(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    return one is not None and other is not None and np.allclose(one, other, rtol=1e-4)
