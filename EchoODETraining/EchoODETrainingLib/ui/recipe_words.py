"""What the panel says of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slicer.i18n import tr as _

from ..module import recipes
from ..module.data import KIND_NAMES


def about(content: Mapping[str, Any]) -> str:
    """What a recipe says of itself, shortened."""
    card = content.get("card")
    text = str(card.get("intended_use") or "") if isinstance(card, dict) else ""
    first = text.split(". ")[0].strip().rstrip(".")
    kinds = recipes.needed_kinds(content)
    if not kinds:
        return ""
    needs = _("Learns from: %s.") % ", ".join(KIND_NAMES.get(kind, kind) for kind in kinds)
    second = text.split(". ")[1].strip().rstrip(".") if first == "Research" and ". " in text else first
    return " ".join([f"{second}." if second else "", needs, *_about_clips(content)]).strip()


def _about_clips(content: Mapping[str, Any]) -> list[str]:
    """What a network of whole clips sees, and which part of it learns when; nothing of others."""
    clips = content.get("clips")
    if recipes.task_of(content) == recipes.SEGMENTATION or not isinstance(clips, dict) or "frames" not in clips:
        return []
    frames, averaged = clips["frames"], clips.get("clips")
    if clips.get("whole"):
        said = _("A clip: a whole beat at %s frames.") % frames
    elif isinstance(interval := clips.get("interval"), int | float):
        said = _("A clip: {frames} frames, {interval:g} ms apart.").format(frames=frames, interval=1000 * interval)
    elif "stride" in clips:
        stride = clips["stride"]
        said = _("A clip: {frames} frames, one in {stride} of the recording's.").format(frames=frames, stride=stride)
    else:
        said = _("A clip: %s frames.") % frames
    found = [said]
    if isinstance(averaged, int) and averaged > 1:
        found.append(_("The answers of %d clips are averaged.") % averaged)
    head, epochs = content.get("head_epochs"), content.get("epochs")
    if head:
        found.append(
            _("The network's head alone learns.")
            if head == epochs
            else _("Of {epochs} epochs, the last {head} teach the head alone.").format(epochs=epochs, head=head)
        )
    return found
