"""``info`` and ``models``: what is there."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Calibrate, Clip, FrameRate, Json, Spacing, ViewName, load_clip
from .terminal import out, print_json


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


def models(
    name: Annotated[str | None, typer.Argument(help="Show one model's whole card.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Load the weights and check them against the card.")] = False,
    json: Json = False,
) -> None:
    """List the segmentation models, or show a model's card."""
    from dataclasses import asdict

    from ..engine import weights

    cards = weights.list_models() if name is None else [weights.find_card(name)]
    if verify:
        for card in cards:
            weights.load_model(card.name)
    if json:
        plain = [{key: value for key, value in asdict(card).items() if key != "folder"} for card in cards]
        print_json(plain)
        return
    from .showing import show_facts

    if name is not None:
        facts = asdict(cards[0])
        facts.pop("folder")
        show_facts("", {key.replace("_", " "): _worded(value) for key, value in facts.items()})
    else:
        from rich.table import Table

        table = Table(box=None, pad_edge=False)
        for title in ("Model", "Task", "Views", "Licence", ""):
            table.add_column(title)
        for card in cards:
            default = "default" if card.name == weights.DEFAULT_MODEL else ""
            table.add_row(card.name, card.task, ", ".join(card.views), card.licence, default)
        out().print(table)
    if verify:
        out().print("Weights verified.")


def _worded(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_worded(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
