"""One clip, from its file to its record: what every worker does, wherever it runs."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..engine.errors import UnsuitableMask
from ..engine.export.atomic import remove_unfinished, write_bytes
from ..engine.progress import Monitor
from ..engine.sequence import EchoSequence, Provenance, SegmentedSequence
from .orders import ClipOrder
from .steps import STEPS, Cell, ClipInWork, Step, finite, titled
from .writing import write_clip_results

Record = dict[str, Any]
"""A clip's end as JSON: "state" ("done" or "failed"), "clip", "source", and "row" or "problem"."""


class Workbench:
    """Carries out orders one after another, with everything loaded once."""

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}

    def prepare(self, order: ClipOrder) -> None:
        """Load what the order's steps need.

        Raises
        ------
        WeightsError, DeviceError: the model or the device is not there; no clip can be worked on here.
        """
        for step in self._steps_of(order):
            step.prepare(order)

    def recover(self) -> None:
        """Let go of everything that is loaded, and of the GPU's memory, after a device failed."""
        self._steps.clear()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()

    def carry_out(self, order: ClipOrder, monitor: Monitor) -> Record:
        """Do all that is asked of a clip and record it; one that is recorded already is left alone.

        Returns
        -------
        the record, as it lies in the clip's folder.

        Raises
        ------
        EchoODEError: the clip can't be read or used, or its results can't be written; nothing is recorded.
        """
        known = read_record(order.record)
        if known.get("state") == "done" and known.get("source") == list(order.source):
            return known
        started = time.perf_counter()
        _clear(order.folder)
        work = ClipInWork(order, _read(order))
        work.row |= clip_cells(work.sequence)
        if order.masks is not None:
            work.segmented = _given_masks(order.masks, order, work.sequence)
        for step in self._steps_of(order):
            step.run(work, monitor)
        write_clip_results(work, monitor)
        notes = (*work.sequence.source.notes, *work.notes)
        work.row["notes"] = nameless(" ".join(dict.fromkeys(notes)), order)
        work.row[titled("time", "s")] = finite(time.perf_counter() - started)
        return record(order, "done", row=work.row)

    def _steps_of(self, order: ClipOrder) -> Sequence[Step]:
        for name in order.settings.steps:
            if name not in self._steps:
                self._steps[name] = STEPS[name]()
        return [self._steps[name] for name in order.settings.steps]


def clip_cells(sequence: EchoSequence) -> dict[str, Cell]:
    """The columns that tell what a clip is."""
    row, column = sequence.spacing or (float("nan"), float("nan"))
    return {
        "view": sequence.view.value,
        "frames": len(sequence),
        "frame rate (Hz)": finite(sequence.frame_rate),
        "pixel height (mm)": finite(row),
        "pixel width (mm)": finite(column),
    }


def read_record(path: Path) -> Record:
    """A clip's record; empty where there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def record(order: ClipOrder, state: str, **content: object) -> Record:
    """Record a clip's end in one step.

    Raises
    ------
    OutputError: it can't be written.
    """
    made: Record = {
        "clip": order.clip,
        "state": state,
        "source": list(order.source),
        "software": f"EchoODE {__version__}",
        **({"file": order.name} if order.settings.keep_name else {}),
        **content,
    }
    write_bytes(order.record, json.dumps(made, ensure_ascii=False, indent=1, allow_nan=False).encode())
    return made


def _clear(folder: Path) -> None:
    """Remove what is left of a clip whose file has changed, or whose worker died; marks of workers stay."""
    remove_unfinished(folder)
    for path in folder.glob("[!.]*"):
        path.unlink()


def nameless(text: str, order: ClipOrder) -> str:
    """``text`` with the clip's name in the place of its files' names, unless these may be told."""
    if order.settings.keep_name:
        return text
    return _without(text, order.clip, _names(order.path))


def _names(path: Path) -> Iterable[str]:
    yield from (path.name, path.stem)
    if path.is_dir():
        yield from (entry.name for entry in path.iterdir())


def _without(text: str, name: str, private: Iterable[str]) -> str:
    for one in sorted({one for one in private if len(one) > 2}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(one)}(?!\w)", name, text)
    return text


def _read(order: ClipOrder) -> EchoSequence:
    from ..engine.io import read_clip

    settings = order.settings
    view = order.view or settings.view
    return read_clip(order.path, view=view, spacing=settings.spacing, frame_rate=settings.frame_rate)


def _given_masks(path: Path, order: ClipOrder, sequence: EchoSequence) -> SegmentedSequence:
    from ..engine.io import read_mask

    masks = read_mask(path, shape=sequence.frames.shape, view=order.view)
    if masks.ndim == 2:
        if len(sequence) > 1:
            raise UnsuitableMask(f"The masks have one frame, the clip {len(sequence)}; give one for each.")
        masks = masks[None]
    return SegmentedSequence(sequence, masks, Provenance("given", software=__version__))
