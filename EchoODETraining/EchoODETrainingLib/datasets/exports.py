"""Our own clips: folders that the module or the command line exported, and saved Slicer scenes.

A folder holds the clip, its masks on every frame (``masks.seq.nrrd``, ``masks.nii.gz`` or a folder ``masks`` of PNG
files) and ``results.json`` (or ``training.json``, which :func:`write_export` writes), whose ``corrected_frames`` say
which masks a person drew. A scene (``.mrb``) holds all of these itself. So what is corrected in EchoODE becomes data
to train on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from EchoODELib.engine.errors import EchoODEError, UnreadableClip, UnsuitableClip, UnsuitableMask
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.export.masks import write_masks
from EchoODELib.engine.io import read_clip, read_mask
from EchoODELib.engine.sequence import EchoSequence, Label, SegmentedSequence, View
from numpy.typing import NDArray

from .base import SPLITS, DataSet, Entry, split_by_name
from .clips import LabelledClip
from .scenes import Saved, clips_of_scene
from .videos import sector_of

_MASKS = ("masks.seq.nrrd", "masks.nii.gz", "masks")
_FACTS = ("training.json", "results.json")
_OURS = ("masks", "segmentation", "ed.seg", "es.seg", "displacement", "pull_back", "overlay", "frames.", "curves.")
_CLIP_ENDINGS = (".seq.nrrd", ".nrrd", ".nii.gz", ".nii", ".mha", ".mhd", ".dcm", ".avi", ".mp4", ".mov", ".gif")
_TAKES = ("corrected", "all")
_FEW = 10  # patients


class Exports(DataSet):
    """Clips with masks of our own, each folder or scene counting as one patient.

    Parameters
    ----------
    folder: searched through for exports and scenes.
    take: "corrected" learns from the frames that a person corrected, "all" from every mask.
    split: "train", "valid" or "test" for all clips; by name if left out, and "train" where there are too few patients
        to keep some back.
    """

    kind: ClassVar[str] = "exports"
    layout: ClassVar[str] = (
        "clips/\n"
        "  one/\n"
        "    clip.seq.nrrd    (or the DICOM or video file that was loaded)\n"
        "    masks.seq.nrrd   (or masks.nii.gz)\n"
        "    results.json     (as EchoODE exports it; its corrected_frames are learned from)\n"
        "  scene.mrb          (a scene saved with clip and masks)"
    )

    def __init__(self, folder: Path | None, take: str = "corrected", split: str | None = None) -> None:
        if take not in _TAKES or (split is not None and split not in SPLITS):
            raise UnsuitableClip(f"Take {' or '.join(_TAKES)} frames into the split {', '.join(SPLITS)}.")
        self.take, self.split = take, split
        self._scenes: dict[str, tuple[Path, int]] = {}
        self._folders: dict[str, Path] = {}
        super().__init__(folder)

    def find(self) -> Iterable[Entry]:
        """An entry for each folder with masks and each clip with masks of a scene."""
        found = list(self._search())
        few = len({entry.patient for entry in found}) < _FEW and self.split is None
        return [replace(entry, split="train") for entry in found] if few else found

    def _search(self) -> Iterable[Entry]:
        if self.folder is None or not self.folder.is_dir():
            return
        for place in sorted({self.folder, *(path for path in self.folder.rglob("*") if path.is_dir())}):
            if any((place / name).exists() for name in _MASKS):
                yield self._entry(place)
        for scene in sorted(self.folder.rglob("*.mrb")):
            if scene.name.lower().endswith(".seq.mrb"):
                continue
            try:
                count = len(clips_of_scene(scene))
            except EchoODEError as error:
                self.skip(scene.name, str(error))
                continue
            for number in range(count):
                yield self._entry(scene, number)

    def _entry(self, place: Path, number: int | None = None) -> Entry:
        assert self.folder is not None
        patient = place.relative_to(self.folder).as_posix() if place != self.folder else place.name
        name = patient if number is None else f"{patient}#{number + 1}"
        if number is None:
            self._folders[name] = place
        else:
            self._scenes[name] = place, number
        return Entry(name, patient, self.split or split_by_name(patient))

    def read(self, entry: Entry) -> LabelledClip:
        """The clip with the masks that are to be learned from."""
        if entry.name in self._scenes:
            scene, number = self._scenes[entry.name]
            saved = clips_of_scene(scene)[number].read()
        else:
            saved = _exported(self._folders[entry.name])
        clip, masks = saved.clip, saved.masks
        if masks.shape != clip.frames.shape:
            raise UnsuitableMask(f"The masks of {entry.name} don't fit its clip; export both again.")
        drawn_on = masks.any((1, 2))
        labelled = drawn_on.copy()
        if self.take == "corrected" and saved.corrected is not None:
            labelled[:] = False
            labelled[[frame for frame in saved.corrected if 0 <= frame < len(clip)]] = True
        if not labelled.any():
            raise UnsuitableMask(f"{entry.name} has no corrected frame; correct one, or learn from all of its masks.")
        return LabelledClip(
            name=entry.name,
            patient=entry.patient,
            kind="real",
            frames=clip.frames,
            times=clip.times,
            masks=np.where(labelled[:, None, None], masks, 0).astype(np.uint8),
            labelled=labelled,
            sector=sector_of(clip),
            spacing=clip.spacing,
            view=saved.view,
            ed_frame=saved.ed_frame,
            es_frame=saved.es_frame,
            drawn=frozenset({int(value) for value in np.unique(masks)} - {0}) | {int(Label.LV)},
        )


def write_export(
    folder: Path,
    segmented: SegmentedSequence,
    *,
    ed_frames: Sequence[int] = (),
    es_frames: Sequence[int] = (),
) -> Path:
    """Write a clip with its masks into ``folder``, to learn from its corrected frames (``segmented.guides``).

    Raises
    ------
    OutputError: the place can't be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_clip(folder / "clip.seq.nrrd", segmented.sequence)
    write_masks(folder / "masks.seq.nrrd", segmented)
    facts = {
        "corrected_frames": [int(frame) for frame in segmented.guides],
        "ed_frames": [int(frame) for frame in ed_frames],
        "es_frames": [int(frame) for frame in es_frames],
        "view": segmented.sequence.view.value,
    }
    write_bytes(folder / "training.json", (json.dumps(facts, indent=2) + "\n").encode())
    return folder


def _exported(folder: Path) -> Saved:
    facts = _facts(folder)
    known = facts.get("clip", {}) if isinstance(facts.get("clip"), Mapping) else {}
    clip = _clip(folder, known.get("pixels_sha256"))
    view = str(facts.get("view") or known.get("view") or View.UNKNOWN.value)
    if clip.spacing is None and isinstance(size := known.get("pixel_size"), Mapping):
        clip = clip.with_spacing((float(size["row"]), float(size["column"])))
    path = next(folder / name for name in _MASKS if (folder / name).exists())
    corrected = facts.get("corrected_frames")
    return Saved(
        clip=clip,
        masks=np.asarray(read_mask(path, shape=clip.frames.shape), np.uint8).reshape(clip.frames.shape),
        corrected=None if corrected is None else tuple(int(frame) for frame in corrected),
        ed_frame=_first(facts.get("ed_frames")),
        es_frame=_first(facts.get("es_frames")),
        view=next((v for v in View if v.value == view), View.UNKNOWN),
    )


def _facts(folder: Path) -> dict[str, Any]:
    path = next((folder / name for name in _FACTS if (folder / name).is_file()), None)
    if path is None:
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UnreadableClip(f"{path.name} in {folder.name} is damaged; export the clip again.") from error
    return facts if isinstance(facts, dict) else {}


def _first(frames: object) -> int | None:
    return int(frames[0]) if isinstance(frames, list) and frames else None


def _clip(folder: Path, checksum: str | None) -> EchoSequence:
    """The clip beside the masks or, told by its checksum, one folder up."""
    near = _candidates(folder)
    for path in near + (_candidates(folder.parent) if checksum else []):
        try:
            clip = read_clip(path)
        except EchoODEError:
            continue
        if checksum is None or _checksum(clip.frames) == checksum:
            return clip
    raise UnreadableClip(f"The clip of {folder.name} does not lie beside its masks; copy it there as clip.seq.nrrd.")


def _candidates(folder: Path) -> list[Path]:
    files = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name.lower().endswith(_CLIP_ENDINGS) and not path.name.lower().startswith(_OURS)
    ]
    return sorted(files, key=lambda path: not path.name.startswith("clip."))


def _checksum(frames: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(frames).data).hexdigest()
