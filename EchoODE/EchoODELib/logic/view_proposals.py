"""The view that a network takes a clip for, asked of the worker once a clip, and the model that fits a view."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..engine.errors import EchoODEError, WeightsError
from ..engine.sequence import View
from ..jobs.job import WorkerState
from ..jobs.tasks import ProposeView, SeenView
from .options import Event

if TYPE_CHECKING:
    from ..jobs.worker import Worker
    from ..scene.study import Study


class ViewProposals:
    """Asks the worker when it has nothing else to do, and keeps the answer with the clip.

    A clip whose view nobody has named takes a confident proposal over; a person can overrule it.

    Parameters
    ----------
    worker: looks.
    adopted: called with a clip that took a proposal over.
    tell: called with :attr:`Event.VIEW` and the clip when a proposal is there.
    """

    def __init__(
        self, worker: Worker, adopted: Callable[[Study], None], tell: Callable[[Event, Study | None], None]
    ) -> None:
        self._worker, self._adopted, self._tell = worker, adopted, tell
        self._wanted: list[Study] = []
        self._asked: Study | None = None

    def want(self, study: Study) -> None:
        """Have a clip looked at, unless it was."""
        if study.proposedView is None and study != self._asked and study not in self._wanted:
            self._wanted.append(study)

    def poll(self) -> None:
        """Ask for the next clip, if the worker is free and what it needs is installed."""
        if not self._wanted or self._asked is not None or self._worker.state in (WorkerState.BUSY, WorkerState.STOPPED):
            return
        study = self._wanted.pop(0)
        if not study.exists:
            return
        if study.recording:  # its first frames alone may show little
            self._wanted.append(study)
            return
        try:
            task = ProposeView(study.sequence())
        except EchoODEError:  # whoever works with the clip will say so
            return
        self._asked = study
        self._worker.submit(
            task,
            on_done=lambda seen: self._answered(study, seen),
            on_failed=lambda error: self._done(),
            on_cancelled=self._done,
        )

    def forget(self) -> None:
        """The scene is about to close."""
        self._wanted.clear()
        self._asked = None

    def _done(self) -> None:
        self._asked = None

    def _answered(self, study: Study, seen: SeenView) -> None:
        if self._asked != study:  # its scene was closed
            return
        self._asked = None
        if not study.exists or seen.probability is None:
            return
        study.setProposedView(seen.view, seen.probability)
        if study.view is View.UNKNOWN and not study.viewByHand and isConfident(seen.probability):
            study.setView(seen.view)
            self._adopted(study)
        self._tell(Event.VIEW, study)


def isConfident(probability: float) -> bool:
    """Whether a proposal is sure enough to be taken over."""
    from ..engine.views import CONFIDENT

    return probability >= CONFIDENT


def doubt(study: Study) -> str:
    """What a person should read where the network sees another view than the one that is set, or ""."""
    seen = study.proposedView
    if seen is None or not cardsCanBeRead():
        return ""
    from ..engine.views import ViewProposal, disagreement

    return disagreement(study.view, ViewProposal(*seen))


def modelFor(view: View, *, live: bool = False) -> str:
    """The model that is taken for a view where a person has chosen none; "" where no card can be read.

    Parameters
    ----------
    live: one that never looks ahead.
    """
    if not cardsCanBeRead():
        return ""
    from ..engine.live.choice import LIVE_MODEL, why_not_live
    from ..engine.views import model_for_view
    from ..engine.weights import find_card

    try:
        name = model_for_view(view)
        return name if not live or not why_not_live(find_card(name)) else LIVE_MODEL
    except WeightsError:  # a run will say so
        return ""


def cardsCanBeRead() -> bool:
    """Whether PyYAML is there, which comes with the first run."""
    return importlib.util.find_spec("yaml") is not None
