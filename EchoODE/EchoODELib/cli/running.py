"""``run``: the whole job."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .options import (
    Calibrate,
    Clip,
    Device,
    EdFrames,
    EsFrames,
    Folder,
    FrameRate,
    How,
    Json,
    KeepName,
    Model,
    Preset,
    Smooth,
    Spacing,
    ViewName,
    Where,
    WholeFrame,
    load_clip,
    load_frame_masks,
    seen_clip,
)
from .terminal import monitored, print_json


def run(
    clip: Clip,
    output: Folder,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    ed_frame: EdFrames = None,
    es_frame: EsFrames = None,
    correct: Annotated[
        list[str] | None,
        typer.Option("--correct", metavar="FRAME=MASK", help="A mask drawn by hand, met exactly; repeatable."),
    ] = None,
    biplane: Annotated[
        Path | None, typer.Option("--biplane", metavar="CLIP", help="The A2C clip of the same heart: biplane EF too.")
    ] = None,
    model: Model = None,
    preset: How = Preset.FAST,
    device: Where = Device.AUTO,
    smoothing: Smooth = None,
    anchors: Annotated[
        bool,
        typer.Option(
            "--anchors/--no-anchors",
            help="Tie the motion to the segmentation on a few frames between ED and ES, too.",
            rich_help_panel="Computing",
        ),
    ] = True,
    only: Annotated[
        str | None, typer.Option("--only", help="Write only these: json,xlsx,csv,masks,motion,pictures,video.")
    ] = None,
    keep_name: KeepName = False,
    whole_frame: WholeFrame = False,
    json: Json = False,
) -> None:
    """Segment, find ED and ES, propagate, measure and write everything: a clip in, an EF out."""
    sequence = seen_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    corrected = load_frame_masks(correct, sequence, "--correct")
    second = None if biplane is None else load_clip(biplane, view="A2C", spacing=spacing, calibrate=calibrate)

    from ..engine.export.atomic import require_writable
    from ..engine.export.folder import KINDS, write_analysis
    from ..engine.export.results import results_document, write_results
    from ..engine.pipeline import analyse, require_b_mode

    require_writable(output / "results.json")
    for each in (sequence, second):
        if each is not None:
            require_b_mode(each)

    from ..engine.measure import measure_biplane
    from ..engine.registration.settings import RegistrationSettings
    from ..engine.segment import Segmenter
    from ..engine.views import model_for_view

    first_model = model or model_for_view(sequence.view)
    other_model = first_model if second is None else model or model_for_view(second.view)
    kinds = KINDS if only is None else tuple(part.strip() for part in only.split(","))
    settings = RegistrationSettings.named(preset.value)
    with monitored() as monitor:
        fitting = partial(Segmenter, device=device.value, smoothing=smoothing)
        segmenter = fitting(first_model)
        analysis = analyse(
            sequence,
            segmenter=segmenter,
            registration=settings,
            ed_frames=ed_frame,
            es_frames=es_frame,
            corrected=corrected,
            anchors=anchors,
            device=device.value,
            monitor=monitor,
        )
        write = partial(write_analysis, kinds=kinds, source_name=keep_name, whole_frame=whole_frame, monitor=monitor)
        written = write(output, analysis)
        both = None
        if second is not None:
            other = analyse(
                second,
                segmenter=segmenter if other_model == first_model else fitting(other_model),
                registration=settings,
                anchors=anchors,
                device=device.value,
                monitor=monitor,
            )
            written |= {f"A2C {name}": path for name, path in write(output / "a2c", other).items()}
            both = measure_biplane(analysis.propagated, other.propagated)
            document = results_document(sequence, both, source_name=keep_name)
            written["biplane (JSON)"] = write_results(output / "biplane.json", document)
    alone = analysis.segmentation_measurements
    if json:
        results = results_document(sequence, analysis.measurements, segmentation=alone, source_name=keep_name)
        result: dict[str, object] = {"results": results, "files": {name: str(path) for name, path in written.items()}}
        if both is not None:
            result["biplane"] = results_document(sequence, both, source_name=keep_name)
        print_json(result)
        return
    from .showing import show_clip, show_facts, show_files, show_measurements
    from .terminal import out

    show_clip(sequence)
    out().print()
    show_measurements(sequence, analysis.measurements, alone)
    if both is not None:
        from ..engine.export.wording import spoken_summary, title_of

        out().print()
        show_facts("", {f"Biplane {title_of(name)}": spoken_summary(value) for name, value in both.summary.items()})
    out().print()
    show_files(written)
