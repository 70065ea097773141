"""What a person chooses for each step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Event(Enum):
    """What listeners of :class:`~.operations.Operations` are told."""

    CLIP = "clip"
    STARTED = "started"
    PROGRESS = "progress"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MASKS = "masks"
    PHASES = "phases"
    MEASUREMENTS = "measurements"
    LIVE = "live"
    VIEW = "view"
    OPINION = "opinion"


@dataclass(frozen=True)
class SegmentOptions:
    """Attributes: ``model`` by name ("" for the default), ``device`` "auto", "cpu" or "cuda"."""

    model: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class EstimateOptions:
    """Attributes: ``model`` for ejection fractions by name ("" for the first), ``device`` as for segmenting."""

    model: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class PropagateOptions:
    """How the ED mask is carried over the clip.

    Attributes
    ----------
    preset: "fast", "fine" or "paper".
    esGuide: whether the segmentation at ES ties the motion, too.
    anchors: whether a few frames between the phases do.
    device: "auto", "cpu" or "cuda".
    """

    preset: str = "fast"
    esGuide: bool = True
    anchors: bool = True
    device: str = "auto"


@dataclass(frozen=True)
class ExportOptions:
    """What is written.

    Attributes
    ----------
    kinds: of "json", "csv", "xlsx", "masks", "motion", "pictures", "video".
    scene: whether the scene is saved, too (``scene.mrb``).
    names: whether files and tables may carry the clip's name and what the scene knows of the patient.
    """

    kinds: tuple[str, ...] = ("json", "csv", "xlsx", "masks", "pictures", "video")
    scene: bool = False
    names: bool = False


@dataclass(frozen=True)
class ViewOptions:
    """What the curve and the slice view show.

    Attributes
    ----------
    quantity: "volume" or "area" over time.
    overlay: all measured clips in one chart.
    lines: measurement lines on the echo.
    map: in the curve's place the embedding map, where the clip is on it.
    """

    quantity: str = "volume"
    overlay: bool = False
    lines: bool = False
    map: bool = False
