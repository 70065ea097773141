"""The room's door: one end-diastolic mask in, a mask and the motion on every frame out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from ... import __version__
from ..errors import DeviceError, UnsuitableClip, UnsuitableMask
from ..progress import Monitor
from ..sector import find_sector
from ..sequence import EchoSequence, Label, Provenance, SegmentedSequence
from .legs import Plan
from .masks import labels_of
from .run import Result, Run
from .settings import RegistrationSettings

_SECTOR_HOLDS = 0.75  # share of the mask that a sector must hold to be believed
NO_GUIDES: Mapping[int, NDArray[np.uint8]] = {}


def propagate(
    sequence: EchoSequence,
    ed_mask: NDArray[np.uint8],
    *,
    ed_frame: int = 0,
    guides: Mapping[int, NDArray[np.uint8]] = NO_GUIDES,
    settings: RegistrationSettings | None = None,
    frames: range | None = None,
    ed_frames: Sequence[int] = (),
    es_frames: Sequence[int] = (),
    sector: NDArray[np.bool_] | None = None,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> SegmentedSequence:
    """Carry an end-diastolic mask over a clip along a diffeomorphic flow (paper 001).

    Parameters
    ----------
    sequence: the clip, two frames or more.
    ed_mask: (H, W) uint8 :class:`Label` values, drawn on ``ed_frame``.
    ed_frame: the reference frame, 0-based; motion is followed from it forwards and backwards.
    guides: masks (H, W) that are known on other frames (an ES mask, corrected frames); each is returned
        unchanged on its frame and pulls its neighbours towards it.
    settings: a preset, :meth:`RegistrationSettings.fast` by default.
    frames: the frames to propagate over (step 1, holding ``ed_frame``); the others get an empty mask and
        no motion. All by default.
    ed_frames: end-diastoles, if known; otherwise frames that look like ``ed_frame`` are found.
    es_frames: end-systoles, if known; there the motions from both ends of a beat meet.
    sector: (H, W) bool, where the frames show tissue; found if left out.
    device: "auto", "cpu", "cuda" or "cuda:N".
    monitor: progress and cancel.

    Returns
    -------
    Masks, ``displacement`` and ``pull_back`` (T, H, W, 2) float32 px as :mod:`..sequence` defines them, 0
    outside a box around the heart. Pixels need not be square: the registration is done in pixels.
    ``provenance.quality`` holds min_jacobian, max_jacobian, folds, gradient_bound, inverse_residual_px,
    components and holes (largest over the frames, and the reference's), frames_of_other_topology and
    seconds.

    Raises
    ------
    UnsuitableClip: fewer than two frames, or a frame number outside the clip.
    UnsuitableMask: an empty mask, a mask of another size or type, or unknown labels.
    DeviceError: the device is not there or runs out of memory.
    RunCancelled: at the next step after a cancel; nothing is kept.
    """
    began = time.perf_counter()
    settings = settings or RegistrationSettings.fast()
    run = prepare(
        sequence,
        ed_mask,
        ed_frame=ed_frame,
        guides=guides,
        settings=settings,
        frames=frames,
        mentioned=(*ed_frames, *es_frames),
        sector=sector,
        device=device,
        monitor=monitor,
    )
    plan = run.plan(ed_frames, es_frames)
    with room_on(run.device):
        result = run.all(plan)
    return finish(run, plan, result, guides=guides, es_frames=es_frames, began=began)


def prepare(
    sequence: EchoSequence,
    ed_mask: NDArray[np.uint8],
    *,
    ed_frame: int,
    guides: Mapping[int, NDArray[np.uint8]],
    settings: RegistrationSettings,
    frames: range | None,
    mentioned: tuple[int, ...],
    sector: NDArray[np.bool_] | None,
    device: str,
    monitor: Monitor | None,
) -> Run:
    """Check what :func:`propagate` was given and make its run; ``mentioned`` are further frames to check."""
    span = _check_frames(sequence, ed_frame, frames, (*mentioned, *guides))
    _check_mask(ed_mask, sequence.shape, f"The end-diastolic mask (frame {ed_frame})")
    if not ed_mask.any():
        raise UnsuitableMask("The end-diastolic mask is empty; draw or segment the heart on that frame first.")
    for frame, guide in guides.items():
        _check_mask(guide, sequence.shape, f"The guide at frame {frame}")
        if not guide.any():
            raise UnsuitableMask(f"The guide at frame {frame} is empty; draw it or leave it out.")
    target = pick_device(device)
    monitor = monitor or Monitor()
    monitor.raise_if_cancelled()
    return Run(
        sequence=sequence,
        mask=guides.get(ed_frame, ed_mask),
        reference=ed_frame,
        guides={f: g for f, g in guides.items() if f in span and f != ed_frame},
        labels=labels_of(ed_mask, *guides.values()),
        span=span,
        sector=_tissue(sequence, ed_mask, sector),
        settings=settings,
        device=target,
        monitor=monitor,
    )


@contextmanager
def room_on(device: torch.device) -> Iterator[None]:
    """Say it in a sentence where the device runs out of memory."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise DeviceError(f"The device {device} ran out of memory; choose the CPU or the fast preset.") from error


def finish(
    run: Run,
    plan: Plan,
    result: Result,
    *,
    guides: Iterable[int],
    es_frames: Iterable[int],
    began: float,
) -> SegmentedSequence:
    """A run's result with how it was made; what :mod:`.update` compares with is among the settings."""
    tied = {
        "reference_frame": run.reference,
        "ed_frames": list(plan.anchors),
        "es_frames": sorted(set(es_frames)),
        "guides": sorted(set(guides)),
    }
    return SegmentedSequence(
        sequence=run.sequence,
        masks=result.masks,
        provenance=Provenance(
            method="propagate",
            settings={**run.settings.as_record(), **tied},
            software=__version__,
            device=run.device.type,
            quality={**result.quality, "seconds": time.perf_counter() - began},
        ),
        reference_frame=run.reference,
        displacement=result.displacement,
        pull_back=result.pull_back,
        guides=tuple(sorted(guides)),
    )


def _tissue(sequence: EchoSequence, mask: NDArray[np.uint8], sector: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """The sector without its rim, where the blur mixes tissue with black; all of the frame if it misses the heart."""
    if sector is None:
        sector = find_sector(sequence).mask
    elif sector.shape != sequence.shape:
        raise UnsuitableMask(f"The sector has size {sector.shape}, the clip's frames {sequence.shape}.")
    if np.count_nonzero(mask[sector]) < _SECTOR_HOLDS * np.count_nonzero(mask):
        return np.ones(sequence.shape, np.bool_)
    return cv2.erode(sector.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=0).astype(np.bool_)


def pick_device(name: str) -> torch.device:
    """The torch device of a name; "auto" is CUDA where it is there.

    Raises
    ------
    DeviceError: unknown, or not on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise DeviceError(f"Unknown device {name!r}; choose auto, cpu or cuda.") from error
    if device.type == "cuda" and (not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count()):
        raise DeviceError(f"There is no {name} device on this machine; choose cpu or auto.")
    return device


def _check_frames(sequence: EchoSequence, ed_frame: int, frames: range | None, mentioned: tuple[int, ...]) -> range:
    if len(sequence) < 2:
        raise UnsuitableClip("Propagation needs a clip of at least two frames; this one has a single frame.")
    for frame in (ed_frame, *mentioned):
        if not 0 <= frame < len(sequence):
            raise UnsuitableClip(f"Frame {frame} is outside the clip, whose frames are 0 to {len(sequence) - 1}.")
    if frames is None:
        return range(len(sequence))
    whole = range(len(sequence))
    if frames.step != 1 or len(frames) < 2 or frames.start not in whole or frames[-1] not in whole:
        raise UnsuitableClip(f"Propagate over two or more successive frames of 0 to {len(sequence) - 1}.")
    if ed_frame not in frames:
        raise UnsuitableClip(f"The range {frames.start} to {frames[-1]} must hold the end-diastolic frame {ed_frame}.")
    return frames


def _check_mask(mask: NDArray[np.uint8], shape: tuple[int, int], name: str) -> None:
    if mask.shape != shape:
        raise UnsuitableMask(
            f"{name} has size {' x '.join(map(str, mask.shape))}, the clip's frames {shape[0]} x {shape[1]}: "
            "it must be drawn on this clip."
        )
    if mask.dtype != np.uint8:
        raise UnsuitableMask(f"{name} has type {mask.dtype}; labels must be 8-bit whole numbers.")
    unknown = sorted(set(np.unique(mask).tolist()) - {int(label) for label in Label})
    if unknown:
        raise UnsuitableMask(f"{name} has unknown labels {unknown}; use 0 to {max(Label)}.")
