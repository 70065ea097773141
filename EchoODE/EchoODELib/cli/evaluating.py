"""``evaluate``: how well models segment, as a report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Device, Json, Where
from .terminal import monitored, print_json

_VIEWS = ("A4C", "A2C", "A3C", "PLAX")


def evaluate(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="REPORT", help="Folder for the report.")],
    model: Annotated[
        list[str],
        typer.Option(
            "--model",
            help="A model's name, or its card's file; repeatable, the first is compared to. NAME+wma:6 smooths its "
            "masks over six frames.",
        ),
    ],
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="KIND=FOLDER",
            help="camus, pseudo_camus, echonet_dynamic, echonet_lvh, hmc_qu, ted, exports, or phantom, which needs no "
            "folder; repeatable.",
        ),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="train, valid or test.")] = "valid",
    clip: Annotated[
        list[Path] | None,
        typer.Option("--clip", metavar="CLIP", help="A clip that nobody outlined, to look at; repeatable."),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KIND.OPTION=VALUE", help="As in --set phantom.frames=32; repeatable."),
    ] = None,
    view: Annotated[
        list[str] | None, typer.Option("--view", help="Only clips of this view: A4C, A2C, A3C or PLAX; repeatable.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many clips of a data set.")] = None,
    worst: Annotated[int, typer.Option("--worst", min=0, help="How many of the worst frames to show.")] = 6,
    as_is: Annotated[
        bool, typer.Option("--as-is", help="Take the masks as the network gives them, not tidied.")
    ] = False,
    flips: Annotated[
        bool | None,
        typer.Option("--flips/--no-flips", help="Average over mirrored frames; as the model's card says by default."),
    ] = None,
    pseudo: Annotated[
        bool,
        typer.Option(
            "--pseudo/--no-pseudo",
            help="With camus, evaluate models of clips on its pairs in motion (pseudo_camus), too.",
        ),
    ] = True,
    device: Where = Device.AUTO,
    json: Json = False,
) -> None:
    """Compare models with experts: Dice, distances, steadiness, phases and EF, with pictures of the worst cases.

    Frames that follow each other are segmented as a film; ED and ES alone as stills, one by one.
    """
    folders = [_parted(text) for text in data or ()]
    wanted = _options(options or (), {kind for kind, _ in folders})
    for name in view or ():
        if name not in _VIEWS:
            raise typer.BadParameter(f"--view takes {', '.join(_VIEWS)}; got {name}.")
    if not folders and not clip:
        raise typer.BadParameter("give --data KIND=FOLDER or --clip CLIP to evaluate on.")
    for path in clip or ():
        if not path.exists():
            raise typer.BadParameter(f"there is no clip {path}.")

    from EchoODETrainingLib.datasets.base import open_data_set
    from EchoODETrainingLib.evaluate.records import sees_clips
    from EchoODETrainingLib.evaluate.report import document, write_report
    from EchoODETrainingLib.evaluate.run import evaluate as run

    from ..engine.export.atomic import require_writable
    from ..engine.weights import find_card

    require_writable(output / "report.html")
    names = [_named(one) for one in model]
    kinds = dict(folders)
    if (
        pseudo
        and "camus" in kinds
        and "pseudo_camus" not in kinds
        and any(sees_clips(find_card(one.partition("+")[0])) for one in names)
    ):
        folders.append(("pseudo_camus", kinds["camus"]))
        wanted["pseudo_camus"] = {key: value for key, value in wanted.get("camus", {}).items() if key == "views"}
    opened = [open_data_set(kind, folder, **wanted.get(kind, {})) for kind, folder in folders]
    with monitored() as monitor:
        evaluation = run(
            names,
            opened,
            split=split,
            clips=clip or (),
            device=device.value,
            clean=not as_is,
            flips=flips,
            views=view or (),
            limit=limit,
            worst=worst,
            monitor=monitor,
        )
        written = write_report(output, evaluation)
    if json:
        print_json(document(evaluation))
        return
    from .showing import show_files, show_notes
    from .terminal import out

    for group in evaluation.groups:
        out().print(_table(group))
    show_files(written)
    show_notes(tuple(f"{what}: {why}" for what, why in evaluation.told))


def _parted(text: str) -> tuple[str, Path | None]:
    kind, separator, folder = text.partition("=")
    if separator and not folder:
        raise typer.BadParameter("--data needs KIND=FOLDER, as in --data camus=camus_4ch.")
    return kind, Path(folder) if folder else None


def _options(texts: list[str] | tuple[str, ...], kinds: set[str]) -> dict[str, dict[str, Any]]:
    """What --set says, by kind; values are read as YAML."""
    import yaml

    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        kind, dot, option = name.partition(".")
        if not (separator and dot and option) or kind not in kinds:
            raise typer.BadParameter("--set needs KIND.OPTION=VALUE with a KIND of --data, as in phantom.frames=32.")
        try:
            found.setdefault(kind, {})[option] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise typer.BadParameter(f"the value of {name} can't be read: {value!r}.") from error
    return found


def _named(model: str) -> str:
    """A model's name; the folder of a card that was given by its file is searched first."""
    from ..engine.weights import MODELS_VARIABLE

    name, plus, smoothing = model.partition("+")
    path = Path(name)
    if path.suffix != ".yaml" or not path.is_file():
        return model
    before = os.environ.get(MODELS_VARIABLE, "")
    os.environ[MODELS_VARIABLE] = os.pathsep.join(part for part in (str(path.parent.resolve()), before) if part)
    return path.stem + plus + smoothing


def _table(group: Any) -> Any:
    """A group's main figures for the terminal."""
    from rich.table import Table

    table = Table(title=f"{group.title} ({group.kind})", title_justify="left", box=None, pad_edge=False)
    columns = [(f"Dice {name}", f"dice_{name}", 3) for name in group.structures]
    columns += [(f"HD lv ({group.unit})", "hausdorff_lv", 1), ("TC lv", "tc_lv", 4), ("TCD lv", "tcd_lv", 4)]
    known = [column for column in columns if column[1] in group.columns()]
    for title in ("Model", *(title for title, _, _ in known)):
        table.add_column(title)
    for model in group.models:
        table.add_row(model, *(f"{group.interval(model, column).value:.{digits}f}" for _, column, digits in known))
    return table
