"""``live``: masks, area and EF while a clip plays or a camera looks."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import (
    Calibrate,
    Device,
    FrameRate,
    Json,
    Model,
    Spacing,
    ViewName,
    Where,
    WholeFrame,
    load_clip,
    numbers,
)
from .terminal import cancelling, monitored

if TYPE_CHECKING:
    from ..engine.live.recording import Recording
    from ..engine.live.segmenter import StreamingSegmenter
    from ..engine.live.sources import LiveSource


def live(
    source: Annotated[
        Path | None, typer.Argument(metavar="CLIP", help="A clip, played at its own speed; or give --camera.")
    ] = None,
    camera: Annotated[
        str | None,
        typer.Option("--camera", metavar="PLACE", help="A camera or capture card: its number, path or address."),
    ] = None,
    speed: Annotated[float, typer.Option("--speed", help="How fast a clip plays; 1 is its own speed.")] = 1.0,
    loop: Annotated[bool, typer.Option("--loop", help="Play the clip again and again.")] = False,
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.0, help="End after so many seconds.")] = None,
    record: Annotated[
        list[Path] | None,
        typer.Option("--record", metavar="OUT", help="Write what was seen at the end; repeatable, see `export`."),
    ] = None,
    model: Model = None,
    smoothing: Annotated[
        str,
        typer.Option(
            "--smoothing",
            metavar="HOW",
            help="none, or wma:6 for a weighted moving average of the last 6 frames.",
            rich_help_panel="Computing",
        ),
    ] = "none",
    device: Where = Device.AUTO,
    view: ViewName = None,
    spacing: Spacing = None,
    calibrate: Calibrate = None,
    frame_rate: FrameRate = None,
    whole_frame: WholeFrame = False,
    json: Json = False,
) -> None:
    """Segment live: masks keep up with a clip or a camera, EF comes beat by beat; Ctrl-C ends it with a summary.

    Frames that come while one is being computed are skipped and counted. With --json each frame, each beat and
    the summary is a line.
    """
    if (source is None) == (camera is None):
        raise typer.BadParameter("give a clip, or --camera PLACE.")
    if camera is not None and Path(camera).is_file():
        raise typer.BadParameter(f"{camera} is a file: give it as the clip, so that it plays at its own speed.")
    from ..engine.export.atomic import require_writable
    from ..engine.live.choice import LIVE_MODEL
    from ..engine.live.recording import Recording
    from ..engine.live.segmenter import StreamingSegmenter
    from ..engine.live.session import LiveSession
    from ..engine.progress import Monitor
    from ..engine.views import view_note
    from .live_display import Lines, Status
    from .showing import show_notes

    for path in record or ():
        require_writable(path)
    frames = _opened(source, camera, speed, loop, view, spacing, calibrate, frame_rate)
    monitor = Monitor()
    with ExitStack() as stack:
        stack.callback(frames.close)
        segmenter = StreamingSegmenter(
            model or LIVE_MODEL, device.value, spacing=frames.spacing, view=frames.view, smoothing=smoothing
        )
        session = LiveSession(frames, segmenter, monitor=monitor)
        recording = stack.enter_context(Recording(record[0].absolute().parent)) if record else None
        stack.enter_context(cancelling(monitor))
        show = Lines() if json else stack.enter_context(Status(session))
        for update in session.run():
            show.update(update)
            if recording is not None:
                recording.add(update.frame, update.found.mask, update.found.time)
            if seconds is not None and session.seconds >= seconds:
                monitor.cancel()
        show.close(session.summary)
        if not json:
            show_notes((*frames.source.notes, *filter(None, [view_note(frames.view, segmenter.card)])))
        if recording is not None and len(recording):
            _write(record or [], recording, frames, segmenter, whole_frame=whole_frame, json=json)


def _opened(
    source: Path | None,
    camera: str | None,
    speed: float,
    loop: bool,
    view: str | None,
    spacing: str | None,
    calibrate: str | None,
    frame_rate: float | None,
) -> LiveSource:
    from ..engine.live.sources import Camera, ClipPlayer

    if source is not None:
        clip = load_clip(source, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
        return ClipPlayer(clip, speed=speed, rounds=math.inf if loop else 1)
    from ..engine.io.calibration import checked_spacing, spacing_from_line
    from ..engine.io.reading import named_view
    from ..engine.sequence import View

    given = None if spacing is None else checked_spacing(numbers(spacing, (1, 2), "--spacing"))
    if calibrate is not None:
        row0, column0, row1, column1, length = numbers(calibrate, (5,), "--calibrate")
        given = spacing_from_line((row0, column0), (row1, column1), length)
    place = camera or ""
    return Camera(int(place) if place.isdigit() else place, spacing=given, view=named_view(view) or View.UNKNOWN)


def _write(
    paths: list[Path],
    recording: Recording,
    source: LiveSource,
    segmenter: StreamingSegmenter,
    *,
    whole_frame: bool,
    json: bool,
) -> None:
    from ..engine.live.recording import live_provenance
    from ..engine.measure import measure
    from .measuring import write_one
    from .showing import show_files

    card, settings = segmenter.card, {"flips": segmenter.flips, "clean": segmenter.clean}
    made = live_provenance(card.name, card.sha256, segmenter.device.type, {**settings, **segmenter.smoothing.settings})
    segmented = recording.clip(source.spacing, source.view, source.source, made)
    with monitored():
        measurements = measure(segmented)
        for path in paths:
            write_one(path, segmented.sequence, segmented, measurements, None, keep_name=False, whole_frame=whole_frame)
    if not json:
        show_files({"Recorded" if number == 0 else "": path for number, path in enumerate(paths)})
