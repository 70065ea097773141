"""``info``: what a clip is."""

from __future__ import annotations

from .options import Calibrate, Clip, FrameRate, Json, Spacing, ViewName, load_clip
from .terminal import print_json, say


def info(
    clip: Clip,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    json: Json = False,
) -> None:
    """Show what a clip is: frames, frame rate, pixel size, view, colour Doppler, and what was doubted.

    Beside the view that the file or --view says stands the one that a network proposes, with its probability.
    """
    from ..engine.views import disagreement, propose_view

    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    proposal = propose_view(sequence)
    doubt = disagreement(sequence.view, proposal)
    if json:
        from ..engine.export.results import clip_document

        shares = {one.value: round(share, 4) for one, share in proposal.probabilities.items()}
        proposed = {"view": proposal.view.value, "probabilities": shares, "model": proposal.model} if shares else None
        print_json(clip_document(sequence, source_name=True) | {"view_proposed": proposed})
    else:
        from .showing import show_clip

        show_clip(sequence, proposal)
    if doubt:
        say("[yellow]Note:[/] ", doubt)
