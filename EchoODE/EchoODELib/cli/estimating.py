"""``ef`` and ``infarction``: what a network says straight from a clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Calibrate, Clip, Device, FrameRate, Json, Spacing, ViewName, Where, load_clip, numbers
from .terminal import monitored, print_json

if TYPE_CHECKING:
    from ..engine.clip_estimator import ClipEstimate, ClipEstimator
    from ..engine.sequence import EchoSequence

Clips = Annotated[int | None, typer.Option("--clips", min=1, help="Clips to average, other than the card's.")]
Beats = Annotated[
    list[str] | None,
    typer.Option(
        "--beat",
        metavar="FIRST,LAST",
        help="Frames of a beat, from one ED to the next, that is looked at by itself; give it again for more beats.",
    ),
]


def ef(
    clip: Clip,
    model: Annotated[
        str | None, typer.Option("--model", help="Model for ejection fractions; see `echoode models`.")
    ] = None,
    clips: Clips = None,
    beat: Beats = None,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    device: Where = Device.AUTO,
    json: Json = False,
) -> None:
    """Estimate the ejection fraction straight from the clip, without masks, with the range that was found."""
    from ..engine.ef import EfEstimator

    beats = _beats(beat)
    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    found = _estimate(EfEstimator(model, device.value, clips=clips), sequence, beats)
    if json:
        print_json({"ejection_fraction": answer_document(found, "%"), **estimate_document(found)})
    else:
        _show(sequence, "EF", found, "%")


def infarction(
    clip: Clip,
    model: Annotated[str | None, typer.Option("--model", help="Model for infarctions; see `echoode models`.")] = None,
    clips: Clips = None,
    beat: Beats = None,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    device: Where = Device.AUTO,
    json: Json = False,
) -> None:
    """Say how probable it is that the clip shows an infarction, without masks, with the range that was found."""
    from ..engine.infarction import InfarctionEstimator

    beats = _beats(beat)
    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    found = _estimate(InfarctionEstimator(model, device.value, clips=clips), sequence, beats)
    if json:
        print_json({"infarction": answer_document(found, "1"), **estimate_document(found)})
    else:
        _show(sequence, "Probability of an infarction", found, "%", 100)


def _beats(given: list[str] | None) -> list[tuple[int, int]]:
    pairs = [numbers(text, (2,), "--beat") for text in given or ()]
    if any(not frame.is_integer() for pair in pairs for frame in pair):
        raise typer.BadParameter("--beat needs the numbers of two frames, such as 12,36.")
    return [(int(first), int(last)) for first, last in pairs]


def _estimate(estimator: ClipEstimator, sequence: EchoSequence, beats: Sequence[tuple[int, int]]) -> ClipEstimate:
    with monitored() as monitor:
        return estimator.estimate(sequence, beats=beats, monitor=monitor)


def _show(sequence: EchoSequence, title: str, found: ClipEstimate, unit: str, scale: float = 1.0) -> None:
    from .showing import show_facts, show_notes

    def listed(values: Sequence[float]) -> str:
        return ", ".join(f"{scale * value:.1f} {unit}" for value in values)

    value, low, high = (f"{scale * one:.0f} {unit}" for one in (found.value, found.low, found.high))
    low = low.removesuffix(f" {unit}")
    show_facts(
        sequence.source.name,
        {
            title: f"{value}, from {low} to {high}",
            "Clips": listed(found.clips),
            **({"Changed a little": listed(found.variations)} if found.variations else {}),
            **({"Beats": listed(found.beats)} if found.beats else {}),
            "Model": f"{found.model}, {1000 * found.seconds:.0f} ms a clip",
        },
    )
    show_notes(found.notes)


def answer_document(found: ClipEstimate, unit: str) -> dict[str, object]:
    """An answer and its range for machines."""
    return {"value": found.value, "low": found.low, "high": found.high, "unit": unit}


def estimate_document(found: ClipEstimate) -> dict[str, object]:
    """All else of an estimate for machines; answers in the unit of the first, and seconds."""
    return {
        "clips": list(found.clips),
        "variations": list(found.variations),
        "beats": list(found.beats),
        "distance_to_training_data": found.distance,
        "unlike_training_data": None if found.distance is None else found.unlike,
        "seconds_a_clip": found.seconds,
        "model": found.model,
        "validated_on_patients": found.validated,
        "notes": list(found.notes),
    }
