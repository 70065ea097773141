"""``scripts/benchmark registration``: ours and other packages' registration on simulated and real clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from EchoODELib.engine.export.atomic import write_bytes
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .cases import Case, Kind, Plan, data_folder, pairs, phantoms
from .command import choose, machine, run, stop
from .methods import Method, all_methods
from .peers import limit_threads
from .published import published_markdown, published_tables, show_published
from .scores import score
from .store import Store, default_folder
from .table import CAPTION, Result, build, comma_separated, markdown, show

_PACKAGES = ("torch", "SimpleITK", "opencv-python-headless", "antspyx", "itk-elastix")
_WARM_UP_FRAMES = 3
_NO_WARM_UP = ("paper", "paper-unguided")  # minutes each: a second of warm-up does not show

app = typer.Typer(add_completion=False)
console = Console()


@app.command()
def registration(
    quick: Annotated[bool, typer.Option("--quick", help="One seed of each simulated table, two real pairs.")] = False,
    methods: Annotated[str, typer.Option(help="Methods, by key or pattern, with commas between.")] = "*",
    seeds: Annotated[int, typer.Option(min=1, help="Phantom seeds, each with three ejection fractions.")] = 6,
    phantom_count: Annotated[
        int, typer.Option("--phantoms", min=1, help="Take only the first so many phantoms.")
    ] = 999,
    pair_count: Annotated[int, typer.Option("--pairs", min=0, help="Real pairs, in order of name.")] = 999,
    tables: Annotated[str, typer.Option(help="systole, cycle, pair, with commas between.")] = "systole,cycle,pair",
    threads: Annotated[int, typer.Option(min=1, help="Threads for every package.")] = 2,
    output: Annotated[Path | None, typer.Option(help="Folder for results; benchmark-output by default.")] = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Make the tables of what is stored; compute nothing.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Compute everything, whatever is stored.")] = False,
    list_methods: Annotated[bool, typer.Option("--list", help="List the methods' keys and stop.")] = False,
) -> None:
    """Compare registrations. Interrupt it at will: the next run goes on where this one stopped."""
    limit_threads(threads)
    torch.set_num_threads(threads)
    chosen = choose(methods, all_methods(), "method")
    if list_methods:
        for method in chosen:
            console.print(f"{method.key:20} {method.name}, {method.given or 'ED mask only'}", highlight=False)
        return
    for method in chosen:
        if method.missing:
            console.print(f"[yellow]Left out: {method.key}[/yellow], it needs {method.missing}.")
    kinds = _kinds(tables)
    if quick:
        seeds, phantom_count, pair_count = 1, 1, 2
    plans = {kind: _plans(kind, seeds, phantom_count, pair_count) for kind in kinds}
    folder = output or default_folder()
    results = _run(chosen, plans, Store(folder / "cache", threads), again=again, compute=not stored)
    made = [build(kind, [r for r in results if r.plan.kind is kind]) for kind in kinds if plans[kind]]
    console.width = max(console.width, 150)
    for table in made:
        show(table, console)
    console.print(CAPTION, highlight=False)
    papers = published_tables("001_echo_ode_registration", ("I", "II"))
    for paper in papers:
        show_published(paper, console)
    heading = f"Registration benchmark\n\n{machine(threads, _PACKAGES)}."
    write_bytes(folder / "registration.csv", comma_separated(results).encode())
    text = "\n".join([markdown(made, heading), *map(published_markdown, papers)])
    write_bytes(folder / "registration.md", text.encode())
    console.print(f"{folder / 'registration.csv'}\n{folder / 'registration.md'}", highlight=False)


def _kinds(names: str) -> list[Kind]:
    by_name = {kind.name.lower(): kind for kind in Kind}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in by_name:
            stop(f"There is no table {name!r}; choose from {', '.join(by_name)}.")
    return [kind for name, kind in by_name.items() if name in wanted]


def _plans(kind: Kind, seeds: int, phantom_count: int, pair_count: int) -> list[Plan]:
    if not kind.real:
        return list(phantoms(kind, seeds))[:phantom_count]
    found = pairs()[:pair_count]
    if not found and pair_count:
        console.print(f"No real pairs: {data_folder() / 'camus_4ch' / 'valid'} is absent; set ECHOODE_TEST_DATA.")
    return found


def _run(
    chosen: Sequence[Method], plans: dict[Kind, list[Plan]], store: Store, *, again: bool, compute: bool
) -> list[Result]:
    """All results in the order of the methods; what is stored is not computed, and nothing is without ``compute``."""
    work: dict[Plan, list[Method]] = {}
    done: dict[tuple[str, Plan], Result] = {}
    asked: list[tuple[Method, Plan]] = []
    for kind, of_kind in plans.items():
        for method in chosen:
            if kind not in method.kinds:
                continue
            if method.missing:
                continue
            for plan in of_kind[: method.limits.get(kind, len(of_kind))]:
                stored = None if again else store.get(method, plan)
                if stored is None and not compute:
                    continue
                asked.append((method, plan))
                if stored is None:
                    work.setdefault(plan, []).append(method)
                else:
                    done[method.key, plan] = Result(method, plan, stored)
    total = sum(map(len, work.values()))
    warm: set[tuple[str, Kind]] = set()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("Registering", total=total)
        for plan, methods in work.items():
            progress.update(task, description=f"{plan.kind.name.lower()} {plan.name}")
            case = plan.make()
            for method in methods:
                progress.update(task, description=f"{plan.kind.name.lower()} {plan.name}: {method.key}")
                if (method.key, plan.kind) not in warm:
                    _warm_up(method, case)
                    warm.add((method.key, plan.kind))
                found = method.run(case)
                result = Result(method, plan, score(case, found.masks, found.pull_back, found.seconds))
                store.put(method, plan, result.scores)
                done[method.key, plan] = result
                progress.advance(task)
                if not console.is_terminal:  # no bar is drawn in a log
                    print(f"{len(done)}/{len(asked)} {plan.name} {method.key}: {found.seconds:.1f} s", flush=True)
    return [done[method.key, plan] for method, plan in asked]


def _warm_up(method: Method, case: Case) -> None:
    """The first call of a package loads libraries and caches; nobody's time should include that."""
    if method.key not in _NO_WARM_UP:
        method.run(case.first(_WARM_UP_FRAMES))


if __name__ == "__main__":
    run(app)
