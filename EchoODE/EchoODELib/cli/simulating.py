"""``phantom``: a simulated echo whose truth is known."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Folder, Json
from .terminal import monitored, print_json


def phantom(
    output: Folder,
    view: Annotated[str, typer.Option("--view", help="A4C, A2C, A3C or PLAX.")] = "A4C",
    frames: Annotated[int, typer.Option("--frames", help="Number of frames.")] = 60,
    frame_rate: Annotated[float, typer.Option("--frame-rate", help="Frames per second, 20 to 80.")] = 50.0,
    size: Annotated[int, typer.Option("--size", help="Rows and columns.")] = 256,
    ejection_fraction: Annotated[float, typer.Option("--ef", help="Ejection fraction in percent.")] = 60.0,
    beats: Annotated[float, typer.Option("--beats", help="Heart beats that the clip covers.")] = 1.0,
    start: Annotated[float, typer.Option("--start", help="Phase at which the clip begins, 0 (ED) to 1.")] = 0.0,
    arrhythmia: Annotated[float, typer.Option("--arrhythmia", help="Spread of the beats' lengths, 0 to 1.")] = 0.0,
    overlays: Annotated[bool, typer.Option("--overlays", help="Burn in text, a gray bar and an ECG.")] = False,
    quality: Annotated[str, typer.Option("--quality", help="good, medium or poor.")] = "good",
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same clip.")] = 0,
    json: Json = False,
) -> None:
    """Simulate an echo clip with its true masks, motion and EF."""
    from ..engine.export.clip import write_clip
    from ..engine.export.fields import write_field
    from ..engine.export.masks import write_masks
    from ..engine.export.results import write_results
    from ..engine.export.truth import truth_document, truth_of
    from ..engine.io.reading import named_view
    from ..engine.phantom import PhantomSettings, simulate
    from ..engine.sequence import View

    settings = PhantomSettings(
        view=named_view(view) or View.A4C,
        frames=frames,
        frame_rate=frame_rate,
        size=size,
        ejection_fraction=ejection_fraction,
        beats=beats,
        start=start,
        arrhythmia=arrhythmia,
        overlays=overlays,
        quality=quality,
        seed=seed,
    )
    with monitored() as monitor:
        made = simulate(settings, monitor=monitor)
        truth = truth_of(made)
        written = {
            "Clip": write_clip(output / "clip.seq.nrrd", made.sequence),
            "Video": write_clip(output / "clip.mp4", made.sequence),
            "True masks": write_masks(output / "masks.seq.nrrd", truth),
            "True motion": write_field(output / "displacement.seq.nrrd", truth, "displacement"),
            "Truth": write_results(output / "truth.json", truth_document(made)),
        }
    if json:
        print_json(truth_document(made))
    else:
        from .showing import show_facts, show_files

        facts = {
            "EF": f"{made.ejection_fraction:.1f} %",
            "ED frames": ", ".join(map(str, made.ed_frames)),
            "ES frames": ", ".join(map(str, made.es_frames)),
        }
        show_facts("", facts)
        show_files(written)
