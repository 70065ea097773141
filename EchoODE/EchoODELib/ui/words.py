"""How the panel says things: clips, times, frames."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable

from slicer.i18n import tr as _

from ..engine.errors import UnsuitableClip
from ..engine.sequence import EchoSequence

SECONDS_IN_MINUTE = 60


def clipSummary(sequence: EchoSequence, doubt: str = "") -> str:
    """As rich text what was read: frames, rate, pixel size; below it ``doubt`` about the view, the reader's notes."""
    rows, columns = sequence.shape
    facts = [
        _("{count} frames").format(count=len(sequence)) if len(sequence) > 1 else _("1 frame"),
        f"{columns} × {rows} px",
    ]
    if sequence.frame_rate:
        facts.insert(1, _("{rate} frames/s").format(rate=f"{sequence.frame_rate:.1f}"))
    if sequence.spacing is None:
        facts.append("<b>" + _("uncalibrated") + "</b>")
    else:
        facts.append(spokenSpacing(sequence.spacing))
    text = " · ".join(facts)
    if sequence.source.format:
        text = f"<b>{html.escape(sequence.source.format)}</b> · {text}"
    notes = [*([doubt] if doubt else []), *sequence.source.notes]
    if sequence.source.colour_doppler:
        notes.insert(0, _("The clip shows colour Doppler, which hides the walls."))
    lines = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return text + (f'<ul style="margin: 4px 0 0 0; -qt-list-indent: 0;">{lines}</ul>' if lines else "")


def spokenSpacing(spacing: tuple[float, float]) -> str:
    """A pixel's size (row, column)."""
    row, column = spacing
    if math.isclose(row, column, rel_tol=1e-3):
        return f"{row:.3g} mm/px"
    return _("{column} × {row} mm/px").format(column=f"{column:.3g}", row=f"{row:.3g}")


def spokenTime(seconds: float) -> str:
    """A time that is left."""
    if seconds < 1.0:
        return _("less than a second left")
    if seconds < SECONDS_IN_MINUTE:
        return _("{seconds} s left").format(seconds=math.ceil(seconds))
    minutes, rest = divmod(math.ceil(seconds), SECONDS_IN_MINUTE)
    return _("{minutes} min {seconds} s left").format(minutes=minutes, seconds=rest)


def spokenFrames(frames: Iterable[int]) -> str:
    """Frames as they are typed."""
    return ", ".join(str(frame) for frame in frames)


def readFrames(text: str) -> list[int]:
    """Frames out of what was typed.

    Raises
    ------
    UnsuitableClip: something that is no frame.
    """
    parts = [part for part in re.split(r"[\s,;]+", text.strip()) if part]
    if not all(part.isdecimal() for part in parts):
        raise UnsuitableClip(_("Type frames as whole numbers with commas between them, such as 0, 24."))
    return [int(part) for part in parts]
