"""Options that commands share, and what is read from them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..engine.sequence import EchoSequence, SegmentedSequence


class Device(StrEnum):
    """Where networks and registration run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Preset(StrEnum):
    """How thoroughly motion is followed."""

    FAST = "fast"
    FINE = "fine"
    PAPER = "paper"


Clip = Annotated[
    Path, typer.Argument(metavar="CLIP", help="DICOM, AVI, MP4, GIF, NIfTI, NRRD, CAMUS folder or folder of images.")
]
Masks = Annotated[Path, typer.Option("--masks", help="Masks of the clip: NIfTI, NRRD or a folder of PNG files.")]
Folder = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
ViewName = Annotated[
    str | None,
    typer.Option(
        "--view", help="A4C, A2C, A3C, PLAX or other, where the file doesn't say or is wrong.", rich_help_panel="Clip"
    ),
]
Spacing = Annotated[
    str | None,
    typer.Option(
        "--spacing", metavar="MM", help="Pixel size in mm: one number, or ROW,COLUMN.", rich_help_panel="Clip"
    ),
]
Calibrate = Annotated[
    str | None,
    typer.Option(
        "--calibrate",
        metavar="R,C,R,C,MM",
        help="Pixel size by two points (row, column) and their distance in mm.",
        rich_help_panel="Clip",
    ),
]
FrameRate = Annotated[
    float | None,
    typer.Option("--frame-rate", help="Frames per second, where the file is wrong.", rich_help_panel="Clip"),
]
EdFrames = Annotated[
    list[int] | None,
    typer.Option("--ed-frame", help="End-diastolic frame; repeat for more beats.", rich_help_panel="Phases"),
]
EsFrames = Annotated[
    list[int] | None,
    typer.Option("--es-frame", help="End-systolic frame; repeat for more beats.", rich_help_panel="Phases"),
]
Model = Annotated[
    str | None, typer.Option("--model", help="Segmentation model; see `echoode models`.", rich_help_panel="Computing")
]
Smooth = Annotated[
    str | None,
    typer.Option(
        "--smoothing",
        metavar="HOW",
        help="How masks are steadied along time: none, wma:6 (weighted moving average of 6 frames), or seconds of a "
        "Gaussian; as the model's card says by default.",
        rich_help_panel="Computing",
    ),
]
Where = Annotated[Device, typer.Option("--device", help="Where to compute.", rich_help_panel="Computing")]
How = Annotated[
    Preset,
    typer.Option(
        "--preset",
        help="Registration: fast, fine (full resolution), or as in the paper (minutes).",
        rich_help_panel="Computing",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else.")]
KeepName = Annotated[
    bool, typer.Option("--keep-name", help="Write the clip's file name into the results.", rich_help_panel="Privacy")
]
WholeFrame = Annotated[
    bool,
    typer.Option(
        "--whole-frame",
        help="Show burned-in text in pictures too (it may name the patient).",
        rich_help_panel="Privacy",
    ),
]


def load_clip(
    path: Path,
    *,
    view: str | None = None,
    spacing: str | None = None,
    calibrate: str | None = None,
    frame_rate: float | None = None,
) -> EchoSequence:
    """Read the clip with what the options say about it.

    Raises
    ------
    UnreadableClip, UnsuitableClip: as the reader says.
    """
    from ..engine.io import read_clip

    if spacing is not None and calibrate is not None:
        raise typer.BadParameter("give one of --spacing and --calibrate.")
    given = None if spacing is None else numbers(spacing, (1, 2), "--spacing")
    clip = read_clip(path, view=view, spacing=given, frame_rate=frame_rate)
    if calibrate is None:
        return clip
    from ..engine.io.calibration import spacing_from_line

    row0, column0, row1, column1, length = numbers(calibrate, (5,), "--calibrate")
    return clip.with_spacing(spacing_from_line((row0, column0), (row1, column1), length))


def seen_clip(
    path: Path,
    *,
    view: str | None = None,
    spacing: str | None = None,
    calibrate: str | None = None,
    frame_rate: float | None = None,
) -> EchoSequence:
    """As :func:`load_clip`; where nobody says the view, it is the one that a network is sure to see.

    Raises
    ------
    UnreadableClip, UnsuitableClip: as the reader says.
    """
    from ..engine.views import with_view

    clip = load_clip(path, view=view, spacing=spacing, calibrate=calibrate, frame_rate=frame_rate)
    return clip if view is not None else with_view(clip)


def load_frame_masks(given: Iterable[str] | None, clip: EchoSequence, option: str) -> dict[int, NDArray[np.uint8]]:
    """Masks by frame, from FRAME=MASK texts; of a mask file with all frames, the named one is taken.

    Raises
    ------
    UnsuitableMask, UnreadableClip: as the reader says.
    """
    masks = {}
    for text in given or ():
        frame, separator, path = text.partition("=")
        if not separator or not frame.strip().isdigit():
            raise typer.BadParameter(f"{option} needs FRAME=MASK, as in {option} 14=es.nii.gz.")
        masks[int(frame)] = load_mask(Path(path), clip, int(frame))
    return masks


def load_mask(path: Path, clip: EchoSequence, frame: int) -> NDArray[np.uint8]:
    """The (H, W) mask of one frame.

    Raises
    ------
    UnsuitableClip: a frame outside the clip.
    UnsuitableMask, UnreadableClip: as the reader says.
    """
    from ..engine.errors import UnsuitableClip
    from ..engine.io import read_mask

    if not 0 <= frame < len(clip):
        raise UnsuitableClip(f"Frame {frame} is outside the clip, whose frames are 0 to {len(clip) - 1}.")
    mask = read_mask(path, shape=clip.shape)
    if mask.ndim == 3:
        mask = read_mask(path, shape=clip.frames.shape)[frame]
    return mask


def load_masks(path: Path, clip: EchoSequence) -> SegmentedSequence:
    """The clip with the masks of a file on all of its frames.

    Raises
    ------
    UnsuitableMask: masks of another size or number.
    UnreadableClip: as the reader says.
    """
    from .. import __version__
    from ..engine.errors import UnsuitableMask
    from ..engine.io import read_mask
    from ..engine.sequence import Provenance, SegmentedSequence

    masks = read_mask(path, shape=clip.frames.shape)
    if masks.ndim == 2:
        if len(clip) > 1:
            raise UnsuitableMask(f"{path.name} has one frame, the clip {len(clip)}; give all, or propagate it.")
        masks = masks[None]
    return SegmentedSequence(clip, masks, Provenance(method="given", software=__version__))


def numbers(text: str, counts: tuple[int, ...], option: str) -> tuple[float, ...]:
    """The numbers of an option, separated by commas; as many as one of ``counts`` says."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in counts:
        expected = " or ".join(str(count) for count in counts)
        raise typer.BadParameter(f"{option} needs {expected} numbers, separated by commas; got {text!r}.")
    return numbers
