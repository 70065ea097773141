"""Embeddings as points of a plane, in which like recordings lie together.

McInnes et al., "UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction" (arXiv:1802.03426), by
umap-learn, which is installed only where maps are wanted.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import PackageNeeded, UnsuitableClip

_NEIGHBOURS = 15
_FEWEST = 4


@dataclass(frozen=True)
class EmbeddingMap:
    """A map of recordings.

    Attributes
    ----------
    points: (N, 2) float, without a unit; only who lies near whom means something.
    values: (N,) what is known of each (percent, or 1 for yes and 0 for no), NaN where nothing is; None if of none.
    names: of each, may be "".
    current: places, in the others, of the recordings that were put in.
    """

    points: NDArray[np.float64]
    values: NDArray[np.float64] | None
    names: tuple[str, ...]
    current: tuple[int, ...]


def map_embeddings(
    embeddings: NDArray[np.float32],
    *,
    extra: NDArray[np.float32] | None = None,
    values: Sequence[float] | NDArray[np.float32] | None = None,
    names: Sequence[str] = (),
    seed: int = 0,
) -> EmbeddingMap:
    """The map of recordings, and where others come to lie in it without changing it.

    Parameters
    ----------
    embeddings: (N, E), N of 4 or more.
    extra: (M, E), those put in, which are last in the map.
    values: (N + M,), or (N,) where nothing is known of those put in.
    names: (N + M,) or none.
    seed: the same one gives the same map.

    Raises
    ------
    PackageNeeded: umap-learn is not installed.
    UnsuitableClip: fewer than 4 recordings, or values or names of another number.
    """
    put_in = np.empty((0, embeddings.shape[1]), np.float32) if extra is None else extra
    count, total = len(embeddings), len(embeddings) + len(put_in)
    if count < _FEWEST:
        raise UnsuitableClip(f"A map needs {_FEWEST} recordings or more, and there are {count}; add some.")
    known = None if values is None else np.asarray(values, float)
    if known is not None and len(known) == count:
        known = np.concatenate([known, np.full(len(put_in), np.nan)])
    if (known is not None and len(known) != total) or len(names) not in (0, total):
        raise UnsuitableClip(f"The map has {total} recordings; give as many values and names.")
    mapping = _fitted(embeddings, seed)
    points = np.asarray(mapping.embedding_, float)
    if len(put_in):
        points = np.concatenate([points, np.asarray(mapping.transform(put_in), float)])
    return EmbeddingMap(points, known, tuple(names) or ("",) * total, tuple(range(count, total)))


def _fitted(embeddings: NDArray[np.float32], seed: int) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it looks for TensorFlow, and says so
            import umap
    except ImportError as error:
        raise PackageNeeded(
            "Maps of embeddings need umap-learn: install requirements/maps.txt, echoode[maps] or umap-learn."
        ) from error
    mapping = umap.UMAP(
        n_neighbors=min(_NEIGHBOURS, len(embeddings) - 1),
        # Spectral layout has no eigenvectors to spare where there are few.
        init="spectral" if len(embeddings) > 2 * _NEIGHBOURS else "random",
        random_state=seed,
        n_jobs=1,
    )
    return mapping.fit(embeddings)
