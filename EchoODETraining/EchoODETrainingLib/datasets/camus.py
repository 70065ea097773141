"""The public CAMUS layout: a folder a patient, with expert masks at ED and ES or over the half sequence as NIfTI.

Leclerc et al., "Deep Learning for Segmentation Using an Open Large-Scale Dataset in 2D
Echocardiography", IEEE Transactions on Medical Imaging 38 (2019). The archive holds ``database_nifti`` with the
patients and ``database_split`` with the names of the training, validation and test patients.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from EchoODELib.engine.errors import UnreadableClip, UnsuitableMask
from EchoODELib.engine.io import camus as layout_reader
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.sequence import EchoSequence, View
from numpy.typing import NDArray

from .base import DataSet, Entry, fold_of, named_split, split_by_name
from .clips import LabelledClip, lit_area

_VIEWS = {"4CH": View.A4C, "2CH": View.A2C}
_IMAGE = re.compile(r".+_[24]CH_(ED|ES|half_sequence|sequence)\.(nii(\.gz)?|mhd)$")
_MASK = re.compile(r"(?P<patient>.+)_(?P<view>[24]CH)_(?P<part>ED|ES|half_sequence|sequence)_gt\.(nii(\.gz)?|mhd)$")


class Camus(DataSet):
    """ED and ES, or the half sequence where it is there, of each patient and view.

    Parameters
    ----------
    folder: holds the patients, or ``train``/``valid``/``test`` with patients in them, or ``database_nifti``.
    views: "4CH" and "2CH".
    pairs: take ED and ES alone, whose masks experts drew, even where half sequences are there.
    fold: validate on this one, from 0, of ``folds`` parts of the patients in order, and learn from the others; None
        takes the published split, or one by name.
    """

    kind: ClassVar[str] = "camus"
    parts: ClassVar[tuple[str, ...]] = ("ED", "ES", "half_sequence", "sequence")
    layout: ClassVar[str] = (
        "camus/ (or camus/train/, camus/valid/, camus/test/, or camus/database_nifti/)\n"
        "  patient0001/\n"
        "    patient0001_4CH_ED.nii.gz   patient0001_4CH_ED_gt.nii.gz\n"
        "    patient0001_4CH_ES.nii.gz   patient0001_4CH_ES_gt.nii.gz\n"
        "    patient0001_4CH_half_sequence.nii.gz   patient0001_4CH_half_sequence_gt.nii.gz   (if there)\n"
        "    Info_4CH.cfg   (if there), and the same with 2CH"
    )

    def __init__(
        self,
        folder: Path | None,
        views: Iterable[str] = ("4CH", "2CH"),
        pairs: bool = False,
        fold: int | None = None,
        folds: int = 10,
    ) -> None:
        self.views, self.pairs, self.fold, self.folds = tuple(views), pairs, fold, folds
        self._where: dict[str, tuple[Path, str]] = {}
        self._facts = _facts(folder)
        super().__init__(folder)

    def find(self) -> Iterable[Entry]:
        """An entry for each patient and view that has masks."""
        if self.folder is None:
            return
        splits = _published_splits(self.folder)
        if self.fold is not None:
            splits = self._folded()
        for split, root in _roots(self.folder):
            for patient in sorted(path for path in root.iterdir() if path.is_dir()):
                found = {
                    (match["patient"], match["view"])
                    for match in map(_MASK.match, (path.name for path in patient.iterdir()))
                    if match and match["view"] in self.views and match["part"] in self.parts
                }
                for name, view in sorted(found):
                    told = "" if self.fold is not None else split
                    part = told or splits.get(name) or split_by_name(name)
                    self._where[f"{part}/{name}_{view}"] = patient, view
                    yield Entry(f"{name}_{view}", name, part)

    def _folded(self) -> dict[str, str]:
        """Patient to split by the fold."""
        assert self.folder is not None and self.fold is not None
        names = sorted(path.name for _, root in _roots(self.folder) for path in root.iterdir() if path.is_dir())
        if not names:
            return {}  # none of this kind: told with the layout
        judged = fold_of(len(names), self.fold, self.folds)
        return {name: "valid" if place in judged else "train" for place, name in enumerate(names)}

    def read(self, entry: Entry) -> LabelledClip:
        """Frames and masks by the engine's readers."""
        folder, view = self._where[f"{entry.split}/{entry.name}"]
        whole = not self.pairs and any(
            match and match["view"] == view and match["part"].endswith("sequence")
            for match in map(_MASK.match, (path.name for path in folder.iterdir()))
        )
        clip = layout_reader.read_camus(folder, _VIEWS[view]) if whole else _pair(folder, view)
        masks = layout_reader.read_camus_masks(folder, _VIEWS[view], len(clip))
        return self._labelled(entry, clip, masks, _fraction(folder, view))

    def _labelled(
        self, entry: Entry, clip: EchoSequence, masks: NDArray[np.generic], fraction: float | None
    ) -> LabelledClip:
        if masks.shape != clip.frames.shape:
            raise UnsuitableMask(
                f"The masks of {entry.name} have shape {masks.shape}, its frames {clip.frames.shape}: "
                "copy both from the archive again."
            )
        times = clip.times
        facts = self._facts.get(entry.patient)
        if facts is not None:
            fraction = float(facts["ef_percent"])
            if len(clip) == 2:
                times = np.array([0.0, abs(facts["es_frame"] - facts["ed_frame"]) / facts["frame_rate_hz"]])
        masks = np.asarray(masks, np.uint8)
        return LabelledClip(
            name=entry.name,
            patient=entry.patient,
            kind="real",
            frames=clip.frames,
            times=times,
            masks=masks,
            labelled=masks.any(axis=(1, 2)),
            sector=lit_area(clip.frames),
            spacing=clip.spacing,
            view=clip.view,
            ed_frame=clip.source.ed_frame,
            es_frame=clip.source.es_frame,
            ejection_fraction=fraction,
        )


def _pair(folder: Path, view: str) -> EchoSequence:
    """ED and ES as a clip of two frames, with their distance in time where an Info file gives it."""
    clips = []
    for part in ("ED", "ES"):
        path = next(folder.glob(f"*_{view}_{part}.nii*"), None) or next(folder.glob(f"*_{view}_{part}.mhd"), None)
        if path is None:
            raise UnreadableClip(f"{folder.name} has no {view}_{part}; copy it from the archive again.")
        clips.append(layout_reader.describe(read_clip(path), path))
    if clips[0].shape != clips[1].shape:
        raise UnreadableClip(f"ED and ES in {folder.name} differ in size; copy them from the archive again.")
    info = layout_reader.info_beside(path)
    apart = 0.33
    if info.frame_rate and info.ed_frame is not None and info.es_frame is not None and info.ed_frame != info.es_frame:
        apart = abs(info.es_frame - info.ed_frame) / info.frame_rate
    return replace(
        clips[0],
        frames=np.concatenate([clip.frames for clip in clips]),
        times=np.array([0.0, apart]),
        source=replace(clips[0].source, ed_frame=0, es_frame=1),
    )


def _fraction(folder: Path, view: str) -> float | None:
    """The patient's ejection fraction as the Info file of a view says; None where it is not there."""
    image = next((path for path in sorted(folder.glob(f"*_{view}_*")) if _IMAGE.match(path.name)), None)
    return None if image is None else layout_reader.info_beside(image).ejection_fraction


def _roots(folder: Path) -> list[tuple[str, Path]]:
    """(split or "", folder of patients)."""
    if not folder.is_dir():
        return []
    named = [
        (split, path)
        for path in sorted(folder.iterdir())
        if path.is_dir() and (split := named_split(path.name)) is not None
    ]
    if named:
        # The archive's first edition has masks in training/ alone; then a part of it is kept to validate on.
        return named if len({split for split, _ in named}) > 1 else [("", path) for _, path in named]
    inner = folder / "database_nifti"
    return [("", inner if inner.is_dir() else folder)]


def _published_splits(folder: Path) -> dict[str, str]:
    """Patient to split, from the archive's ``database_split``; empty where it is not there."""
    found = {}
    for told in ("training", "validation", "testing"):
        files = f"database_split/subgroup_{told}*.txt"
        for path in (*folder.glob(files), *folder.parent.glob(files)):
            for name in path.read_text(encoding="utf-8").split():
                found.setdefault(name, str(named_split(told)))
    return found


def _facts(folder: Path | None) -> dict[str, pd.Series]:
    """What an ``info.csv`` beside the patients says about each; empty where it is not there."""
    path = folder / "info.csv" if folder is not None else None
    if path is None or not path.is_file():
        return {}
    table = pd.read_csv(path).dropna(subset=["patient", "ed_frame", "es_frame", "ef_percent", "frame_rate_hz"])
    return {row["patient"]: row for _, row in table.iterrows()}
