"""``scripts/benchmark ef-step``: a training step of CoReEcho by torch's depthwise gradients and by ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.depthwise import DepthwiseConv3d
from EchoODETrainingLib.recipe import Recipe, read_recipe
from EchoODETrainingLib.value_losses import ValueCriterion
from EchoODETrainingLib.value_objective import ValueObjective
from rich.console import Console
from torch import nn

from .command import machine, markdown, run, show
from .model_timing import least
from .store import default_folder

app = typer.Typer(add_completion=False)
console = Console()

_COLUMNS = ("network", "clips a step", "s, torch's", "s, ours", "times", "processor s, torch's", "processor s, ours")
CAPTION = (
    "A step forward and back through the network and its loss, without the making of its clips and the optimiser. "
    "Times are the least of several; seconds of the processor tell more than the clock where other work runs."
)


@app.command()
def ef_step(
    recipes: Annotated[str, typer.Option(help="Shipped, or YAML files, with commas between.")] = (
        "coreecho_tiny,coreecho_small,coreecho_paper"
    ),
    recordings: Annotated[
        int | None, typer.Option(min=1, help="A step; the recipe's by default, 2 of the paper's.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 1,
    repeats: Annotated[int, typer.Option(min=1, help="Steps of each; the least counts.")] = 5,
    output: Annotated[Path | None, typer.Option(help="Folder for results; benchmark-output by default.")] = None,
) -> None:
    """Seconds of a step forward and back by which CoReEcho learns, one way and the other."""
    torch.set_num_threads(threads)
    rows = [
        _row(read_recipe(Path(name.strip())), recordings, torch.device(device), repeats) for name in recipes.split(",")
    ]
    title = "A training step of CoReEcho"
    show(title, _COLUMNS, rows, console)
    path = (output or default_folder()) / "ef-step.md"
    text = [f"# {title}", machine(threads), CAPTION, markdown("## Forward and back", _COLUMNS, rows)]
    write_bytes(path, "\n\n".join(text).encode())
    console.print(f"{CAPTION}\n{path}", highlight=False)


def with_torchs(network: nn.Module) -> nn.Module:
    """The network with torch's own convolutions in the place of our depthwise ones, by the same weights."""
    for name, part in list(network.named_children()):
        if isinstance(part, DepthwiseConv3d):
            torchs = nn.Conv3d(
                part.in_channels, part.out_channels, part.kernel_size, 1, part.padding, groups=part.groups
            )
            torchs.load_state_dict(part.state_dict())
            setattr(network, name, torchs)
        else:
            with_torchs(part)
    return network


def _row(recipe: Recipe, recordings: int | None, device: torch.device, repeats: int) -> list[str]:
    count = recordings or (2 if min(recipe.size) > 100 else recipe.batch)
    clips = torch.randn(count, recipe.clips.a_recording, recipe.clips.frames, 1, *recipe.size, device=device)
    batch = {"clips": clips, "wanted": torch.linspace(10, 80, count, device=device)[:, None]}
    times = []
    for change in (with_torchs, lambda network: network):
        torch.manual_seed(1)
        network = change(build_model(recipe.architecture, **recipe.configuration)).to(device).train()
        objective = ValueObjective(network, ValueCriterion(recipe.answers))

        def step(objective: nn.Module = objective) -> None:
            objective.zero_grad(set_to_none=True)
            sum(objective(batch).values()).backward()

        times.append(least(step, device, repeats))
    (theirs, theirs_busy), (ours, ours_busy) = times
    seconds = [f"{theirs:.2f}", f"{ours:.2f}", f"{theirs / ours:.1f}", f"{theirs_busy:.2f}", f"{ours_busy:.2f}"]
    return [recipe.name, str(count * recipe.clips.a_recording), *seconds]


if __name__ == "__main__":
    run(app)
