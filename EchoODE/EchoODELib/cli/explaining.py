"""``explain``: where a network looked to answer about a clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .estimating import Clips
from .options import Calibrate, Clip, Device, Folder, FrameRate, Json, Spacing, ViewName, Where, load_clip, load_masks
from .terminal import monitored, print_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..engine.clip_estimator import ClipEstimate
    from ..engine.progress import Monitor
    from ..engine.sequence import EchoSequence

_BAR = 30


def explain(
    clip: Clip,
    output: Folder = Path("echoode-explain"),
    model: Annotated[
        str | None, typer.Option("--model", help="For ejection fractions or infarctions; see `echoode models`.")
    ] = None,
    clips: Clips = None,
    masks: Annotated[
        Path | None, typer.Option("--masks", help="Masks of the clip; else the LV is outlined by a network.")
    ] = None,
    stage: Annotated[
        int, typer.Option("--stage", min=0, max=3, help="Of the network, 3 being the last, which sees coarsely.")
    ] = 2,
    video: Annotated[bool, typer.Option("--video/--no-video", help="Write the clip under its heat, too.")] = True,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    device: Where = Device.AUTO,
    json: Json = False,
) -> None:
    """Show where in the clip a network looked to estimate the EF, and how much of that lies in the LV."""
    from ..engine.clip_models import estimator_for
    from ..engine.explain import explain as find_heat
    from ..engine.explain import share_by_chance
    from ..engine.export.atomic import require_writable
    from ..engine.export.backdrop import backdrop
    from ..engine.export.heat import write_heat, write_heat_strip, write_heat_video
    from ..engine.sequence import Label

    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    require_writable(output)
    estimator = estimator_for(model, device.value, clips=clips)
    with monitored() as monitor:
        found = estimator.estimate(sequence, variations=False, monitor=monitor)
        heat = find_heat(estimator, sequence, stage=stage, monitor=monitor)
        outlined = _masks(masks, sequence, device.value, monitor)
        wall = Label.MYOCARDIUM
        share, chance = heat.share_in(outlined), share_by_chance(sequence, heat, outlined)
        shares = share, share + heat.share_in(outlined, wall)
        chances = chance, chance + share_by_chance(sequence, heat, outlined, wall)
        behind, said = backdrop(sequence), _said(found, estimator.task)
        files = {
            "strip": write_heat_strip(
                output / "heat.png", sequence, heat, title=said, masks=outlined, by_chance=chances, behind=behind
            ),
            "heat": write_heat(output / "heat.seq.nrrd", sequence, heat),
        }
        if video:
            files["video"] = write_heat_video(output / "heat.mp4", sequence, heat, behind=behind, monitor=monitor)
    if json:
        seen = [value if value == value else None for value in shares]
        told = {"share_of_heat_in_lv": seen[0], "by_chance": chances[0]}
        told |= {"share_of_heat_in_lv_and_wall": seen[1], "by_chance_and_wall": chances[1]}
        answer = {"value": found.value, "model": found.model}
        print_json({estimator.task: answer, **told, "files": {name: str(path) for name, path in files.items()}})
        return
    from .showing import show_facts, show_notes

    show_facts(
        sequence.source.name,
        {
            "Answer": said,
            "Heat in the LV": bar(shares[0], chances[0]),
            "With its wall": bar(shares[1], chances[1]),
            **{name.capitalize(): str(path) for name, path in files.items()},
        },
    )
    show_notes(found.notes)


def bar(share: float, by_chance: float) -> str:
    """A share of 0 to 1 as a bar of characters and in words."""
    if share != share:
        return "there is no heat"
    full = round(_BAR * share)
    told = f"{100 * share:.0f} %, spread evenly it would be {100 * by_chance:.0f} %"
    return f"{'█' * full}{'░' * (_BAR - full)} {told}"


def _said(found: ClipEstimate, task: str) -> str:
    if task == "infarction":
        return f"Probability of an infarction {100 * found.value:.0f} %"
    return f"EF {found.value:.0f} % straight from the clip"


def _masks(path: Path | None, sequence: EchoSequence, device: str, monitor: Monitor) -> NDArray[np.uint8]:
    if path is not None:
        return load_masks(path, sequence).masks
    from ..engine.segment import Segmenter
    from ..engine.views import model_for_view

    return Segmenter(model_for_view(sequence.view), device=device).segment(sequence, monitor=monitor).masks
