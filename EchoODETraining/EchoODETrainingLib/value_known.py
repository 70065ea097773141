"""What a network of whole clips makes of the recordings that it learned from, kept beside its weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from EchoODELib.engine.errors import EchoODEError
from EchoODELib.engine.known_embeddings import KnownEmbeddings, write_known_embeddings
from EchoODELib.engine.models.inference import choose_device
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.weights import ModelCard, load_network, read_card
from numpy.typing import NDArray
from torch import nn

from .clip_sampler import ClipSampler
from .datasets.base import DataSet, Entry
from .errors import TrainingError
from .gather import Gathered, gather, value_sampler_of
from .recipe import Recipe
from .run_folder import RunFolder
from .value_judge import look_at

_MOST = 2000
"""Recordings that are kept, spread over all: enough to tell what is near, and a few MB beside the weights."""


def write_known(
    card: ModelCard,
    recipe: Recipe,
    *,
    gathered: Gathered | None = None,
    device: str = "auto",
    most: int = _MOST,
    monitor: Monitor | None = None,
) -> ModelCard:
    """Give a trained model the embeddings of its training recordings, and the distance from which on one is unlike.

    The distance is set on the recordings of the recipe's validation, which were not learned from. They are looked at
    as at use, without changes.

    Parameters
    ----------
    card: of the model, beside its weights.
    recipe: by which it was trained, with the folders of its data.
    gathered: the recipe's data, where they are open already.
    most: recordings that are kept.

    Returns
    -------
    The card as written.

    Raises
    ------
    TrainingError: a model that doesn't look at whole clips, of another recipe, or nothing to set the distance on.
    UnreadableClip, UnsuitableClip, WeightsError, DeviceError, OutputError, RunCancelled: as their names say.
    """
    if recipe.task == "segmentation" or (card.task, card.architecture) != (recipe.task, recipe.architecture):
        raise TrainingError(
            f"The recipe {recipe.name} ({recipe.task}) didn't make {card.name} ({card.task}), or doesn't train on "
            "whole clips; name the run that made it."
        )
    gathered = gathered or gather(recipe)
    place = choose_device(device)
    network = load_network(card).to(place)
    sampler = value_sampler_of(recipe, recipe.size, changes=False)
    seen, judged = (_spread(parts, most) for parts in (gathered.learned(), gathered.valid))
    if not judged:
        raise TrainingError(
            f"Nothing of {recipe.name} is kept for validation, so nothing tells what is unlike its training data; add "
            "data with split: valid."
        )
    stage = (monitor or Monitor()).stage("Looking at the training data", len(seen) + len(judged))
    found = []
    for entries in (seen, judged):
        embeddings, values = [], []
        for data, entry in entries:
            looked = _look(network, data, entry, sampler, place)
            if looked is not None:
                values.append(looked[0])
                embeddings.append(looked[1])
            stage.advance()
        if not embeddings:
            raise TrainingError(f"None of the recordings of {recipe.name} can be read: {gathered.skipped()[0]}")
        found.append((np.stack(embeddings), np.array(values, np.float32)))
    (embeddings_of, values_of), (held_out, _) = found
    return write_known_embeddings(KnownEmbeddings.of(embeddings_of, values_of, held_out), card)


def complete_run(run: Path, *, device: str = "auto", monitor: Monitor | None = None) -> ModelCard:
    """:func:`write_known` for the model of a run that ended without, with the data that the run's recipe names.

    Raises
    ------
    TrainingError: there is no run, or it is under way; and as :func:`write_known`.
    WeightsError: it made no model.
    """
    folder, recipe = RunFolder.again(run)
    return write_known(read_card(folder.model / f"{recipe.name}.yaml"), recipe, device=device, monitor=monitor)


def _spread(groups: Sequence[tuple[DataSet, Sequence[Entry]]], most: int) -> list[tuple[DataSet, Entry]]:
    every = [(data, entry) for data, entries in groups for entry in entries]
    if len(every) <= most:
        return every
    return [every[place] for place in np.linspace(0, len(every) - 1, most).round().astype(int)]


def _look(
    network: nn.Module, data: DataSet, entry: Entry, sampler: ClipSampler, device: torch.device
) -> tuple[float, NDArray[np.float32]] | None:
    """What is true of a recording, and its embedding (E,); None where it can't be had, which is noted."""
    try:
        recording = data.load(entry)
        wanted = recording.wanted(sampler.task)  # type: ignore[attr-defined]
    except EchoODEError as error:
        data.skip(entry.name, str(error))
        return None
    return wanted, look_at(network, recording, sampler, device)[1]  # type: ignore[arg-type]
