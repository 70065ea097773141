"""The commands put together, and what happens when one of them fails."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from types import TracebackType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..engine.errors import EchoODEError, RunCancelled
from . import (
    batching,
    embedding,
    estimating,
    evaluating,
    explaining,
    inspecting,
    measuring,
    modelling,
    outlining,
    running,
    simulating,
    training,
    watching,
)
from .terminal import say


class Commands(TyperGroup):
    """Turns expected failures into one sentence on stderr and the exit code of their class."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except EchoODEError as error:
            say(f"[bold red]{'Cancelled' if isinstance(error, RunCancelled) else 'Error'}:[/] ", str(error))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as interrupt:
            say("[bold red]Cancelled.[/]", "")
            raise typer.Exit(RunCancelled.exit_code) from interrupt


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Echocardiography: segment a clip, propagate a mask, measure EF and strain, export.\n\n"
    "Frames count from 0. Research software, not a medical device.",
    epilog="Exit codes: 0 done, 2 wrong use, 3 unreadable clip, 4 unsuitable clip, 5 unsuitable mask, "
    "6 uncalibrated clip, 7 model weights, 8 output, 9 device, 10 recipe, 11 training, 12 cluster, 13 package, "
    "130 cancelled.",
)
for command in (
    running.run,
    batching.batch,
    inspecting.info,
    outlining.segment,
    outlining.propagate,
    measuring.measure,
    estimating.ef,
    estimating.infarction,
    explaining.explain,
    embedding.embed,
    measuring.export,
    watching.live,
    simulating.phantom,
    evaluating.evaluate,
    training.train,
):
    app.command()(command)
app.add_typer(modelling.models, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"echoode {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run ``echoode``."""
    sys.excepthook = _report_defect
    # Before torch is loaded: threads that spin while they wait cost up to ten times where the processor is shared.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    typer.main.get_command(app)()  # not app(): that puts Typer's own excepthook in the place of ours


def _report_defect(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A failure that nobody expected is ours: say so, and where the details are."""
    with tempfile.NamedTemporaryFile("w", prefix="echoode-", suffix=".log", delete=False, encoding="utf-8") as log:
        log.write("".join(traceback.format_exception(kind, error, trace)))
    say(
        "[bold red]Error:[/] ",
        f"EchoODE failed unexpectedly ({kind.__name__}); please report it with {log.name}.",
    )
