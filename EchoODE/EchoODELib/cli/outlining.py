"""``segment`` and ``propagate``: masks for every frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import (
    Calibrate,
    Clip,
    Device,
    EsFrames,
    FrameRate,
    How,
    Json,
    Model,
    Preset,
    Smooth,
    Spacing,
    ViewName,
    Where,
    load_clip,
    load_frame_masks,
    load_mask,
    seen_clip,
)
from .terminal import monitored, print_json

MaskOutput = Annotated[
    Path,
    typer.Option("--output", "-o", help="Masks: .nii.gz, .seq.nrrd, or a folder (without ending) for PNG files."),
]


def segment(
    clip: Clip,
    output: MaskOutput,
    model: Model = None,
    device: Where = Device.AUTO,
    flips: Annotated[
        bool | None,
        typer.Option("--flips/--no-flips", help="Average over mirrored frames; as the model's card says by default."),
    ] = None,
    smoothing: Smooth = None,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    json: Json = False,
) -> None:
    """Outline LV, myocardium and LA on every frame."""
    from ..engine.export.atomic import require_writable
    from ..engine.export.masks import write_masks
    from ..engine.export.results import provenance_document
    from ..engine.segment import Segmenter
    from ..engine.views import model_for_view

    sequence = seen_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    require_writable(output)
    with monitored() as monitor:
        name = model or model_for_view(sequence.view)
        segmenter = Segmenter(name, device=device.value, flips=flips, smoothing=smoothing)
        segmented = segmenter.segment(sequence, monitor=monitor)
        write_masks(output, segmented)
    if json:
        print_json({"masks": str(output), "provenance": provenance_document(segmented.provenance)})
    else:
        from .showing import show_files, show_notes

        show_files({"Masks": output})
        show_notes(sequence.source.notes)


def propagate(
    clip: Clip,
    mask: Annotated[Path, typer.Option("--mask", help="End-diastolic mask (or masks of all frames).")],
    output: MaskOutput,
    ed_frame: Annotated[int, typer.Option("--ed-frame", help="Frame that the mask was drawn on.")] = 0,
    guide: Annotated[
        list[str] | None,
        typer.Option("--guide", metavar="FRAME=MASK", help="A mask known on another frame, met exactly; repeatable."),
    ] = None,
    next_ed: Annotated[
        list[int] | None, typer.Option("--next-ed", help="Further end-diastolic frames, found otherwise; repeatable.")
    ] = None,
    es_frame: EsFrames = None,
    preset: How = Preset.FAST,
    device: Where = Device.AUTO,
    motion: Annotated[
        Path | None, typer.Option("--motion", help="Write the displacement from ED too (.seq.nrrd).")
    ] = None,
    pull_back: Annotated[
        Path | None, typer.Option("--pull-back", help="Write the displacement back to ED too (.seq.nrrd).")
    ] = None,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    json: Json = False,
) -> None:
    """Carry an end-diastolic mask through the clip with the registration neural ODE."""
    from ..engine.export.atomic import require_writable
    from ..engine.export.fields import write_field
    from ..engine.export.masks import write_masks
    from ..engine.export.results import provenance_document
    from ..engine.pipeline import require_b_mode
    from ..engine.registration.propagate import propagate as carry
    from ..engine.registration.settings import RegistrationSettings

    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    require_b_mode(sequence)
    ed_mask = load_mask(mask, sequence, ed_frame)
    guides = load_frame_masks(guide, sequence, "--guide")
    for path in (output, motion, pull_back):
        if path is not None:
            require_writable(path)
    with monitored() as monitor:
        carried = carry(
            sequence,
            ed_mask,
            ed_frame=ed_frame,
            guides=guides,
            settings=RegistrationSettings.named(preset.value),
            ed_frames=tuple(next_ed or ()),
            es_frames=tuple(es_frame or ()),
            device=device.value,
            monitor=monitor,
        )
        written = {"Masks": write_masks(output, carried)}
        if motion is not None:
            written["Motion from ED"] = write_field(motion, carried, "displacement")
        if pull_back is not None:
            written["Motion to ED"] = write_field(pull_back, carried, "pull_back")
    if json:
        files = {name.lower().replace(" ", "_"): str(path) for name, path in written.items()}
        print_json({**files, "provenance": provenance_document(carried.provenance)})
    else:
        from .showing import show_facts, show_files, show_notes

        quality = carried.provenance.quality
        show_facts("", {name.replace("_", " "): f"{value:.4g}" for name, value in quality.items()})
        show_files(written)
        show_notes(sequence.source.notes)
