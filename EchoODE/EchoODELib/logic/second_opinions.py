"""The ejection fraction straight from the clip: said, compared with the masks', explained, and laid among others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.errors import EchoODEError, UnsuitableClip, WeightsError
from ..engine.second_opinion import Comparison, SecondOpinion, compare, network_named, share_in, whole_beats
from ..engine.sequence import EchoSequence, Label, Measurements
from ..jobs.ef_tasks import EstimateEf, ExplainEf, HeatSeen, MapEmbeddings, MapSeen
from ..scene.embedding_map import mapOf, removeFromMap, writeMap
from ..scene.heat import readHeat, removeHeat, writeHeat
from ..scene.opinions import readOpinion, writeOpinion
from ..scene.study import Study
from . import dependencies
from .options import EstimateOptions, Event
from .view_proposals import cardsCanBeRead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .measuring import Measurer
    from .runner import Pieces, Runner

MAPPING = ("umap-learn>=0.5.9",)
"""What a map of embeddings needs beside all else."""
NO_MODEL = "No model for ejection fractions is installed: train one with a CoReEcho recipe and install it."
_EF_TASK = "ejection_fraction"

Shares = tuple[float, float]


class SecondOpinions:
    """Asks networks for ejection fractions, and keeps with the clip what they say.

    Parameters
    ----------
    runner, measurer: of the operations.
    studyOf: finds the clip of a browser node, or says that there is none.
    changing: tells of a clip of which more is known and draws it anew, in pieces.
    say: keeps a run's outcome, one sentence for people.
    """

    def __init__(
        self,
        runner: Runner,
        measurer: Measurer,
        studyOf: Callable[[Any], Study],
        changing: Callable[[Study, Event], Pieces],
        say: Callable[[str], None],
    ) -> None:
        self._runner, self._measurer, self._studyOf = runner, measurer, studyOf
        self._changing, self._say = changing, say
        self._shares: tuple[object, object, tuple[Shares, Shares]] | None = None

    # Runs

    def estimate(
        self, browserNode: Any, options: EstimateOptions | None = None, waitForCompletion: bool = False
    ) -> None:
        """Let a network say the ejection fraction of the clip and, where ED is known, of each whole beat.

        Parameters
        ----------
        browserNode: the clip's sequence browser, or its :class:`Study`.
        waitForCompletion: return when the answer is in the scene; otherwise at once, and listeners are told.

        Raises
        ------
        WorkerBusy: another run is under way.
        WeightsError: no model for ejection fractions is installed.
        UnsuitableClip: colour Doppler, or a single frame.
        MissingPackages: PyTorch or another package is absent.
        Any error of the run, if waited for.
        """
        study, options = self._studyOf(browserNode), options or EstimateOptions()
        sequence = study.sequence()
        if sequence.source.colour_doppler:
            raise UnsuitableClip("The clip shows colour Doppler, which hides the walls; choose the B-mode clip.")
        dependencies.ensureComputing()
        if not options.model and not efModels():
            raise WeightsError(NO_MODEL)
        beats = whole_beats(self._measured(study))
        task = EstimateEf(sequence, beats, options.model, options.device)
        self._runner.start("estimate", study, task, self._onEstimated)
        self._wait(waitForCompletion)

    def explain(
        self, browserNode: Any, options: EstimateOptions | None = None, waitForCompletion: bool = False
    ) -> None:
        """Find out where the network looked that gave the clip's second opinion, whatever ``options.model`` says.

        Parameters and errors as :meth:`estimate`, and

        Raises
        ------
        UnsuitableClip: there is no second opinion yet.
        """
        study, options = self._studyOf(browserNode), options or EstimateOptions()
        opinion = self._needed(study)
        dependencies.ensureComputing()
        task = ExplainEf(study.sequence(), opinion.model, options.device)
        self._runner.start("explain", study, task, self._onExplained)
        self._wait(waitForCompletion)

    def map(self, browserNode: Any, waitForCompletion: bool = False) -> None:
        """Lay the clip, and all others of the scene with an opinion of its network, among what that learned from.

        Parameters and errors as :meth:`explain`, and

        Raises
        ------
        MissingPackages: umap-learn is absent.
        """
        study = self._studyOf(browserNode)
        opinion = self._needed(study)
        dependencies.ensureComputing()
        dependencies.ensureFurther(MAPPING)
        known = {one: self.opinion(one) for one in Study.all()}
        same = {
            one: found.embedding
            for one, found in known.items()
            if found is not None and found.network == opinion.network
        }
        task = MapEmbeddings(np.array(list(same.values()), np.float32), opinion.model)

        def takeIn(study: Study, seen: MapSeen) -> Pieces:
            places = {one: place for one, place in zip(same, seen.clips, strict=True) if one.exists}
            writeMap(seen.points, seen.values, places, network_named(seen.model, seen.weights_sha256))
            self._say(f"The clip lies among {len(seen.points)} recordings that {seen.model} learned from.")
            yield
            yield from self._changing(study, Event.OPINION)

        self._runner.start("map", study, task, takeIn)
        self._wait(waitForCompletion)

    # What is known

    def opinion(self, study: Study) -> SecondOpinion | None:
        """What a network said of a clip, or None."""
        return readOpinion(study)

    def compared(self, study: Study) -> tuple[Comparison, ...]:
        """The ejection fractions of masks and clip: the whole clip first, then beat by beat; () without an opinion."""
        opinion = readOpinion(study)
        return () if opinion is None else compare(self._measured(study), opinion)

    def hasHeat(self, study: Study) -> bool:
        """Whether it is known where the network of the opinion looked."""
        opinion = readOpinion(study)
        return opinion is not None and readHeat(study, opinion.network) is not None

    def shareInLV(self, study: Study, wall: bool = False) -> tuple[float, float] | None:
        """What share of the heat lies in the LV, and what share of the sector the LV covers, 0 to 1 each.

        None without heat or masks. Were the heat spread evenly, both would be the same.

        Parameters
        ----------
        wall: count the myocardium in, whose motion such networks look at, too.
        """
        opinion, masks = readOpinion(study), study.masks()
        heat = None if opinion is None else readHeat(study, opinion.network)
        if heat is None or masks is None or not masks.any() or not heat.any():
            return None
        if self._shares is None or self._shares[0] is not heat or self._shares[1] is not masks:
            self._shares = heat, masks, _shares(heat, masks, study.sequence())
        return self._shares[2][1 if wall else 0]

    def chart(self, study: Study) -> Any:
        """The embedding map with the clip on it (a vtkMRMLPlotChartNode), or None."""
        opinion = readOpinion(study)
        return None if opinion is None else mapOf(study, opinion.network)

    def forget(self, study: Study) -> None:
        """Take the second opinion away, with all that belongs to it."""
        removeHeat(study)
        removeFromMap(study)
        writeOpinion(study, None)
        for _ in self._changing(study, Event.OPINION):
            pass

    def release(self) -> None:
        """The scene is about to close."""
        self._shares = None

    # What runs bring back

    def _onEstimated(self, study: Study, opinion: SecondOpinion) -> Pieces:
        before = readOpinion(study)
        if before is None or before.network != opinion.network:
            removeHeat(study)
        removeFromMap(study)
        yield
        writeOpinion(study, opinion)
        self._say(f"From the clip: EF {opinion.value:.0f} %, range {opinion.low:.0f} to {opinion.high:.0f} %.")
        yield
        yield from self._changing(study, Event.OPINION)

    def _onExplained(self, study: Study, seen: HeatSeen) -> Pieces:
        writeHeat(study, seen.maps, network_named(seen.model, seen.weights_sha256))
        self._say(f"The echo is coloured where {seen.model} looked.")
        yield
        yield from self._changing(study, Event.OPINION)

    def _wait(self, waitForCompletion: bool) -> None:
        if waitForCompletion and (error := self._runner.wait()) is not None:
            raise error

    def _needed(self, study: Study) -> SecondOpinion:
        opinion = readOpinion(study)
        if opinion is None:
            raise UnsuitableClip("There is no second opinion on this clip yet: estimate EF from the clip first.")
        return opinion

    def _measured(self, study: Study) -> Measurements | None:
        try:
            return self._measurer.measure(study)
        except EchoODEError:  # no masks yet: the network's word stands alone
            return None


def efModels() -> dict[str, str]:
    """The installed models for ejection fractions, the default first, with what each is for; none without cards."""
    if not cardsCanBeRead():
        return {}
    from ..engine.weights import models_for

    try:
        return {card.name: card.intended_use for card in models_for(_EF_TASK)}
    except WeightsError:  # a run will say so
        return {}


def _shares(heat: NDArray[np.uint8], masks: NDArray[np.uint8], sequence: EchoSequence) -> tuple[Shares, Shares]:
    """Of the LV, and of the LV with its wall: the share of the heat, and that of the sector on frames with heat."""
    from ..engine.sector import find_sector

    inside = find_sector(sequence).mask
    there = masks[heat.any(axis=(1, 2))][:, inside]
    (lv, lvArea), (wall, wallArea) = (
        (share_in(heat, masks, label), float((there == label).mean())) for label in (Label.LV, Label.MYOCARDIUM)
    )
    return (lv, lvArea), (lv + wall, lvArea + wallArea)
