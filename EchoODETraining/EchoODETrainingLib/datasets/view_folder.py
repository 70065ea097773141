"""Clips sorted by view into folders, to learn which view a clip shows; masks where somebody drew them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np
from EchoODELib.engine.errors import UnsuitableClip, UnsuitableMask
from EchoODELib.engine.io import read_clip, read_mask
from EchoODELib.engine.io.reading import named_view
from EchoODELib.engine.sequence import View
from numpy.typing import NDArray

from .base import DataSet, Entry, named_split, split_by_name
from .clips import LabelledClip
from .videos import sector_of

_MASKS = "_masks"
_MASK_ENDINGS = (".nii.gz", ".seq.nrrd", ".nrrd", ".nii", "")
_FEW = 10  # patients


class ViewFolder(DataSet):
    """A folder for each view; what stands before the first underscore of a clip's name is the patient.

    Parameters
    ----------
    folder: holds the views' folders, or ``train``, ``valid`` and ``test`` with these in them. Without such, patients
        are split by name, and all are trained on where there are too few to keep some back.
    """

    kind: ClassVar[str] = "view_folder"
    layout: ClassVar[str] = (
        "views/ (or views/train/, views/valid/, views/test/)\n"
        "  A2C/\n"
        "    patient1_rest.mp4            (DICOM, video, NIfTI, NRRD, or a folder of images)\n"
        "    patient1_rest_masks.nii.gz   (if there: NIfTI, NRRD or a folder of PNG files, 0 where nothing is drawn)\n"
        "    patient2_rest.dcm\n"
        "  A3C/   A4C/   PLAX/   other/"
    )

    def __init__(self, folder: Path | None) -> None:
        self._where: dict[str, tuple[Path, View]] = {}
        super().__init__(folder)

    def find(self) -> Iterable[Entry]:
        """An entry for each file or folder that lies in a view's folder and holds no masks."""
        if self.folder is None or not self.folder.is_dir():
            return
        named = [(named_split(path.name), path) for path in sorted(self.folder.iterdir()) if path.is_dir()]
        parts = [(split, path) for split, path in named if split is not None]
        found = [entry for split, root in parts or [(None, self.folder)] for entry in self._clips(split, root)]
        few = not parts and len({entry.patient for entry in found}) < _FEW
        for entry in found:
            yield Entry(entry.name, entry.patient, "train") if few else entry

    def _clips(self, split: str | None, root: Path) -> Iterable[Entry]:
        for place in sorted(path for path in root.iterdir() if path.is_dir()):
            view = _view_named(place.name)
            if view is None:
                continue
            for path in sorted(place.iterdir()):
                stem = path.name.split(".")[0]
                if path.name.startswith(".") or stem.endswith(_MASKS):
                    continue
                name = path.relative_to(self.folder or root).as_posix()
                patient = stem.split("_")[0]
                self._where[name] = path, view
                yield Entry(name, patient, split or split_by_name(patient))

    def read(self, entry: Entry) -> LabelledClip:
        """The clip by the engine's readers, with its masks where they lie beside it."""
        path, view = self._where[entry.name]
        clip = read_clip(path, view=view)
        masks = np.zeros_like(clip.frames)
        given = _masks_beside(path)
        if given is not None:
            read = read_mask(given, shape=clip.frames.shape)
            if read.shape != clip.frames.shape:
                raise UnsuitableMask(f"The masks of {entry.name} don't fit its clip; give one for each frame.")
            masks = read
        labelled: NDArray[np.bool_] = masks.any((1, 2))
        return LabelledClip(
            name=entry.name,
            patient=entry.patient,
            kind="real",
            frames=clip.frames,
            times=clip.times,
            masks=masks,
            labelled=labelled,
            sector=sector_of(clip),
            spacing=clip.spacing,
            view=view,
            ed_frame=clip.source.ed_frame,
            es_frame=clip.source.es_frame,
            drawn=frozenset({int(value) for value in np.unique(masks)} - {0}),
        )


def _view_named(name: str) -> View | None:
    try:
        view = named_view(name)
    except UnsuitableClip:
        return None
    return None if view is View.UNKNOWN else view


def _masks_beside(path: Path) -> Path | None:
    stem = path.name.split(".")[0]
    beside = (path.parent / f"{stem}{_MASKS}{ending}" for ending in _MASK_ENDINGS)
    return next((one for one in beside if one.exists()), None)
