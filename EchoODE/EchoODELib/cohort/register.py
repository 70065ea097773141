"""Which clip is which: the one list of a cohort that holds names of files, and the masks found by it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.errors import OutputError, UnreadableClip
from ..engine.export.atomic import write_bytes

if TYPE_CHECKING:
    from .find import FoundClip

REGISTER = Path("private") / "clips.csv"
"""In a cohort's folder; below a folder that has it nothing is taken for a clip."""
CLIPS, MASKS = "clips", "masks.nii.gz"

_COLUMNS = ["clip", "file", "view"]
_PRIVATE = "# Names of files may tell who the patients are: keep this list to yourself."
_ENDINGS = (".nii.gz", ".seq.nrrd", ".seg.nrrd")

Key = tuple[str, str]


def key_of(clip: FoundClip) -> Key:
    """What a clip is known by: its path below the cohort's folder, and its view where the path holds several."""
    return clip.name, "" if clip.view is None else clip.view.value


def read_register(folder: Path) -> dict[Key, str]:
    """The clips' names in a cohort by what they are known by; empty where there is no list yet.

    Raises
    ------
    OutputError: the list can't be read.
    """
    try:
        lines = (folder / REGISTER).read_text(encoding="utf-8").splitlines()
        return {(row["file"], row["view"]): row["clip"] for row in csv.DictReader(lines[1:])}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise OutputError(f"{folder / REGISTER} can't be read; give a new folder for the results.") from error


def write_register(folder: Path, names: Mapping[Key, str]) -> None:
    """Write the list in one step.

    Raises
    ------
    OutputError: the place can't be written.
    """
    text = io.StringIO()
    text.write(f"{_PRIVATE}\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows([name, *key] for key, name in names.items())
    write_bytes(folder / REGISTER, text.getvalue().encode())


class MasksFolder:
    """Masks for the clips of a cohort.

    Parameters
    ----------
    folder: results of an earlier cohort of the same clips, or masks that lie below it as the clips do below theirs,
        with the same names, whatever their endings.

    Raises
    ------
    UnreadableClip: no such folder.
    OutputError: an earlier cohort's list can't be read.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise UnreadableClip(f"The folder of masks {folder} does not exist; check the path.")
        folder = folder.absolute()
        self._known = {key: folder / CLIPS / name / MASKS for key, name in read_register(folder).items()}
        self._placed: dict[str, Path] = {}
        if not self._known:
            for place, folders, files in os.walk(folder):
                for name in sorted((*folders, *files)):
                    path = Path(place, name)
                    self._placed.setdefault(bare_name(path.relative_to(folder).as_posix()), path)

    def of(self, clip: FoundClip) -> Path | None:
        """The clip's masks, or None where there are none."""
        if self._known:
            path = self._known.get(key_of(clip))
            return path if path is not None and path.is_file() else None
        return self._placed.get(bare_name(clip.name))


def bare_name(name: str) -> str:
    """A path without its ending."""
    lower = name.lower()
    ending = next((one for one in _ENDINGS if lower.endswith(one)), Path(name).suffix)
    return name.removesuffix(name[len(name) - len(ending) :]) if ending else name
