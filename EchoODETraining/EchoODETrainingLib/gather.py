"""A recipe's data sets, opened, checked and made ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from EchoODELib.engine.errors import EchoODEError, UnsuitableClip
from EchoODELib.engine.models import build_model, network_class
from EchoODELib.engine.models.causal_network import is_causal
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sequence import Label
from EchoODELib.engine.windows_over_time import WindowUse

from .augment import Augmentation
from .clip_sampler import ClipSampler
from .datasets.base import DataSet, Entry, open_data_set
from .datasets.between import MasksBetween
from .datasets.cache import default_cache
from .datasets.clips import LabelledClip
from .datasets.recordings import Recordings
from .errors import RecipeError, TrainingError
from .processes import process_count, rank
from .recipe import Recipe, Size, Source
from .stream import Part, Sampler
from .validate import Shown, windows_of
from .windows import WindowSampler

_MEASURED_CLIPS = 16
NEEDS_NO_FOLDER = ("phantom", "other_phantom")
"""Kinds whose clips are simulated; where no folder is named they are kept in the cache."""


@dataclass
class Gathered:
    """What a run learns from and is chosen on.

    Attributes
    ----------
    parts: to learn from.
    valid: (data set, entries) to choose on.
    """

    parts: list[Part]
    valid: list[tuple[DataSet, list[Entry]]] = field(default_factory=list)

    def all_entries(self) -> list[tuple[DataSet, Sequence[Entry]]]:
        """(data set, entries) of both."""
        return [*self.learned(), *self.valid]

    def learned(self) -> list[tuple[DataSet, Sequence[Entry]]]:
        """(data set, entries) of the parts."""
        return [(part.data, part.entries) for part in self.parts]

    def skipped(self) -> list[str]:
        """A sentence for each data set of which clips can't be used, as far as that is known by now."""
        told = dict.fromkeys(data.skipped_summary() for data, _ in self.all_entries())
        return [sentence for sentence in told if sentence]

    def summary(self) -> list[dict[str, object]]:
        """A row for each data set: what it is for, its clips and patients."""
        rows = []
        for use, data, entries in (
            *(("train", part.data, part.entries) for part in self.parts),
            *(("valid", data, entries) for data, entries in self.valid),
        ):
            patients = len({entry.patient for entry in entries})
            rows.append({"for": use, "kind": data.kind, "clips": len(entries), "patients": patients})
        return rows


def gather(recipe: Recipe) -> Gathered:
    """Open a recipe's data sets.

    Raises
    ------
    UnreadableClip: a folder is missing or of another layout.
    UnsuitableClip: a patient in two splits.
    TrainingError: nothing to learn from.
    """
    parts, valid = [], []
    for source in recipe.data:
        data = _opened(source)
        if recipe.task != "segmentation":
            longest = recipe.clips.longest or 2 * max(recipe.size)
            data = Recordings(data, default_cache() / "recordings", options=source.options, longest=longest)
        entries = data.entries(source.split)
        if source.split == "valid":
            count = min(recipe.validation.clips, len(entries))
            spread: list[int] = np.linspace(0, len(entries) - 1, count).round().astype(int).tolist()
            valid.append((data, [entries[index] for index in spread]))
        else:
            share = float(len(entries)) if source.share is None else source.share
            data = MasksBetween(data) if source.between == "linear" else data
            parts.append(Part(data, entries, share))
    if not any(part.entries and part.share > 0 for part in parts):
        raise TrainingError("There is nothing to learn from: no clip of the data is in the split train.")
    _refuse_shared(parts, valid)
    return Gathered(parts, valid)


def _opened(source: Source) -> DataSet:
    folder = source.folder
    if folder is None and source.kind in NEEDS_NO_FOLDER:
        folder = default_cache() / source.kind
    elif folder is None:
        raise RecipeError(
            f"The recipe needs {source.kind} data: say where they lie with --data {source.kind}=FOLDER, or as its "
            "folder."
        )
    return open_data_set(source.kind, folder, **source.options)


def _refuse_shared(parts: list[Part], valid: list[tuple[DataSet, list[Entry]]]) -> None:
    judged = {entry.patient for _, entries in valid for entry in entries}
    for part in parts:
        for entry in part.entries:
            if entry.patient in judged:
                raise TrainingError(
                    f"The patient {entry.patient} would be learned from and chosen on; correct the splits of "
                    f"{part.data.kind}."
                )


def make_ready(
    gathered: Gathered,
    *,
    monitor: Monitor | None = None,
    between: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Make the clips that are simulated or moved, where they aren't kept yet; those that can't be are skipped.

    The processes of ``torchrun`` share the work.

    Parameters
    ----------
    between: called before each clip with the clips done and those in all; what it raises ends this.

    Raises
    ------
    RunCancelled: the monitor was cancelled.
    """
    made = [(data, entry) for data, entries in gathered.all_entries() if data.made for entry in entries]
    wanted = made[rank() :: process_count()]
    if not wanted:
        return
    stage = (monitor or Monitor()).stage("Preparing clips", len(wanted))
    for done, (data, entry) in enumerate(wanted):
        between(done, len(wanted))
        try:
            data.load(entry)
        except EchoODEError as error:
            data.skip(entry.name, str(error))
        stage.advance()


def shown(recipe: Recipe, gathered: Gathered, use: Mapping[str, Any]) -> list[Shown]:
    """The validation's frames; a clip that can't be read is skipped.

    Parameters
    ----------
    use: what :func:`window_use` says.
    """
    found: list[Shown] = []
    windows = WindowUse.of_card(use) if use else None
    for data, entries in gathered.valid:
        for entry in entries:
            try:
                found += _windows(recipe, data.load(entry), windows)
            except EchoODEError as error:
                data.skip(entry.name, str(error))
    return found


def _windows(recipe: Recipe, clip: LabelledClip, use: WindowUse | None) -> list[Shown]:
    frames, labels = recipe.validation.frames, label_values(recipe)
    follows = is_causal(network_class(recipe.architecture))
    return windows_of(clip, recipe.size, use=use, follows=follows, frames=frames, labels=labels, lines=recipe.lines)


def label_values(recipe: Recipe) -> tuple[int, ...]:
    """The ``Label`` values of a recipe's classes after the background.

    Raises
    ------
    RecipeError: a label that data sets don't have.
    """
    try:
        return tuple(int(Label[name.upper()]) for name in recipe.labels[1:])
    except KeyError as error:
        known = ", ".join(label.name.lower() for label in Label)
        raise RecipeError(
            f"The recipe {recipe.name}: labels: there is no {error.args[0].lower()}; use {known}."
        ) from error


def sampler_of(recipe: Recipe, size: Size) -> Sampler:
    """What makes a recipe's examples, at an input size.

    Raises
    ------
    RecipeError: window, lines or augmentation have settings that can't be.
    """
    return window_sampler_of(recipe, size) if recipe.task == "segmentation" else value_sampler_of(recipe, size)


def value_sampler_of(recipe: Recipe, size: Size, *, changes: bool = True) -> ClipSampler:
    """The sampler of a recipe for whole clips, with its random changes or without.

    Raises
    ------
    RecipeError: the augmentation has settings that can't be.
    """
    try:
        augmentation = Augmentation(**recipe.augmentation) if changes else None
    except (TypeError, UnsuitableClip) as error:
        raise RecipeError(f"The recipe {recipe.name}: augmentation: {error}.") from error
    clips = recipe.clips
    return ClipSampler(
        size,
        clips.use,
        recipe.task,
        a_recording=clips.a_recording,
        own_starts=clips.own_starts,
        augmentation=augmentation,
    )


def window_sampler_of(recipe: Recipe, size: Size) -> WindowSampler:
    """The window sampler of a recipe that segments.

    Raises
    ------
    RecipeError: window, lines or augmentation have settings that can't be.
    """
    window = recipe.window
    try:
        return WindowSampler(
            size,
            window.inputs,
            window.outputs,
            stride=window.stride,
            static=window.static,
            reverse=window.reverse,
            labels=label_values(recipe),
            lines=recipe.lines,
            augmentation=Augmentation(**recipe.augmentation),
        )
    except (TypeError, UnsuitableClip) as error:
        raise RecipeError(f"The recipe {recipe.name}: augmentation or window: {error}.") from error


def window_use(recipe: Recipe, gathered: Gathered) -> dict[str, Any]:
    """What the model's card says on the windows that it was trained with; nothing for networks that need none.

    Those see single frames, or follow a clip from its first frame on, however long it is. Of networks of whole clips
    it says how clips are cut.
    """
    if recipe.task != "segmentation":
        return {"clips": asdict(recipe.clips.use)}
    window = recipe.window
    count = max(window.inputs, window.outputs)
    causal = getattr(build_model(recipe.architecture, **recipe.configuration), "causal", False)
    if window.inputs < 2 or causal:
        return {}
    sampler, random = window_sampler_of(recipe, recipe.size), np.random.default_rng(recipe.seed)
    seconds = []
    for part in gathered.parts:
        for entry in part.entries[:: max(1, len(part.entries) // _MEASURED_CLIPS)]:
            try:
                clip = part.data.load(entry)
            except EchoODEError:
                continue  # named when it is learned from
            for _ in range(4):
                frames = sampler.draw(clip, random).frames
                seconds.append(abs(float(clip.times[frames[-1]] - clip.times[frames[0]])))
    moving = [value for value in seconds if value > 0]
    timed = {"window_seconds": round(float(np.mean(moving)), 4)} if moving else {}
    return {"window_frames": count, "inputs": window.inputs, **timed}
