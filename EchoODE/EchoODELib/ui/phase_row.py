"""One line of the panel for ED or ES: the frames as text, go to the previous and next, mark the one in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slicer.i18n import tr as _

from .context import Context
from .section import setUsable
from .shortcuts import withKeys
from .words import readFrames, spokenFrames

if TYPE_CHECKING:
    from ..scene.study import Study


class PhaseRow:
    """Reads and writes the frames of one phase.

    Parameters
    ----------
    kind: "ED" or "ES".
    ui: holds ``<kind>LineEdit``, ``<kind>PreviousButton``, ``<kind>NextButton`` and ``<kind>MarkButton``,
        in lower case.
    """

    def __init__(self, context: Context, kind: str, ui: Any) -> None:
        self._context, self.kind = context, kind
        prefix = kind.lower()
        self._edit = getattr(ui, f"{prefix}LineEdit")
        self._previous, self._next = getattr(ui, f"{prefix}PreviousButton"), getattr(ui, f"{prefix}NextButton")
        self._mark = getattr(ui, f"{prefix}MarkButton")
        self._previous.setIcon(context.icons("Previous"))
        self._next.setIcon(context.icons("Next"))
        self._edit.connect("editingFinished()", self._onEdited)
        self._previous.connect("clicked()", self.goToPrevious)
        self._next.connect("clicked()", self.goToNext)
        self._mark.connect("clicked()", self._onMark)

    def frames(self, study: Study) -> tuple[int, ...]:
        """The clip's frames of this phase."""
        return study.edFrames if self.kind == "ED" else study.esFrames

    def goToNext(self) -> None:
        """Go to the next frame of this phase, after the last to the first."""
        study = self._context.study
        frames = () if study is None else self.frames(study)
        if study is not None and frames:
            self._context.goTo(next((frame for frame in frames if frame > study.frame), frames[0]))

    def goToPrevious(self) -> None:
        """Go to the previous frame of this phase, before the first to the last."""
        study = self._context.study
        frames = () if study is None else self.frames(study)
        if study is not None and frames:
            self._context.goTo(next((frame for frame in reversed(frames) if frame < study.frame), frames[-1]))

    def refresh(self, study: Study | None) -> None:
        """Show the clip's frames."""
        frames = () if study is None else self.frames(study)
        if not self._edit.focus or not self._edit.modified:
            self._edit.text = spokenFrames(frames)
        none = _("No {kind} frame is known yet.").format(kind=self.kind)
        reason = "" if frames else none
        setUsable(self._previous, _("Go to the previous {kind} frame.").format(kind=self.kind), reason)
        forward = _("Go to the next {kind} frame.").format(kind=self.kind)
        setUsable(self._next, withKeys(forward, f"goTo{self.kind}"), reason)
        self._edit.enabled = study is not None
        self._mark.enabled = study is not None
        if study is not None:
            self.refreshFrame(study)

    def refreshFrame(self, study: Study) -> None:
        """Another frame is in view: would the button mark it, or take its mark away?"""
        marked = study.frame in self.frames(study)
        self._mark.setIcon(self._context.icons("Unmark" if marked else "Mark"))
        self._mark.toolTip = (
            _("Frame {frame} is no {kind} frame.") if marked else _("Mark frame {frame} as {kind}.")
        ).format(frame=study.frame, kind=self.kind)

    def _onEdited(self) -> None:
        study = self._context.study
        if study is None or str(self._edit.text) == spokenFrames(self.frames(study)):
            return
        self._edit.modified = False
        self._context.attempt(lambda: self._set(study, readFrames(str(self._edit.text))))
        self.refresh(study)

    def _onMark(self) -> None:
        study = self._context.study
        if study is None:
            return
        frames = set(self.frames(study)) ^ {study.frame}
        self._context.attempt(lambda: self._set(study, sorted(frames), study.frame))

    def _set(self, study: Study, frames: list[int], stolen: int | None = None) -> None:
        """Set the frames; ``stolen`` is taken from the other phase."""
        ed, es = (frames, list(study.esFrames)) if self.kind == "ED" else (list(study.edFrames), frames)
        other = es if self.kind == "ED" else ed
        if stolen in other and stolen in frames:
            other.remove(stolen)
        self._context.operations.setPhases(study, ed, es)
