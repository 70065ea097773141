"""How the worker process runs the tasks of :mod:`.ef_tasks` with the engine, which it keeps loaded."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from ..engine.errors import UnsuitableClip
from ..engine.progress import Monitor
from ..engine.second_opinion import BeatEf, SecondOpinion
from .ef_tasks import EstimateEf, ExplainEf, HeatSeen, MapEmbeddings, MapSeen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.ef import EfEstimator
    from .running import Handler


def ef_handlers() -> Mapping[type, Handler]:
    """Handlers of these tasks; nothing is loaded yet."""
    loaded = LoadedEstimator()
    return {
        EstimateEf: _EstimatesEf(loaded),
        ExplainEf: _ExplainsEf(loaded),
        MapEmbeddings: _MapsEmbeddings(loaded),
    }


class LoadedEstimator:
    """The estimator that was asked for last."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[str, str, str], EfEstimator] | None = None

    def get(self, model: str, device: str) -> EfEstimator:
        """One that is loaded, or loaded now; one whose model was trained anew is loaded again."""
        from ..engine.ef import EfEstimator, default_ef_model
        from ..engine.weights import find_card

        name = model or default_ef_model()
        key = (name, device, find_card(name).sha256)
        if self._kept is None or self._kept[0] != key:
            self._kept = None  # not two at once in the memory of a graphics card
            self._kept = key, EfEstimator(name, device)
        return self._kept[1]

    def recover(self) -> None:
        """Free the GPU's memory."""
        self._kept = None
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()


class _WithEstimator:
    def __init__(self, loaded: LoadedEstimator) -> None:
        self.loaded = loaded

    def recover(self) -> None:
        self.loaded.recover()


class _EstimatesEf(_WithEstimator):
    """The ejection fraction of a clip."""

    def prepare(self, task: EstimateEf) -> None:
        self.loaded.get(task.model, task.device)

    def run(self, task: EstimateEf, monitor: Monitor) -> SecondOpinion:
        estimator = self.loaded.get(task.model, task.device)
        found = estimator.estimate(task.sequence, beats=task.beats, monitor=monitor)
        return SecondOpinion(
            value=found.value,
            low=found.low,
            high=found.high,
            clips=found.clips,
            variations=found.variations,
            beats=tuple(BeatEf(*beat, value) for beat, value in zip(task.beats, found.beats, strict=True)),
            embedding=tuple(found.embedding.tolist()),
            distance=found.distance,
            unlike=found.unlike,
            model=found.model,
            weights_sha256=estimator.card.sha256,
            validated=found.validated,
            notes=found.notes,
        )


class _ExplainsEf(_WithEstimator):
    """Where a network looked."""

    def prepare(self, task: ExplainEf) -> None:
        from ..engine import explain

        del explain
        self.loaded.get(task.model, task.device)

    def run(self, task: ExplainEf, monitor: Monitor) -> HeatSeen:
        from ..engine.explain import explain

        estimator = self.loaded.get(task.model, task.device)
        heat = explain(estimator, task.sequence, monitor=monitor)
        return HeatSeen(heat.maps, heat.seen, heat.model, estimator.card.sha256)


class _MapsEmbeddings(_WithEstimator):
    """A map of the training recordings with clips among them."""

    def prepare(self, task: MapEmbeddings) -> None:
        from ..engine import embedding_map

        del embedding_map
        self.loaded.get(task.model, "cpu")

    def run(self, task: MapEmbeddings, monitor: Monitor) -> MapSeen:
        from ..engine.embedding_map import map_embeddings

        estimator = self.loaded.get(task.model, "cpu")
        known, name = estimator.known, estimator.card.name
        if known is None:
            raise UnsuitableClip(f"{name} doesn't bring what its training recordings look like; choose another model.")
        if task.embeddings.shape[1:] != known.embeddings.shape[1:]:
            raise UnsuitableClip(f"{name} was trained anew since; estimate the ejection fraction again.")
        stage = monitor.stage("Mapping", 1)
        made = map_embeddings(known.embeddings, extra=task.embeddings, values=known.values)
        stage.finish()
        points = made.points.astype(np.float32)
        here = np.asarray(made.current, int)
        others = np.delete(points, here, axis=0)
        return MapSeen(others, known.values, points[here], name, estimator.card.sha256)
