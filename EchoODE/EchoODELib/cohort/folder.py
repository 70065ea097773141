"""A cohort's folder: its settings, which clip is which, what is done, and the tables.

``settings.json``, ``results.csv``, ``results.xlsx``, ``failures.csv``; ``clips/clip-00001/`` for each clip, whose
``record.json`` is written last; ``private/`` with the names of the files, which nothing else tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..engine.errors import EchoODEError, OutputError
from ..engine.export.atomic import remove_unfinished, require_writable, write_bytes
from ..jobs.shared_folder import hold
from .carry_out import Record, nameless, read_record, record
from .find import FoundClip
from .orders import ClipOrder, CohortSettings
from .register import CLIPS, MasksFolder, key_of, read_register, write_register
from .tables import write_tables

_SETTINGS = "settings.json"
_LOCK = Path("private") / "run.lock"


class CohortFolder:
    """Open with :func:`opened`.

    Attributes
    ----------
    path: absolute.
    settings: of all its clips.
    records: how clips ended, by their names, those of earlier runs included.
    """

    def __init__(self, path: Path, settings: CohortSettings) -> None:
        self.path, self.settings = path, settings
        self._names = read_register(path)
        found = (read_record(order) for order in sorted((path / CLIPS).glob("*/record.json")))
        self.records: dict[str, Record] = {one["clip"]: one for one in found if one}

    def orders(self, clips: Sequence[FoundClip], *, masks: Path | None = None, device: str = "auto") -> list[ClipOrder]:
        """An order for each clip; clips that were not known get a name, and their place in the list.

        Parameters
        ----------
        masks: folder to take masks from, see :class:`~.register.MasksFolder`.
        device: "auto", "cpu" or "cuda".

        Raises
        ------
        UnreadableClip: there is no such folder of masks.
        OutputError: the list can't be written.
        """
        beside = None if masks is None else MasksFolder(masks)
        number = max((int(name.rpartition("-")[2]) for name in self._names.values()), default=0)
        for clip in clips:
            if key_of(clip) not in self._names:
                number += 1
                self._names[key_of(clip)] = f"clip-{number:05d}"
        write_register(self.path, self._names)
        return [
            ClipOrder(
                clip=(name := self._names[key_of(clip)]),
                path=clip.path,
                name=clip.name,
                view=clip.view,
                source=clip.source,
                folder=self.path / CLIPS / name,
                settings=self.settings,
                masks=None if beside is None else beside.of(clip),
                device=device,
            )
            for clip in clips
        ]

    def state(self, order: ClipOrder) -> str:
        """How an earlier run left the clip: "done", "failed", or "" if it is to be done, or its file has changed."""
        known = self.records.get(order.clip, {})
        return str(known["state"]) if known.get("source") == list(order.source) else ""

    def fail(self, order: ClipOrder, error: EchoODEError) -> None:
        """Record that a clip failed.

        Raises
        ------
        OutputError: it can't be written.
        """
        remove_unfinished(order.folder)
        self.records[order.clip] = record(order, "failed", problem=nameless(str(error), order))

    def write_tables(self) -> dict[str, Path]:
        """Write the tables of all that is recorded.

        Raises
        ------
        OutputError: they can't be written.
        """
        return write_tables(self.path, self.records.values(), self.settings)


@contextmanager
def opened(path: Path, settings: CohortSettings) -> Iterator[CohortFolder]:
    """The folder of a cohort, new or gone on with, for one run at a time.

    Raises
    ------
    OutputError: it can't be written, holds results of other settings, or a run is under way in it.
    """
    path = path.absolute()
    require_writable(path / _SETTINGS)
    _keep_settings(path, settings)
    lock = path / _LOCK
    try:
        lock.parent.mkdir(exist_ok=True)
        held = lock.open("wb")
    except OSError as error:
        raise OutputError(f"{lock} can't be written; choose another folder.") from error
    with held:
        if not hold(held):
            raise OutputError(f"A run is under way in {path}; wait for it, or stop it first.")
        yield CohortFolder(path, settings)


def _keep_settings(path: Path, settings: CohortSettings) -> None:
    document = settings.document()
    try:
        # A cohort may have begun before there was a setting.
        known = CohortSettings(()).document()
        before = {**known, **json.loads((path / _SETTINGS).read_text(encoding="utf-8"))}
    except FileNotFoundError:
        write_bytes(path / _SETTINGS, json.dumps(document, ensure_ascii=False, indent=1).encode())
        return
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(f"{path / _SETTINGS} can't be read; give a new folder.") from error
    other = [name for name in document if before[name] != document[name]]
    if other:
        named = ", ".join(name.replace("_", " ") for name in other)
        raise OutputError(f"{path} holds results of other settings ({named}); give those again, or a new folder.")
