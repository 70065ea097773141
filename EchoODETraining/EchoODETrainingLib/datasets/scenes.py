"""Clips with masks in saved Slicer scenes, read without Slicer.

A scene bundle (``.mrb``) is a zip archive with a MRML file. The module EchoODE keeps a clip as a sequence browser node
whose references name the sequences of images (``.seq.nrrd``) and of segmentations (``.seq.mrb``, an archive in the
archive, with a ``.seg.nrrd`` a frame), and whose attributes tell phases and corrected frames.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
from EchoODELib.engine.errors import UnreadableClip
from EchoODELib.engine.io import read_clip, read_mask
from EchoODELib.engine.io.nrrd import load_nrrd
from EchoODELib.engine.sequence import EchoSequence, View
from numpy.typing import NDArray

_PREFIX = "EchoODE."


@dataclass(frozen=True)
class Saved:
    """A clip with its masks as a person saved them.

    Attributes
    ----------
    clip: the frames.
    masks: (T, H, W) labels, zero where none was drawn.
    corrected: frames whose masks a person drew, or None where that isn't told.
    ed_frame, es_frame: the first of each, or None.
    view: the standard view.
    """

    clip: EchoSequence
    masks: NDArray[np.uint8]
    corrected: tuple[int, ...] | None
    ed_frame: int | None
    es_frame: int | None
    view: View


@dataclass(frozen=True)
class SceneClip:
    """A clip of a scene that has masks.

    Attributes
    ----------
    scene: the bundle.
    images, masks: names of their files in it.
    facts: what is kept on the browser node.
    """

    scene: Path
    images: str
    masks: str
    facts: dict[str, object]

    def read(self) -> Saved:
        """Frames and masks.

        Raises
        ------
        UnreadableClip: the bundle is damaged.
        UnsuitableMask: a mask doesn't fit.
        """
        try:
            with zipfile.ZipFile(self.scene) as bundle, tempfile.TemporaryDirectory() as scratch:
                clip = read_clip(bundle.extract(self.images, scratch))
                masks = _masks(Path(bundle.extract(self.masks, scratch)), clip)
        except (zipfile.BadZipFile, KeyError, OSError, ElementTree.ParseError) as error:
            raise UnreadableClip(f"The scene {self.scene.name} is damaged; save it again.") from error
        phases = self.facts.get("Phases")
        phases = phases if isinstance(phases, dict) else {}
        corrected = self.facts.get("CorrectedFrames", [])
        return Saved(
            clip=clip,
            masks=masks,
            corrected=tuple(int(frame) for frame in corrected) if isinstance(corrected, list) else (),
            ed_frame=next(iter(phases.get("ed", [])), None),
            es_frame=next(iter(phases.get("es", [])), None),
            view=next((view for view in View if view.value == self.facts.get("View")), View.UNKNOWN),
        )


def clips_of_scene(path: Path) -> list[SceneClip]:
    """The clips with masks of a scene bundle, in the order in which they stand in it.

    Raises
    ------
    UnreadableClip: no bundle, or a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as bundle:
            mrml = _mrml_name(bundle)
            root = ElementTree.fromstring(bundle.read(mrml))
    except (zipfile.BadZipFile, KeyError, OSError, ElementTree.ParseError) as error:
        raise UnreadableClip(f"The scene {path.name} is damaged; save it again.") from error
    above = Path(mrml).parent
    files = _files(root)
    found = []
    for browser in root.iter("SequenceBrowser"):
        references = _pairs(browser.get("references", ""))
        images, masks = (files.get(references.get(_PREFIX + role, "")) for role in ("Clip", "Masks"))
        if images and masks:
            names = [(above / name).as_posix() for name in (images, masks)]
            found.append(SceneClip(path, names[0], names[1], _kept(browser.get("attributes", ""))))
    return found


def _mrml_name(bundle: zipfile.ZipFile) -> str:
    return next(iter(sorted(name for name in bundle.namelist() if name.endswith(".mrml"))), "scene.mrml")


def _files(root: ElementTree.Element) -> dict[str, str]:
    """Node id to the file that its storage node names."""
    stored = {node.get("id", ""): unquote(node.get("fileName", "")) for node in root if node.get("fileName")}
    return {
        node.get("id", ""): stored[storage]
        for node in root
        if (storage := _pairs(node.get("references", "")).get("storage", "")) in stored
    }


def _pairs(text: str) -> dict[str, str]:
    """``role:id;role:id`` as MRML writes references; of several ids the first."""
    parts = (part.partition(":") for part in text.split(";") if ":" in part)
    return {role: ids.split(" ")[0] for role, _, ids in parts}


def _kept(text: str) -> dict[str, object]:
    """The JSON values among ``key:value;key:value`` attributes; values may hold ";" and ":" themselves."""
    found: dict[str, object] = {}
    decoder = json.JSONDecoder()
    start = text.find(_PREFIX)
    while start >= 0:
        key, _, rest = text[start + len(_PREFIX) :].partition(":")
        end = start + len(_PREFIX) + len(key) + 1
        try:
            found[key], length = decoder.raw_decode(rest)
            end += length
        except ValueError:
            pass
        start = text.find(_PREFIX, end)
    return found


def _masks(path: Path, clip: EchoSequence) -> NDArray[np.uint8]:
    """Masks (T, H, W) of a bundle of segmentations, put onto the clip's frames by their times."""
    masks = np.zeros_like(clip.frames)
    with zipfile.ZipFile(path) as bundle, tempfile.TemporaryDirectory() as scratch:
        mrml = _mrml_name(bundle)
        root = ElementTree.fromstring(bundle.read(mrml))
        files, above = _files(root), Path(mrml).parent
        sequence = next(root.iter("Sequence"))
        for node, value in _pairs(sequence.get("indexValues", "")).items():
            frame = int(np.abs(clip.times - float(value)).argmin())
            file = Path(bundle.extract((above / files[node]).as_posix(), scratch))
            if load_nrrd(file).values.any():  # an empty mask is no mask: readers refuse it
                masks[frame] = read_mask(file, shape=clip.shape)
    return masks
