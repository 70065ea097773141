"""``info``: what a clip is."""

from __future__ import annotations

from .options import Calibrate, Clip, FrameRate, Json, Spacing, ViewName, load_clip
from .terminal import print_json


def info(
    clip: Clip,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    json: Json = False,
) -> None:
    """Show what a clip is: frames, frame rate, pixel size, view, colour Doppler, and what was doubted."""
    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    if json:
        from ..engine.export.results import clip_document

        print_json(clip_document(sequence, source_name=True))
    else:
        from .showing import show_clip

        show_clip(sequence)
