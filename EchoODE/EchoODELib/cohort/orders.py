"""What is done to the clips of a cohort, and the order for one of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from ..engine.sequence import View
from ..jobs.packing import register

RECORD = "record.json"


@register
@dataclass(frozen=True)
class CohortSettings:
    """What decides the results: the same for all clips of a cohort, and kept with it.

    Attributes
    ----------
    steps: names out of :data:`~.steps.STEPS`, in their order there.
    model, checksum: the segmentation's, and its card's checksum; empty where masks are given.
    ef_model, ef_checksum: of the ejection fraction straight from the clip; empty where it isn't asked for.
    infarction_model, infarction_checksum: of infarctions; empty where they aren't asked for.
    preset: of the propagation: "fast", "fine" or "paper".
    anchors: tie the motion to the masks on a few frames between ED and ES, too.
    view, spacing, frame_rate: what is known of all clips, as :func:`~..engine.io.read_clip` takes it; None: each
        file says it.
    also: what is written for every clip beside masks and JSON, out of :data:`~.writing.MORE`.
    keep_name: write the clips' file names into tables and results.
    whole_frame: show what lies outside the sector in pictures and videos.
    """

    steps: tuple[str, ...]
    model: str = ""
    checksum: str = ""
    ef_model: str = ""
    ef_checksum: str = ""
    infarction_model: str = ""
    infarction_checksum: str = ""
    preset: str = "fast"
    anchors: bool = True
    view: View | None = None
    spacing: tuple[float, float] | None = None
    frame_rate: float | None = None
    also: tuple[str, ...] = ()
    keep_name: bool = False
    whole_frame: bool = False

    def document(self) -> dict[str, object]:
        """In plain types, as JSON gives them back."""
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}
        return {**plain, "view": None if self.view is None else self.view.value}


@register
@dataclass(frozen=True)
class ClipOrder:
    """One clip's work, for a worker on this or another machine.

    Attributes
    ----------
    clip: its name in the cohort, free of identifiers ("clip-00012").
    path: file or folder.
    name: the path within the cohort's folder.
    view: of a folder that holds several; None otherwise.
    source: (bytes, seconds) of the file, by which a changed one is noticed.
    folder: for its results.
    settings: see :class:`CohortSettings`.
    masks: file with its masks, where they are not to be found.
    device: "auto", "cpu" or "cuda".
    """

    clip: str
    path: Path
    name: str
    view: View | None
    source: tuple[int, int]
    folder: Path
    settings: CohortSettings
    masks: Path | None = None
    device: str = "auto"

    @property
    def record(self) -> Path:
        """The file that, once there, says that the clip is done."""
        return self.folder / RECORD
