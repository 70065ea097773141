"""HMC-QU: apical four-chamber videos with the LV wall drawn on every frame of one beat.

Degerli et al., "Early Detection of Myocardial Infarction in Low-Quality Echocardiography", IEEE Access 9 (2021).
``A4C.xlsx`` says for each video the frame at which the beat starts and ends (from 1) and whether a mask is there;
masks are MATLAB files whose array ``predicted`` is (frames, 224, 224), over the whole video frame. Columns SEG1 to SEG7
say of each segment of the wall whether it is infarcted: a patient has an infarction if any is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pandas as pd
import scipy.io
from EchoODELib.engine.errors import UnreadableClip, UnsuitableMask
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.sequence import Label, View
from numpy.typing import NDArray

from .base import DataSet, Entry, fold_of, split_by_name, stratified_folds
from .clips import LabelledClip
from .videos import sector_of

_FRAME_RATE = 25.0  # of all recordings, as the data set's description says
_MASKS = "LV Ground-truth Segmentation Masks"


class HmcQu(DataSet):
    """The beats that have masks; patients are split by name, since the archive has no split.

    Parameters
    ----------
    folder: of the archive.
    fold: validate on this one, from 0, of ``folds`` parts with equal shares of infarctions, and learn from the others.
    """

    kind: ClassVar[str] = "hmc_qu"
    layout: ClassVar[str] = (
        "HMC-QU/\n"
        "  A4C.xlsx   (ECHO, SEG1 ... SEG7, Reference Frame, End of Cycle, LV Wall Ground-truth Segmentation Masks)\n"
        "  HMC-QU/A4C/\n"
        "    ES0001 _4CH_1.avi\n"
        f"  {_MASKS}/\n"
        "    Mask_ES0001 _4CH_1.mat   (or .npy)"
    )

    def __init__(self, folder: Path | None, fold: int | None = None, folds: int = 5) -> None:
        self.fold, self.folds = fold, folds
        super().__init__(folder)

    def find(self) -> Iterable[Entry]:
        """An entry for each mask file that has a video and a row in the table."""
        if self.folder is None or not (self.folder / _MASKS).is_dir():
            return
        table = next((path for name in ("A4C.xlsx", "HMC_QU.xlsx") if (path := self.folder / name).is_file()), None)
        if table is None:
            return
        self._beats, self._infarcted = _table(table)
        self._videos = {path.stem.strip(): path for path in sorted(self.folder.rglob("*.avi"))}
        self._masks = {
            path.stem.removeprefix("Mask_").strip(): path
            for ending in ("npy", "mat")
            for path in sorted((self.folder / _MASKS).glob(f"Mask_*.{ending}"))
        }
        folds = self._folds()
        for name in sorted(self._masks):
            if name not in self._beats:
                self.skip(name, f"{table.name} has no row for it.")
            elif name not in self._videos:
                self.skip(name, "its video is missing.")
            else:
                patient = _patient(name)
                if self.fold is None:
                    yield Entry(name, patient, split_by_name(patient))
                elif patient not in folds:
                    self.skip(name, f"{table.name} does not say whether there is an infarction.")
                else:
                    yield Entry(name, patient, "valid" if folds[patient] == self.fold else "train")

    def _folds(self) -> dict[str, int]:
        """Patient to fold; nothing where no folds are asked for."""
        if self.fold is None:
            return {}
        labels: dict[str, bool] = {}
        for name in self._masks:
            told = self._infarcted.get(name)
            if told is not None:
                labels[_patient(name)] = labels.get(_patient(name), False) or told
        fold_of(len(labels), self.fold, self.folds)
        return stratified_folds(labels, self.folds)

    def read(self, entry: Entry) -> LabelledClip:
        """The beat, with the wall brought from the masks' grid to the video's pixels."""
        first, last = self._beats[entry.name]
        clip = read_clip(self._videos[entry.name], view=View.A4C, frame_rate=_FRAME_RATE)
        masks = _load(self._masks[entry.name])
        frames = clip.frames[first - 1 : min(last, first - 1 + len(masks))]
        if not 1 <= first <= len(clip) or abs(len(masks) - (last - first + 1)) > 1 or len(frames) < 2:
            raise UnsuitableMask(
                f"{entry.name} has {len(masks)} masks for its frames {first} to {last} of {len(clip)}; "
                "copy video and mask from the archive again."
            )
        size = clip.shape[::-1]
        walls = [cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5 for mask in masks]
        return LabelledClip(
            name=entry.name,
            patient=entry.patient,
            kind="real",
            frames=frames,
            times=clip.times[: len(frames)],
            masks=np.stack(walls[: len(frames)]).astype(np.uint8) * np.uint8(Label.MYOCARDIUM),
            labelled=np.ones(len(frames), np.bool_),
            sector=sector_of(clip),
            spacing=clip.spacing,
            view=View.A4C,
            ed_frame=0,
            drawn=frozenset({Label.MYOCARDIUM}),
            infarction=self._infarcted.get(entry.name),
        )


def _patient(name: str) -> str:
    return re.split(r"[_\s]", name)[0]


def _table(path: Path) -> tuple[dict[str, tuple[int, int]], dict[str, bool]]:
    """Name of a video to its beat's first and last frame, from 1, and to whether there is an infarction."""
    try:
        table = pd.read_excel(path)
    except (OSError, ValueError) as error:
        raise UnreadableClip(f"{path.name} can't be read ({error}); copy it from the archive again.") from error
    columns = {str(name).strip().lower(): name for name in table.columns}
    wanted = [columns.get(name) for name in ("echo", "reference frame", "end of cycle")]
    if None in wanted:
        raise UnreadableClip(f"{path.name} lacks ECHO, Reference Frame or End of Cycle; copy the archive's own.")
    rows = table[wanted].dropna()
    beats = {str(name).strip(): (int(first), int(last)) for name, first, last in rows.itertuples(index=False)}
    segments = table[[title for name, title in columns.items() if re.fullmatch(r"seg ?\d", name)]]
    return beats, _infarctions(table[wanted[0]], segments)


def _infarctions(names: pd.Series, segments: pd.DataFrame) -> dict[str, bool]:
    """Name of a video to whether any of its segments is infarcted; a video of which nothing is said is left out.

    Segments are told in words ("MI", "non-MI"), by 0 and 1, or by the score of wall motion, where 1 is normal.
    """
    numbers = segments.apply(pd.to_numeric, errors="coerce")
    normal = 0 if (numbers == 0).any(axis=None) else 1
    words = segments.astype("string").apply(lambda column: column.str.strip().str.lower())
    ill = (numbers > normal) | (words == "mi").fillna(False)
    told = numbers.notna() | words.isin(["mi", "non-mi", "non mi", "normal"]).fillna(False)
    return {str(name).strip(): bool(ill.loc[row].any()) for row, name in names.dropna().items() if told.loc[row].any()}


def _load(path: Path) -> NDArray[np.generic]:
    """Masks (T, h, w) of 0 and 1."""
    if path.suffix == ".npy":
        masks = np.load(path, allow_pickle=False)
    else:
        held = scipy.io.loadmat(path)
        masks = held.get("predicted", next((v for k, v in held.items() if not k.startswith("__")), None))
    if masks is None or masks.ndim != 3:
        raise UnsuitableMask(f"{path.name} holds no masks (frame, row, column); copy it from the archive again.")
    if not set(np.unique(masks).tolist()) <= {0, 1}:
        raise UnsuitableMask(f"{path.name} holds other values than 0 and 1 (the LV wall); copy the archive's own.")
    return masks
