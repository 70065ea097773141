"""One interface over all data sets: entries by split, loaded one at a time."""

from __future__ import annotations

import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from EchoODELib.engine.errors import EchoODEError, UnreadableClip, UnsuitableClip

from .clips import LabelledClip

SPLITS = ("train", "valid", "test")
_SPLIT_NAMES = {"training": "train", "val": "valid", "validation": "valid", "testing": "test"}


@dataclass(frozen=True)
class Entry:
    """A clip that can be loaded.

    Attributes
    ----------
    name: unique within its data set.
    patient: who it is of.
    split: "train", "valid" or "test".
    """

    name: str
    patient: str
    split: str


class DataSet(ABC):
    """Clips with what experts marked on them, split by patient.

    Attributes
    ----------
    kind: the name that recipes and the command line use.
    layout: the folder layout that is expected, to be shown to a person whose folder is another.
    made: whether its clips are simulated or moved when they are first read, and then kept.
    folder: where it lies, or None for one that needs no files.
    skipped: (name, reason) of what could not be read so far.

    Raises
    ------
    UnreadableClip: the folder does not hold this data set; the message shows the layout.
    UnsuitableClip: a patient is in two splits.
    """

    kind: ClassVar[str]
    layout: ClassVar[str]
    made: ClassVar[bool] = False

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.skipped: list[tuple[str, str]] = []
        self._entries = list(self.find())
        if not self._entries:
            raise self.wrong_folder()
        refuse_shared_patients(self._entries)

    @abstractmethod
    def find(self) -> Iterable[Entry]:
        """All entries in a fixed order; nothing if the folder is none of this kind."""

    @abstractmethod
    def read(self, entry: Entry) -> LabelledClip:
        """The clip of an entry; any expected error or ``OSError`` says that it can't be read."""

    def entries(self, split: str) -> list[Entry]:
        """The entries of a split ("train", "valid", "test")."""
        if split not in SPLITS:
            raise UnsuitableClip(f"There is no split {split!r}; use one of: {', '.join(SPLITS)}.")
        return [entry for entry in self._entries if entry.split == split]

    def load(self, entry: Entry) -> LabelledClip:
        """Read one clip.

        Raises
        ------
        UnreadableClip: a file is missing or damaged; the message names it.
        UnsuitableMask: the mask's labels or size don't fit.
        """
        try:
            return self.read(entry)
        except EchoODEError:
            raise
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise UnreadableClip(f"{entry.name} can't be read ({error}); replace the file or leave it out.") from error

    def clips(self, split: str) -> Iterator[LabelledClip]:
        """All clips of a split that can be read; the others are put down in ``skipped``."""
        for entry in self.entries(split):
            try:
                yield self.load(entry)
            except EchoODEError as error:
                self.skip(entry.name, str(error))

    def skip(self, name: str, reason: str) -> None:
        """Put a clip down as skipped, once."""
        if all(name != known for known, _ in self.skipped):
            self.skipped.append((name, reason))

    def skipped_summary(self) -> str:
        """One sentence on how many clips were skipped and why the first was; empty if none was."""
        if not self.skipped:
            return ""
        count = len(self.skipped)
        names = ", ".join(name for name, _ in self.skipped[:5]) + (", …" if count > 5 else "")
        return f"{count} {'clip was' if count == 1 else 'clips were'} skipped ({names}): {self.skipped[0][1]}"

    def wrong_folder(self) -> UnreadableClip:
        """The error for a folder of another kind, or one in which nothing can be used."""
        reason = f" {self.skipped_summary()}" if self.skipped else ""
        wrong = "No folder was given." if self.folder is None else f"{self.folder} holds no {self.kind} data to use."
        return UnreadableClip(f"{wrong}{reason} A folder of this layout is expected:\n{self.layout}")


def refuse_shared_patients(entries: Iterable[Entry]) -> None:
    """Raise UnsuitableClip if a patient is in two splits, for then a validation says nothing."""
    split_of: dict[str, str] = {}
    for entry in entries:
        other = split_of.setdefault(entry.patient, entry.split)
        if other != entry.split:
            raise UnsuitableClip(
                f"The patient {entry.patient} is in the splits {other} and {entry.split}: "
                "remove the files from one of them, or the validation is no fair one."
            )


def named_split(name: object) -> str | None:
    """The split that public data sets call ``name`` in a table or folder, in any case of letters; None for no split."""
    plain = str(name).strip().lower()
    split = _SPLIT_NAMES.get(plain, plain)
    return split if split in SPLITS else None


def split_by_name(patient: str, shares: tuple[float, float] = (0.1, 0.1)) -> str:
    """The split of a patient in a data set that has none of its own: the same on every machine and run.

    Parameters
    ----------
    shares: of "valid" and "test"; the rest is "train".
    """
    place = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:4], "big") / 2**32
    return "valid" if place < shares[0] else "test" if place < sum(shares) else "train"


def fold_of(count: int, fold: int, folds: int) -> range:
    """The places of a fold among ``count`` things in order: as equal parts as whole things allow, one after the other.

    Raises
    ------
    UnsuitableClip: there is no such fold, or fewer things than folds.
    """
    if not 0 <= fold < folds or count < folds:
        raise UnsuitableClip(f"There is no fold {fold} of {folds} among {count}; folds count from 0.")
    return range(count * fold // folds, count * (fold + 1) // folds)


def stratified_folds(labels: Mapping[str, bool], folds: int) -> dict[str, int]:
    """The fold of each patient, with as equal a share of both labels in all as whole patients allow.

    The same on every machine; patients of a label are taken in the order of a checksum of their names.
    """
    found = {}
    for label in (False, True):
        names = sorted(
            (p for p, own in labels.items() if own is label), key=lambda p: hashlib.sha256(p.encode()).digest()
        )
        # The second label goes on where the first ended, so that folds are of about one size.
        found |= {name: (len(found) + place) % folds for place, name in enumerate(names)}
    return found


# Kind -> module and class: a reader's packages are loaded only when its data set is opened.
KINDS = {
    "camus": (".camus", "Camus"),
    "echonet_dynamic": (".echonet_dynamic", "EchoNetDynamic"),
    "echonet_lvh": (".echonet_lvh", "EchoNetLVH"),
    "hmc_qu": (".hmc_qu", "HmcQu"),
    "ted": (".ted", "Ted"),
    "exports": (".exports", "Exports"),
    "phantom": (".phantom", "Phantom"),
    "hard_phantom": (".hard_phantom", "HardPhantom"),
    "pseudo_camus": (".pseudo_camus", "PseudoCamus"),
    "view_folder": (".view_folder", "ViewFolder"),
    "other_phantom": (".other_views", "OtherPhantom"),
    "other_camus": (".other_views", "OtherCamus"),
    "restyled_phantom": (".other_views", "RestyledPhantom"),
}


def open_data_set(kind: str, folder: Path | str | None = None, **options: Any) -> DataSet:
    """A data set by its kind (a key of :data:`KINDS`).

    Parameters
    ----------
    folder: where the data lie; None for simulated ones.
    options: what the kind's class takes besides.

    Raises
    ------
    UnreadableClip: no such kind, no folder, or a folder of another layout.
    UnsuitableClip: a patient in two splits.
    """
    if kind not in KINDS:
        raise UnreadableClip(f"There is no data set kind {kind!r}; use one of: {', '.join(sorted(KINDS))}.")
    module, name = KINDS[kind]
    made = getattr(import_module(module, __package__), name)
    try:
        inspect.signature(made).bind(folder, **options)
    except TypeError as error:
        raise UnreadableClip(f"The data set {kind} can't be opened with {sorted(options)}: {error}.") from error
    return made(None if folder is None else Path(folder).expanduser(), **options)  # type: ignore[no-any-return]
