"""``measure`` and ``export``: numbers and files from masks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    Calibrate,
    Clip,
    EdFrames,
    EsFrames,
    FrameRate,
    Json,
    KeepName,
    Masks,
    Spacing,
    ViewName,
    WholeFrame,
    load_clip,
    load_masks,
)
from .terminal import monitored, print_json

if TYPE_CHECKING:
    from ..engine.sequence import EchoSequence, Measurements, SegmentedSequence


def measure(
    clip: Clip,
    masks: Masks,
    ed_frame: EdFrames = None,
    es_frame: EsFrames = None,
    biplane: Annotated[
        Path | None, typer.Option("--biplane", metavar="CLIP", help="The A2C clip, for biplane volumes with this A4C.")
    ] = None,
    biplane_masks: Annotated[Path | None, typer.Option("--biplane-masks", help="Masks of the A2C clip.")] = None,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    keep_name: KeepName = False,
    json: Json = False,
) -> None:
    """Measure EF, volumes, areas, lengths, strain and heart rate from masks, per beat."""
    from ..engine.export.results import results_document
    from ..engine.measure import measure as measure_clip
    from ..engine.measure import measure_biplane

    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    segmented = load_masks(masks, sequence)
    if (biplane is None) != (biplane_masks is None):
        raise typer.BadParameter("--biplane and --biplane-masks go together.")
    if biplane is not None and biplane_masks is not None:
        second = load_masks(biplane_masks, load_clip(biplane, view="A2C", spacing=spacing, calibrate=calibrate))
        phases = (ed_frame, None), (es_frame, None)
        measurements = measure_biplane(segmented, second, ed_frames=phases[0], es_frames=phases[1])
    else:
        measurements = measure_clip(segmented, ed_frames=ed_frame, es_frames=es_frame)
    if json:
        print_json(results_document(sequence, measurements, source_name=keep_name))
    else:
        from .showing import show_measurements

        show_measurements(sequence, measurements)


def export(
    clip: Clip,
    masks: Masks,
    output: Annotated[
        list[Path],
        typer.Option(
            "--output",
            "-o",
            help="Repeatable; the ending decides: .nii.gz .seq.nrrd .seg.nrrd masks, FOLDER for PNG masks, "
            ".mp4 overlay, .csv per frame, .xlsx, .json, frames.png, curves.png.",
        ),
    ],
    frame: Annotated[int | None, typer.Option("--frame", help="Masks of one frame (.seg.nrrd needs one).")] = None,
    ed_frame: EdFrames = None,
    es_frame: EsFrames = None,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    keep_name: KeepName = False,
    whole_frame: WholeFrame = False,
    json: Json = False,
) -> None:
    """Write masks in other formats, tables, pictures and an overlay video."""
    from ..engine.measure import measure as measure_clip

    sequence = load_clip(clip, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    segmented = load_masks(masks, sequence)
    measurements = measure_clip(segmented, ed_frames=ed_frame, es_frames=es_frame)
    with monitored():
        for path in output:
            write_one(path, sequence, segmented, measurements, frame, keep_name=keep_name, whole_frame=whole_frame)
    if json:
        print_json({"written": [str(path) for path in output]})
    else:
        from .showing import show_files, show_notes

        show_files({path.name: path for path in output})
        show_notes(measurements.notes)


def write_one(
    path: Path,
    sequence: EchoSequence,
    segmented: SegmentedSequence,
    measurements: Measurements,
    frame: int | None,
    *,
    keep_name: bool,
    whole_frame: bool,
) -> None:
    """Write one file, of the kind that its ending names."""
    from ..engine.export.backdrop import backdrop

    ending = path.suffix.lower()
    if ending == ".mp4":
        from ..engine.export.video import write_video

        write_video(path, segmented, measurements, behind=backdrop(sequence, whole_frame=whole_frame))
    elif ending == ".csv":
        from ..engine.export.tables import frames_table, write_csv

        write_csv(path, frames_table(sequence, measurements))
    elif ending == ".xlsx":
        from ..engine.export.tables import write_xlsx

        write_xlsx(path, sequence, measurements, source_name=keep_name)
    elif ending == ".json":
        from ..engine.export.results import results_document, write_results

        write_results(path, results_document(sequence, measurements, source_name=keep_name))
    elif ending == ".png" and "curve" in path.stem.lower():
        from ..engine.export.curves import write_curves

        write_curves(path, sequence, measurements)
    elif ending == ".png":
        from ..engine.export.strip import write_strip

        write_strip(path, segmented, measurements, behind=backdrop(sequence, whole_frame=whole_frame))
    else:
        from ..engine.export.masks import write_masks

        write_masks(path, segmented, frame=frame)
