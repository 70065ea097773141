"""What the worker can be asked about ejection fractions straight from the clip; see :mod:`.tasks` for all else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engine.sequence import EchoSequence


@dataclass(frozen=True)
class EstimateEf:
    """Say the ejection fraction of a clip without masks. Gives a :class:`~..engine.second_opinion.SecondOpinion`.

    Attributes
    ----------
    sequence: the clip.
    beats: (ED, next ED) frames of beats to estimate one by one, too.
    model: name of a model for ejection fractions; "" for the first that is installed.
    device: "auto", "cpu" or "cuda".
    """

    sequence: EchoSequence
    beats: tuple[tuple[int, int], ...] = ()
    model: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class ExplainEf:
    """Show where a network looked to estimate an ejection fraction. Gives a :class:`HeatSeen`.

    Attributes
    ----------
    sequence, model, device: as for :class:`EstimateEf`.
    """

    sequence: EchoSequence
    model: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class HeatSeen:
    """Where a network looked, see :class:`~..engine.explain.Heat`.

    Attributes
    ----------
    maps: (T, H, W) uint8, 255 where it looked most.
    seen: (T,) bool, the frames that the network saw.
    model, weights_sha256: whose.
    """

    maps: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    model: str
    weights_sha256: str


@dataclass(frozen=True)
class MapEmbeddings:
    """Lay clips among the recordings that a network was trained on. Gives a :class:`MapSeen`.

    Attributes
    ----------
    embeddings: (M, E) float32, of the clips.
    model: name of the model that they are of; "" for the first that is installed.
    """

    embeddings: NDArray[np.float32]
    model: str = ""


@dataclass(frozen=True)
class MapSeen:
    """A map of embeddings, on which clips that look alike to the network lie side by side.

    Attributes
    ----------
    points: (N, 2), of the training recordings.
    values: (N,) percent, their ejection fractions.
    clips: (M, 2), of the clips that were asked about.
    model, weights_sha256: whose.
    """

    points: NDArray[np.float32]
    values: NDArray[np.float32]
    clips: NDArray[np.float32]
    model: str
    weights_sha256: str
