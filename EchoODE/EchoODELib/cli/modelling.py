"""``models``: which there are, and installing and deleting one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from .options import Json
from .terminal import monitored, out, print_json

if TYPE_CHECKING:
    from ..engine.weights import ModelCard


class ModelCommands(TyperGroup):
    """``models NAME`` is ``models show NAME``."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the arguments ask for."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["show", *args])


Verify = Annotated[bool, typer.Option("--verify", help="Load the weights and check them against the card.")]

models = typer.Typer(
    cls=ModelCommands,
    invoke_without_command=True,
    subcommand_metavar="[NAME]",
    help="List the models, show one's card (models NAME), install or delete one's own.",
)


@models.callback()
def _list(ctx: typer.Context, verify: Verify = False, json: Json = False) -> None:
    ctx.obj = {"verify": verify, "json": json}
    if ctx.invoked_subcommand is not None:
        return
    from ..engine.weights import DEFAULT_MODEL, list_models

    cards = list_models()
    if verify:
        _verify(cards)
    if json:
        print_json([_plain(card) for card in cards])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("Model", "Task", "Views", "Licence", ""):
        table.add_column(title)
    for card in cards:
        default = "default" if card.name == DEFAULT_MODEL else ""
        table.add_row(card.name, card.task, ", ".join(card.views), card.licence, default)
    out().print(table)
    if verify:
        out().print("Weights verified.")


@models.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    verify: Verify = False,
    json: Json = False,
) -> None:
    """Show a model's whole card."""
    from ..engine.weights import find_card

    card = find_card(name)
    verify, json = verify or ctx.obj["verify"], json or ctx.obj["json"]
    if verify:
        _verify([card])
    if json:
        print_json([_plain(card)])
        return
    from .showing import show_facts

    show_facts("", {key.replace("_", " "): _worded(value) for key, value in _plain(card).items()})
    if verify:
        out().print("Weights verified.")


@models.command()
def install(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A model's card, a folder of models, or a run's folder.")
    ],
) -> None:
    """Copy a model to one's own, so that every command and the module find it by name."""
    from EchoODETrainingLib.module.models import import_folder
    from EchoODETrainingLib.module.models import install as install_one

    if (path / "recipe.yaml").is_file():
        path = path / "model"
    names = import_folder(path) if path.is_dir() else [install_one(path)]
    out().print(f"Installed {', '.join(names)}.")


@models.command()
def delete(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Delete a model of one's own; shipped ones stay."""
    from EchoODETrainingLib.module.models import delete as delete_one

    delete_one(name)
    out().print(f"Deleted {name}.")


@models.command()
def complete(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder; its recipe says where its data lie.")],
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")] = "auto",
) -> None:
    """Add to a run's model what its training recordings look like to it, where it ended without.

    With it a model for whole clips says which clips are unlike its training data; a whole run adds it by itself.
    """
    from EchoODETrainingLib.value_known import complete_run

    with monitored() as monitor:
        card = complete_run(run, device=device, monitor=monitor)
    out().print(f"Completed {card.name}; install it again with: echoode models install {run}", highlight=False)


def _verify(cards: list[ModelCard]) -> None:
    import torch

    from ..engine.combination import load_members
    from ..engine.known_embeddings import read_known_embeddings

    for card in cards:
        load_members(card.name, torch.device("cpu"))
        read_known_embeddings(card)


def _plain(card: ModelCard) -> dict[str, object]:
    from dataclasses import asdict

    return {key: value for key, value in asdict(card).items() if key != "folder"}


def _worded(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_worded(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)
