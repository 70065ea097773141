"""Results as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from .terminal import out, say

if TYPE_CHECKING:
    from ..engine.sequence import EchoSequence, Measurements
    from ..engine.views import ViewProposal


def show_clip(clip: EchoSequence, proposal: ViewProposal | None = None) -> None:
    """What was read, and the view that a network proposes."""
    rows, columns = clip.shape
    proposed = "" if proposal is None or proposal.probability is None else f"; it looks like {proposal}"
    facts = {
        "Format": clip.source.format or "unknown",
        "View": clip.view.value + proposed,
        "Frames": f"{len(clip)}, {clip.frame_rate:.1f} per second, {clip.times[-1]:.2f} s" if len(clip) > 1 else "1",
        "Size": f"{columns} x {rows} px",
        "Pixel size": _pixel_size(clip),
    }
    if clip.source.heart_rate:
        facts["Heart rate"] = f"{clip.source.heart_rate:.0f} bpm (from the file)"
    if clip.source.ed_frame is not None or clip.source.es_frame is not None:
        facts["Marked"] = f"ED {clip.source.ed_frame}, ES {clip.source.es_frame} (from the file)"
    facts["Colour Doppler"] = "yes: the walls are hidden, it can't be segmented" if clip.source.colour_doppler else "no"
    show_facts(clip.source.name, facts)
    show_notes(clip.source.notes)


def show_measurements(clip: EchoSequence, measurements: Measurements, segmentation: Measurements | None = None) -> None:
    """EF first, then phases and rate, then everything else."""
    from ..engine.export.wording import spoken_summary, title_of

    summary = measurements.summary
    facts: dict[str, str] = {}
    first = ("ejection_fraction", "end_diastolic_volume", "end_systolic_volume", "stroke_volume")
    if "ejection_fraction" in summary:
        own = None if segmentation is None else segmentation.summary.get("ejection_fraction")
        aside = f"   (segmentation alone: {spoken_summary(own)})" if own is not None else ""
        facts["EF"] = spoken_summary(summary["ejection_fraction"]) + aside
    facts |= {title_of(name): spoken_summary(summary[name]) for name in first[1:] if name in summary}
    facts["ED frames"] = _frames(clip, measurements.ed_frames)
    facts["ES frames"] = _frames(clip, measurements.es_frames)
    facts["Heart rate"] = spoken_summary(summary["heart_rate"]) if "heart_rate" in summary else "unknown"
    facts["Beats"] = str(len(measurements.beats))
    facts |= {
        title_of(name): spoken_summary(value)
        for name, value in summary.items()
        if name not in first and name != "heart_rate"
    }
    if measurements.flags:
        flagged = sorted({flag.frame for flag in measurements.flags})
        facts["To check"] = "frames " + ", ".join(str(frame) for frame in flagged)
    show_facts("", facts)
    show_notes(measurements.notes)


def show_facts(title: str, facts: Mapping[str, str]) -> None:
    """Names and values in two columns; never cut, so that paths can be copied."""
    console = out()
    if title:
        console.print(Text(title, style="bold"))
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        first, *more = value.splitlines() or [""]
        console.print(Text.assemble((f"{name:<{width}}", "cyan"), "  ", first))
        for line in more:
            console.print(Text(" " * (width + 2) + line))


def show_notes(notes: tuple[str, ...]) -> None:
    """Notes, on stderr."""
    for note in dict.fromkeys(notes):
        say("[yellow]Note:[/] ", note)


def show_files(written: Mapping[str, Path]) -> None:
    """Where results lie."""
    show_facts("", {name: str(path) for name, path in written.items()})


def _pixel_size(clip: EchoSequence) -> str:
    if clip.spacing is None:
        return "uncalibrated: lengths in px, no volumes (calibrate with --spacing or --calibrate)"
    row, column = clip.spacing
    return f"{row:.4g} mm" if abs(row - column) < 1e-6 * row else f"{row:.4g} x {column:.4g} mm (row x column)"


def _frames(clip: EchoSequence, frames: tuple[int, ...]) -> str:
    return ", ".join(f"{frame} ({clip.times[frame]:.2f} s)" for frame in frames) or "none found"
