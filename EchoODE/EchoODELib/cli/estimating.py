"""``ef``: the ejection fraction straight from a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import Calibrate, Clip, Device, FrameRate, Json, Spacing, ViewName, Where, load_clip
from .terminal import monitored, print_json

if TYPE_CHECKING:
    from ..engine.ef import EfEstimate


def ef(
    clip: Clip,
    model: Annotated[
        str | None, typer.Option("--model", help="Model for ejection fractions; see `echoode models`.")
    ] = None,
    clips: Annotated[
        int | None, typer.Option("--clips", min=1, help="Clips to average, other than the card's.")
    ] = None,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    device: Where = Device.AUTO,
    json: Json = False,
) -> None:
    """Estimate the ejection fraction straight from the clip, without masks, with the range that was found."""
    from ..engine.ef import EfEstimator

    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    estimator = EfEstimator(model, device.value, clips=clips)
    with monitored() as monitor:
        found = estimator.estimate(sequence, monitor=monitor)
    if json:
        print_json(estimate_document(found))
        return
    from .showing import show_facts, show_notes

    show_facts(
        sequence.source.name,
        {
            "EF": f"{found.value:.0f} %, from {found.low:.0f} to {found.high:.0f} %",
            "Clips": ", ".join(f"{value:.1f} %" for value in found.clips),
            "Changed a little": ", ".join(f"{value:.1f} %" for value in found.variations),
            "Model": f"{found.model}, {1000 * found.seconds:.0f} ms a clip",
        },
    )
    show_notes(found.notes)


def estimate_document(found: EfEstimate) -> dict[str, object]:
    """An estimate for machines; numbers in percent and seconds."""
    return {
        "ejection_fraction": {"value": found.value, "low": found.low, "high": found.high, "unit": "%"},
        "clips": list(found.clips),
        "variations": list(found.variations),
        "seconds_a_clip": found.seconds,
        "model": found.model,
        "validated_on_patients": found.validated,
        "notes": list(found.notes),
    }
