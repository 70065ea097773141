"""Masks on every frame of a clip, by a trained network."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from .anatomy_rules import tidy_mask
from .errors import UnsuitableClip, WeightsError
from .models.inference import choose_device, class_probabilities, fuse_normalisation
from .models.preparation import Fit, brightness, standardise
from .progress import Monitor
from .sector import Sector, find_sector
from .sequence import EchoSequence, Label, Provenance, SegmentedSequence, View
from .weights import DEFAULT_MODEL, ModelCard, load_model

# Frames at once; more is no faster on a CPU, and a GPU is filled by 32.
_BATCH = {"cpu": 4, "cuda": 32}
# Fewer frames than this are phases of a beat rather than a film: their probabilities are not mixed.
_ENOUGH_FRAMES = 5


class Segmenter:
    """Segments clips with one model, which it keeps loaded.

    Parameters
    ----------
    model: name of a model, see :func:`~.weights.list_models`.
    device: "auto" (a GPU where there is one), "cpu" or "cuda".
    flips: average with the left-right mirrored frame; None does what the model's card found better.
    clean: keep one piece of each structure and close its holes, see :func:`~.anatomy_rules.tidy_mask`.
    smoothing: seconds, standard deviation of the Gaussian along time that the probabilities are
        averaged with; 0 treats each frame by itself, None takes the card's. Clips of fewer than five frames
        are never smoothed.
    allow_colour: whether to segment clips with colour flow on them, too.

    Raises
    ------
    WeightsError: no such model, or its weights are damaged or not for segmentation.
    DeviceError: the device asked for is absent.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        device: str = "auto",
        *,
        flips: bool | None = None,
        clean: bool = True,
        smoothing: float | None = None,
        allow_colour: bool = False,
    ) -> None:
        self.device = choose_device(device)
        network, self.card = load_model(model)
        if self.card.task != "segmentation" or len(self.card.labels) != len(Label):
            raise WeightsError(f"The model {model} is for {self.card.task}; choose one that segments.")
        self.network = fuse_normalisation(network).to(self.device)
        self.flips = bool(self.card.use.get("flips", False)) if flips is None else flips
        self.clean = clean
        self.smoothing = float(self.card.use.get("smoothing", 0.0)) if smoothing is None else smoothing
        self.allow_colour = allow_colour
        if not 0 <= self.smoothing < 1:
            raise UnsuitableClip(f"Smoothing over {self.smoothing} s makes no sense; give 0 to 1 s.")

    def segment(
        self, sequence: EchoSequence, *, frames: Iterable[int] | None = None, monitor: Monitor | None = None
    ) -> SegmentedSequence:
        """Masks for every frame, in the clip's own pixels.

        Parameters
        ----------
        sequence: one frame or more; a view that the model was not trained for is segmented, with a note.
        frames: only these, 0-based, the others' masks stay empty; None for all.
        monitor: progress by frame, and cancelling.

        Raises
        ------
        UnsuitableClip: colour flow on the frames (unless allowed), no frame asked for, or one outside the clip.
        DeviceError: the device's memory does not hold one frame.
        RunCancelled: the monitor was cancelled.
        """
        if sequence.source.colour_doppler and not self.allow_colour:
            raise UnsuitableClip(
                "This clip shows colour Doppler, which hides the walls; load a B-mode clip, or allow colour to try."
            )
        started = time.perf_counter()
        wanted = _checked(frames, len(sequence))
        kernel = _kernel(sequence, self.smoothing)
        reach = len(kernel) // 2
        near = sorted({min(max(one, 0), len(sequence) - 1) for f in wanted for one in range(f - reach, f + reach + 1)})
        stage = (monitor or Monitor()).stage("Segmenting", len(near) + len(wanted))
        sector = find_sector(sequence)
        fit, inputs = prepare(sequence, sector, self.card)
        probabilities = class_probabilities(
            self.network,
            inputs[near],
            device=self.device,
            mirror=self.flips,
            batch=_BATCH[self.device.type],
            stage=stage,
        )
        inside = sector.mask[sector.box[0] : sector.box[1], sector.box[2] : sector.box[3]]
        usual = fit.to_box(probabilities.mean(0, dtype=np.float32)) if self.clean else None
        masks = np.zeros((len(sequence), *inside.shape), np.uint8)
        certainty = 0.0
        for index in wanted:
            neighbours = np.clip(np.arange(index - reach, index + reach + 1), 0, len(sequence) - 1)
            maps = _mixed(probabilities[np.searchsorted(near, neighbours)], kernel)
            certainty += float(maps.max(0).mean())
            mask = fit.to_box(maps).argmax(0).astype(np.uint8)
            masks[index] = tidy_mask(mask, usual, inside) if self.clean else mask
            stage.advance()
        provenance = Provenance(
            method="segment",
            model=self.card.name,
            weights_sha256=self.card.sha256,
            settings={"flips": self.flips, "clean": self.clean, "smoothing_s": self.smoothing}
            | ({} if frames is None else {"frames": wanted}),
            software=__version__,
            device=self.device.type,
            quality={
                "seconds": time.perf_counter() - started,
                "mean_certainty": certainty / len(wanted),
                "frames_without_lv": float(np.count_nonzero(~(masks[wanted] == Label.LV).any(axis=(1, 2)))),
            },
        )
        return SegmentedSequence(_noted(sequence, self.card), sector.restore(masks), provenance)


def prepare(sequence: EchoSequence, sector: Sector, card: ModelCard) -> tuple[Fit, NDArray[np.float32]]:
    """The clip as a model wants it: where its sector went, and (T, rows, columns) standardised frames."""
    fit = Fit.of(sector.box, card.input_size, sequence.spacing)
    inside = fit.to_input(sector.mask.astype(np.uint8)).astype(bool)
    frames = np.stack([fit.to_input(np.where(sector.mask, frame, np.uint8(0))) for frame in sequence.frames])
    return fit, standardise(frames, inside, brightness(frames, inside))


def _kernel(sequence: EchoSequence, smoothing: float) -> NDArray[np.float32]:
    """Weights of the frames -n to n around each; a single 1 where there is nothing to smooth."""
    sigma = smoothing * sequence.frame_rate
    if len(sequence) < _ENOUGH_FRAMES or sigma < 0.1:
        return np.ones(1, np.float32)
    reach = max(1, round(2.5 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.asarray(weights / weights.sum(), np.float32)


def _mixed(neighbours: NDArray[np.float16], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """A frame's probabilities (labels, rows, columns): its neighbours', itself in the middle, mixed by ``kernel``."""
    if len(kernel) == 1:
        return np.asarray(neighbours[0], np.float32)
    return np.asarray(np.tensordot(kernel, neighbours.astype(np.float32), axes=1))


def _checked(frames: Iterable[int] | None, count: int) -> list[int]:
    """The frames that are wanted, in order."""
    if frames is None:
        return list(range(count))
    wanted = sorted(set(frames))
    if not wanted or wanted[0] < 0 or wanted[-1] >= count:
        raise UnsuitableClip(f"Name one or more frames to segment, from 0 to {count - 1}.")
    return wanted


def _noted(sequence: EchoSequence, card: ModelCard) -> EchoSequence:
    """The clip, with a note if the model was not trained for its view."""
    if sequence.view.value in card.views:
        return sequence
    view = (
        "This clip's view is not known" if sequence.view is View.UNKNOWN else f"This is an {sequence.view.value} clip"
    )
    note = f"{view}; {card.name} was trained on {', '.join(card.views)}, so look at its masks."
    if note in sequence.source.notes:
        return sequence
    return replace(sequence, source=replace(sequence.source, notes=(*sequence.source.notes, note)))
