"""What a model's training recordings look like to it, and how far from all of them another recording lies.

As in Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors" (ICML 2022), the distance to the k-th
nearest of the training data says how unlike them a recording is, and recordings of the same kind that the model did not
learn from say from which distance on. Embeddings are compared where those of the training data spread equally in all
directions, as in Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples" (NeurIPS 2018): a
network that orders hearts by one number spreads them along one line, and what is foreign stands beside it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .errors import WeightsError
from .export.atomic import write_bytes
from .weights import ModelCard, write_card

QUANTILE = 0.95
"""Of held-out recordings' distances, above which one is unlike, as in the first paper. One in twenty ordinary
recordings is called unlike then; at 0.99 a third of the parasternal ones that 0.95 finds would be missed."""
NEIGHBOURS = 10
"""The k: few enough that a rare kind of heart, of which there are some dozens, has as many."""
_LEAST_SPREAD = 0.1  # of the average direction's, added to each: directions without any would count too much
_CHUNK = 256


@dataclass(frozen=True)
class KnownEmbeddings:
    """Embeddings of the recordings that a model learned from.

    Attributes
    ----------
    embeddings: (N, E) float32, one a recording, the mean of its clips' as at use.
    values: (N,) float32, what is true of each: percent, or 1 for yes and 0 for no.
    threshold: distance above which a recording is unlike these.
    neighbours: the k of the distance, 1 to N.
    """

    embeddings: NDArray[np.float32]
    values: NDArray[np.float32]
    threshold: float
    neighbours: int

    def __len__(self) -> int:
        return len(self.embeddings)

    @classmethod
    def of(
        cls,
        embeddings: NDArray[np.float32],
        values: NDArray[np.float32],
        held_out: NDArray[np.float32],
        *,
        neighbours: int = NEIGHBOURS,
        quantile: float = QUANTILE,
    ) -> KnownEmbeddings:
        """With the threshold that leaves a ``quantile`` of held-out recordings below it.

        Parameters
        ----------
        embeddings, values: (N, E) and (N,), of the training, N of 1 or more.
        held_out: (M, E), M of 1 or more, of recordings that were not learned from.
        """
        known = cls(embeddings, values, np.inf, min(neighbours, len(embeddings)))
        return replace(known, threshold=float(np.quantile(known.distances(held_out), quantile)))

    def distance(self, embedding: NDArray[np.float32]) -> float:
        """From an embedding (E,) to the k-th nearest known one; in standard deviations of the known ones, about."""
        return float(self.distances(embedding[None])[0])

    def distances(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """(M,) those of embeddings (M, E), each to its k-th nearest known one."""
        middle, spread = self._spread
        asked = (embeddings - middle) @ spread
        return np.concatenate([self._to_known(asked[at : at + _CHUNK]) for at in range(0, len(asked), _CHUNK)])

    def _to_known(self, asked: NDArray[np.float64]) -> NDArray[np.float64]:
        known = self._known_spread
        squares = (asked**2).sum(1)[:, None] + (known**2).sum(1)[None] - 2 * asked @ known.T
        nearest = np.partition(squares, self.neighbours - 1, axis=1)[:, self.neighbours - 1]
        return np.asarray(np.sqrt(np.maximum(0.0, nearest)))

    @cached_property
    def _spread(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Their mean (E,), and (E, E) by which they spread equally in all directions."""
        exact = self.embeddings.astype(np.float64)
        middle, scale = exact.mean(0), exact.std(0)
        scale = np.where(scale > 0, scale, 1.0)
        unit = (exact - middle) / scale
        along, axes = np.linalg.eigh(unit.T @ unit / len(unit))
        return middle, axes / np.sqrt(np.maximum(along, 0) + _LEAST_SPREAD) / scale[:, None]

    @cached_property
    def _known_spread(self) -> NDArray[np.float64]:
        middle, spread = self._spread
        return np.asarray((self.embeddings - middle) @ spread)

    def unlike(self, embedding: NDArray[np.float32]) -> bool:
        """Whether a recording with this embedding (E,) is unlike the known ones."""
        return self.distance(embedding) > self.threshold


def known_file(name: str) -> str:
    """What the file of a model's known embeddings is called."""
    return f"{name}.known.safetensors"


def write_known_embeddings(known: KnownEmbeddings, card: ModelCard) -> ModelCard:
    """Write them beside a model's weights, as safetensors, and name them on its card.

    Returns
    -------
    The card as written: its ``use`` has ``known`` with ``file``, ``sha256``, ``threshold`` and ``neighbours``.

    Raises
    ------
    OutputError: the model's folder can't be written.
    """
    from safetensors.numpy import save

    content = save({"embeddings": known.embeddings.astype(np.float32), "values": known.values.astype(np.float32)})
    told = {
        "file": known_file(card.name),
        "sha256": hashlib.sha256(content).hexdigest(),
        "threshold": round(known.threshold, 6),
        "neighbours": known.neighbours,
    }
    card = replace(card, use={**card.use, "known": told})
    write_bytes(card.folder / known_file(card.name), content)
    write_card(card)
    return card


def read_known_embeddings(card: ModelCard) -> KnownEmbeddings | None:
    """A model's, verified by the card's checksum; None where the card names none.

    Raises
    ------
    WeightsError: the file is missing or damaged, or the card tells of it wrongly.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    told = card.use.get("known")
    if told is None:
        return None
    content = known_content(card)
    try:
        found = load(content)
        embeddings, values = found["embeddings"].astype(np.float32), found["values"].astype(np.float32)
        threshold, neighbours = float(told["threshold"]), int(told["neighbours"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"The known embeddings of {card.name} can't be read; get the model again.") from error
    if embeddings.ndim != 2 or values.shape != embeddings.shape[:1] or not 1 <= neighbours <= len(embeddings):
        raise WeightsError(f"The known embeddings of {card.name} don't fit its card; get the model again.")
    return KnownEmbeddings(embeddings, values, threshold, neighbours)


def known_content(card: ModelCard) -> bytes:
    """The file that a card names under ``known``, as its checksum says.

    Raises
    ------
    WeightsError: it is missing or damaged, or the card doesn't name one.
    """
    told = card.use.get("known")
    if not isinstance(told, dict) or told.get("file") != known_file(card.name):
        raise WeightsError(f"The card of {card.name} names no known embeddings of its own; get the model again.")
    try:
        content = (card.folder / known_file(card.name)).read_bytes()
    except OSError as error:
        raise WeightsError(f"The known embeddings of {card.name} are missing; get the model again.") from error
    if hashlib.sha256(content).hexdigest() != told.get("sha256"):
        raise WeightsError(f"The known embeddings of {card.name} are damaged; get the model again.")
    return content
