"""Made clips on disk: one file a clip, named by what made it, so that other settings never meet."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.sequence import View

from .clips import LabelledClip

_VERSION = 1  # rises when what is made from equal settings changes
_PLAIN = ("name", "patient", "kind", "ed_frame", "es_frame", "ejection_fraction")
_ARRAYS = ("frames", "times", "masks", "labelled", "sector")


def default_cache() -> Path:
    """Where made clips are kept if nobody says where: ``ECHOODE_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("ECHOODE_CACHE") or Path.home() / ".cache" / "echoode")


def cached_clip(folder: Path | None, name: str, settings: Any, make: Callable[[], LabelledClip]) -> LabelledClip:
    """The clip kept in ``folder``, or else made and kept; only made where ``folder`` is None.

    Parameters
    ----------
    name: of the file.
    settings: a dataclass or plain values that determine the clip.

    Raises
    ------
    OutputError: the folder can't be written to.
    """
    if folder is None:
        return make()
    path = folder / f"{name}-{_fingerprint(settings)}.npz"
    if path.exists():
        try:
            return read_clip_file(path)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)  # cut off or damaged: made again
    clip = make()
    write_clip_file(path, clip)
    return clip


def _fingerprint(settings: Any) -> str:
    plain = dataclasses.asdict(settings) if dataclasses.is_dataclass(settings) else settings
    return hashlib.sha256(json.dumps([_VERSION, plain], sort_keys=True, default=str).encode()).hexdigest()[:12]


def write_clip_file(path: Path, clip: LabelledClip) -> None:
    """Write a clip as compressed npz, whole or not at all.

    Raises
    ------
    OutputError: the place can't be written to.
    """
    facts = {key: getattr(clip, key) for key in _PLAIN}
    facts |= {"view": clip.view.value, "spacing": clip.spacing, "drawn": sorted(int(label) for label in clip.drawn)}
    arrays = {key: getattr(clip, key) for key in _ARRAYS}
    arrays |= {f"line_{line}": ends for line, ends in clip.landmarks.items()}
    held = io.BytesIO()
    np.savez_compressed(held, facts=np.array(json.dumps(facts)), **arrays)
    write_bytes(path, held.getvalue())


def read_clip_file(path: Path) -> LabelledClip:
    """Read what :func:`write_clip_file` wrote; ``ValueError``, ``KeyError`` or ``OSError`` where it is damaged."""
    with np.load(path, allow_pickle=False) as kept:
        facts = json.loads(str(kept["facts"]))
        return LabelledClip(
            **{key: facts[key] for key in _PLAIN},
            **{key: kept[key] for key in _ARRAYS},
            view=View(facts["view"]),
            spacing=tuple(facts["spacing"]) if facts["spacing"] else None,
            drawn=frozenset(facts["drawn"]),
            landmarks={key[5:]: kept[key] for key in kept.files if key.startswith("line_")},
        )
