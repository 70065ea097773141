"""Unexpected faults in a log file that names no patient."""

from __future__ import annotations

import re
import tempfile
import time
import traceback
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path

from .. import __version__
from ..engine.sequence import ClipSource

# Text in quotes may be a name, and so may any part of a path.
_PATHS = re.compile(r"(?:[A-Za-z]:)?[\\/][^\s'\"<>|:,;)]+")
_QUOTED = re.compile(r"'[^'\n]*[\\/][^'\n]*'|\"[^\"\n]*[\\/][^\"\n]*\"")
_PLACE = re.compile(r"^(\s*File \")([^\"\n]+)(\", line \d+.*)$", re.MULTILINE)


def write_log(title: str, body: str, private: Iterable[str] = ()) -> Path | None:
    """Write a log file that only this user can read.

    Parameters
    ----------
    title: its first line.
    body: a traceback or the end of what was printed; paths and ``private`` texts are taken out.

    Returns
    -------
    the file in the system's temporary folder, or None if it can't be written.
    """
    text = f"EchoODE {__version__}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n{title}\n\n{scrubbed(body, private)}\n"
    prefix = time.strftime("EchoODE-error-%Y%m%d-%H%M%S-")
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix=prefix, suffix=".log", delete=False, encoding="utf-8", errors="replace"
        ) as file:
            file.write(text)
            return Path(file.name)
    except OSError:
        return None


def described(error: BaseException) -> str:
    """An error's traceback, its causes included, without the values of variables."""
    return "".join(traceback.format_exception(error))


def private_texts(value: object) -> set[str]:
    """File and folder names in a task, which may name a patient."""
    if isinstance(value, ClipSource):
        return {value.name, Path(value.name).stem} - {""}
    if isinstance(value, Path):
        return {part for part in value.parts if len(part) > 2}
    if isinstance(value, tuple | list):
        return set().union(*(private_texts(one) for one in value))
    if is_dataclass(value):
        return set().union(*(private_texts(getattr(value, one.name)) for one in fields(value)))
    return set()


def scrubbed(text: str, private: Iterable[str] = ()) -> str:
    """The text without the private texts and without paths; places in code keep the end of theirs."""
    code: list[str] = []

    def keep(match: re.Match[str]) -> str:
        # From the package on: what lies before may hold the user's name.
        parts = re.split(r"[\\/]", match[2])
        packages = [i for i, part in enumerate(parts) if part in ("site-packages", "EchoODELib")]
        short = "/".join(parts[packages[-1] :] if packages else parts[-1:])
        code.append(f"{match[1]}{short}{match[3]}")
        return f"\0{len(code) - 1}\0"

    text = _PLACE.sub(keep, text)
    for one in sorted(private, key=len, reverse=True):
        text = text.replace(one, "…")
    text = _PATHS.sub("…", _QUOTED.sub("'…'", text))
    return re.sub("\0(\\d+)\0", lambda match: code[int(match[1])], text)
