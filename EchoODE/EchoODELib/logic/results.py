"""Results of long runs into the scene, piece by piece: masks, motion, phases, and a sentence on what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..engine.errors import UnsuitableMask
from ..engine.sequence import SegmentedSequence
from ..scene import motion
from .options import Event

if TYPE_CHECKING:
    from ..scene.history import History
    from ..scene.study import Study
    from .measuring import Measurer
    from .runner import Pieces


class Results:
    """Takes them in.

    Parameters
    ----------
    history, measurer: of the operations.
    changing: tells of a clip that changed and draws it anew, in pieces.
    say: keeps a run's outcome, one sentence for people.
    """

    def __init__(
        self,
        history: History,
        measurer: Measurer,
        changing: Callable[[Study, Event], Pieces],
        say: Callable[[str], None],
    ) -> None:
        self._history, self._measurer, self._changing, self._say = history, measurer, changing, say

    def segmented(self, study: Study, result: SegmentedSequence) -> Pieces:
        """New masks on all frames but the corrected ones; motion that doesn't go with them leaves."""
        with self._measurer.changing(study):
            self._history.push(study, "segmenting")
            yield
            study.setSegmented(result.masks, result.provenance)
            yield
            study.setLines(result.lines)
            study.setMasks(result.masks, result.provenance)
            yield
            study.removeMotion()
            yield from self._measurer.outlining(study)
        yield from self._settled(study, f"{study.frameCount} frames were segmented.")

    def liveEnded(self, study: Study, segmented: int, dropped: int) -> Pieces:
        """Live was turned off: its masks are on their frames."""
        if not segmented:
            self._say("Live is off; nothing was changed.")
            return
        yield from self._settled(study, f"Live is off: {segmented} frames were segmented, {dropped} dropped.")

    def propagated(self, study: Study, result: SegmentedSequence) -> Pieces:
        """Masks and motion of a propagation."""
        assert result.displacement is not None and result.pull_back is not None and result.reference_frame is not None
        with self._measurer.changing(study):
            self._history.push(study, "propagating")
            yield
            study.setMasks(result.masks, result.provenance)
            yield
            yield from motion.writing(study, result.displacement, result.pull_back, result.reference_frame)
            yield from self._measurer.outlining(study)
        folds = result.provenance.quality.get("folds", 0.0)
        message = f"The mask of frame {result.reference_frame} was carried over {study.frameCount} frames."
        if folds > 0:
            message += f" The motion folds in {folds:.0f} places: try the fine preset."
        self._say(message)
        yield from self._changing(study, Event.MASKS)

    def _settled(self, study: Study, message: str) -> Pieces:
        """New masks are there: find the phases and show what is measured."""
        measurable = self._measurer.isMeasurable(study)
        if measurable and not study.phasesByHand:
            study.setPhases(*self._measurer.findPhases(study), byHand=False)
        yield
        self._say(message)
        yield from self._changing(study, Event.MASKS)
        if not measurable:
            raise UnsuitableMask("No LV was found; check that the clip shows an apical view, or draw the LV by hand.")
