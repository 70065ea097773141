"""What a model's training recordings look like to it, and how far from all of them another recording lies.

Sun et al., "Out-of-Distribution Detection with Deep Nearest Neighbors" (ICML 2022): embeddings are brought to length 1,
and the distance to the k-th nearest of the training data says how unlike them a recording is. Recordings that the
model did not learn from, but that are of the same kind, say from which distance on one is called unlike.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .errors import WeightsError
from .export.atomic import write_bytes
from .weights import ModelCard, write_card

QUANTILE = 0.95
"""Of held-out recordings' distances, above which one is unlike: the paper's. Of ordinary recordings one in twenty is
called unlike then."""
NEIGHBOURS = 10
"""The k: few enough that a rare kind of heart, of which there are some dozens, has as many."""
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
        """From an embedding (E,) to the k-th nearest known one, 0 to 2."""
        return float(self.distances(embedding[None])[0])

    def distances(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """(M,) those of embeddings (M, E), each to its k-th nearest known one."""
        known, asked = _directions(self.embeddings), _directions(embeddings)
        found = np.empty(len(asked))
        for start in range(0, len(asked), _CHUNK):
            alike = asked[start : start + _CHUNK] @ known.T
            nearest = -np.partition(-alike, self.neighbours - 1, axis=1)[:, self.neighbours - 1]
            found[start : start + _CHUNK] = np.sqrt(np.maximum(0.0, 2 - 2 * nearest))
        return found

    def unlike(self, embedding: NDArray[np.float32]) -> bool:
        """Whether a recording with this embedding (E,) is unlike the known ones."""
        return self.distance(embedding) > self.threshold


def _directions(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Embeddings (N, E) brought to length 1."""
    exact = embeddings.astype(np.float64)
    directions: NDArray[np.float64] = exact / np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), 1e-12)
    return directions


def known_file(name: str) -> str:
    """What the file of a model's known embeddings is called."""
    return f"{name}.known.safetensors"


def write_known_embeddings(known: KnownEmbeddings, card: ModelCard) -> ModelCard:
    """Write them beside a model's weights, as float16 safetensors, and name them on its card.

    Returns
    -------
    The card as written: its ``use`` has ``known`` with ``file``, ``sha256``, ``threshold`` and ``neighbours``.

    Raises
    ------
    OutputError: the model's folder can't be written.
    """
    from safetensors.numpy import save

    # Float16 loses a thousandth of a length: less than a clip's clips differ by.
    content = save({"embeddings": known.embeddings.astype(np.float16), "values": known.values.astype(np.float32)})
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
