"""Pseudo-sequences: a whole beat with a mask on every frame, moved from the two frames that experts annotated.

ED is registered to ES by the engine's diffeomorphic flow with both masks as guides. Each frame between shows both
real frames carried along that flow to its state of contraction and blended, so that its texture is real and its mask
is an expert's, moved. The state follows the phantom's cardiac time course; speckle decorrelates, the probe moves a
little and the gain drifts, as in a recording.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import cv2
import numpy as np
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.measure import measure
from EchoODELib.engine.phantom.timing import Rhythm
from EchoODELib.engine.registration.masks import carry, labels_of, signed_distances, to_labels
from EchoODELib.engine.sequence import EchoSequence, Provenance, SegmentedSequence, View
from numpy.typing import NDArray
from scipy import ndimage

from .datasets.clips import LabelledClip
from .pseudo_motion import Field, Flow, fit_flow, inner_part, rigid_motion

_GRAIN = 2.2  # px, standard deviation between what is texture and what is shading


@dataclass(frozen=True)
class PseudoSettings:
    """What a pseudo-sequence is made by, besides the pair; equal settings and seeds give equal bytes.

    Attributes
    ----------
    frames: of the clip, 4 or more.
    heart_rate: (least, most) beats per minute.
    beats: (least, most) cycles that the clip covers from its first ED on, 0.7 or more.
    speckle: standard deviation of the decorrelating speckle, as a share of the gray value.
    noise: gray values, standard deviation of what changes from frame to frame.
    probe: px, how far the probe wanders between ED and ES.
    turn: degrees, how far it turns.
    gain: how far the brightness drifts, as a share.
    steps: of the flow from ED to ES.
    pixel: mm; finer pairs are brought to this pixel size.
    contraction: (least, most) of the way from ED to the real ES that the heart goes; below 1 it ejects less than the
        patient's did, and no frame is the real ES.
    """

    frames: int = 24
    heart_rate: tuple[float, float] = (50.0, 100.0)
    beats: tuple[float, float] = (0.95, 1.15)
    speckle: float = 0.15
    noise: float = 2.5
    probe: float = 1.2
    turn: float = 0.8
    gain: float = 0.04
    steps: int = 12
    pixel: float = 0.7
    contraction: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        if self.frames < 4 or self.beats[0] < 0.7:
            raise UnsuitableClip("A pseudo-sequence needs 4 frames or more over 0.7 of a beat or more.")
        if not 0 < self.contraction[0] <= self.contraction[1] <= 1:
            raise UnsuitableClip("A pseudo-sequence contracts by more than 0 and by 1 at most.")


def make_pseudo_sequence(pair: LabelledClip, settings: PseudoSettings, seed: int) -> LabelledClip:
    """A beat from a clip with ED and ES masks.

    Parameters
    ----------
    pair: its ``ed_frame`` and ``es_frame`` are labelled; frames between are not used.
    seed: of rates, speckle and drift, together with the pair's name.

    Returns
    -------
    A clip of kind "pseudo" that starts at ED; its frame ``es_frame`` is the real ES. The masks of these two are the
    experts', every other is moved between them.

    Raises
    ------
    UnsuitableClip: ED or ES is missing or has no LV.
    """
    ed, es = pair.ed_frame, pair.es_frame
    if ed is None or es is None or not (pair.masks[ed] == 1).any() or not (pair.masks[es] == 1).any():
        raise UnsuitableClip(f"{pair.name} has no masks at ED and ES; a pseudo-sequence needs both.")
    random = np.random.default_rng([seed, zlib.crc32(pair.name.encode())])
    pair = _coarser(pair, settings.pixel)
    images, masks = pair.frames[[ed, es]], pair.masks[[ed, es]]
    times, state, es_at = _course(settings, random)
    less = settings.contraction != (1.0, 1.0)
    if less:
        state = state * np.random.default_rng([seed, 1, zlib.crc32(pair.name.encode())]).uniform(*settings.contraction)
    flow = fit_flow(images, masks, pair.sector, settings.steps)
    wander = 4 * state * (1 - state)  # none at ED and ES, where the experts' masks shall hold
    blend = _Blend(images, masks, pair.sector, flow)
    speckle = _Speckle(images.shape[1:], times, random)
    offsets = np.stack([_slow(times, random), _slow(times, random)], -1) * settings.probe * wander[:, None]
    turns = np.radians(settings.turn) * _slow(times, random) * wander
    gains = 1 + settings.gain * _slow(times, random)
    frames, moved = (
        np.empty((len(times), *images.shape[1:]), np.uint8),
        np.empty((len(times), *masks.shape[1:]), np.uint8),
    )
    for number, share in enumerate(state):
        gray, mask = blend.at(float(share), rigid_motion(images.shape[1:], offsets[number], turns[number]))
        gray = gray * speckle.at(number, flow, float(share), settings.speckle) * gains[number]
        gray = gray + random.normal(0, settings.noise, gray.shape) * np.clip(gray / 40, 0.15, 1)
        frames[number] = np.where(pair.sector, np.clip(np.rint(gray), 0, 255), 0)
        moved[number] = mask
    return LabelledClip(
        name=f"{pair.name}_pseudo{seed}",
        patient=pair.patient,
        kind="pseudo",
        frames=frames,
        times=times,
        masks=moved,
        labelled=np.ones(len(times), np.bool_),
        sector=pair.sector,
        spacing=pair.spacing,
        view=pair.view,
        ed_frame=0,
        es_frame=es_at,
        ejection_fraction=single_plane_fraction(moved[[0, es_at]] if less else masks, pair.spacing, pair.view),
    )


def single_plane_fraction(masks: NDArray[np.uint8], spacing: tuple[float, float] | None, view: View) -> float | None:
    """EF in percent of ED and ES masks (2, H, W) by the discs of one plane; None where there is no shape to measure."""
    clip = EchoSequence(np.zeros_like(masks), np.array([0.0, 0.3]), spacing or (1.0, 1.0), view)
    found = measure(SegmentedSequence(clip, masks, Provenance("manual")), ed_frames=[0], es_frames=[1])
    quantity = found.beats[0].quantities.get("ejection_fraction") if found.beats else None
    return quantity.value if quantity is not None and np.isfinite(quantity.value) else None


def _coarser(pair: LabelledClip, pixel: float) -> LabelledClip:
    """The clip at ``pixel`` mm where its own pixels are clearly finer; each label by the area that it covers."""
    if pair.spacing is None or max(pair.spacing) > 0.8 * pixel:
        return pair
    rows, columns = (max(1, round(n * s / pixel)) for n, s in zip(pair.sector.shape, pair.spacing, strict=True))

    def small(image: NDArray[np.generic]) -> Field:
        return np.asarray(cv2.resize(image.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA))

    spacing = pair.spacing[0] * pair.sector.shape[0] / rows, pair.spacing[1] * pair.sector.shape[1] / columns
    return replace(
        pair,
        frames=np.stack([np.rint(small(frame)).astype(np.uint8) for frame in pair.frames]),
        masks=np.stack([np.stack([small(mask == v) for v in range(4)]).argmax(0) for mask in pair.masks]).astype(
            np.uint8
        ),
        sector=small(pair.sector) > 0.5,
        spacing=spacing,
        landmarks={},
    )


# --- time


def _course(
    settings: PseudoSettings, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Times (s), state of contraction (0 at ED, 1 at ES) and the frame of ES, which the course is bent to hit."""
    length = 60.0 / random.uniform(*settings.heart_rate)
    times = np.linspace(0, length * random.uniform(*settings.beats), settings.frames)
    rhythm = Rhythm(np.array([0.0, length, 2 * length]), np.zeros(3), np.ones(2), 0)
    exact = rhythm.end_systole(0)
    es_at = int(np.clip(round(exact / times[1]), 1, settings.frames - 2))
    bent = np.interp(times, [0.0, times[es_at], length, 2 * length], [0.0, exact, length, 2 * length])
    state = np.clip(rhythm.state(bent), 0.0, 1.0)
    state[es_at] = 1.0
    return times, state, es_at


def _slow(times: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random course of about unit size, a few turns a second at most."""
    waves = [(random.uniform(0.3, 2.5), random.uniform(0, 2 * np.pi), random.normal()) for _ in range(3)]
    return np.sum([size * np.sin(2 * np.pi * rate * times + phase) for rate, phase, size in waves], axis=0) / 1.5


# --- texture


class _Blend:
    """ED and ES carried to any state and blended, shading and texture apart."""

    def __init__(
        self, images: NDArray[np.uint8], masks: NDArray[np.uint8], sector: NDArray[np.bool_], flow: Flow
    ) -> None:
        self.flow, self.labels = flow, labels_of(*masks)
        # Beyond the sector's edge what lies inside of it goes on, so that nothing black moves in.
        nearest = ndimage.distance_transform_edt(~inner_part(sector, 4), return_distances=False, return_indices=True)
        grays = [image[tuple(nearest)].astype(np.float32) for image in images]
        shading = [cv2.GaussianBlur(gray, (0, 0), _GRAIN) for gray in grays]
        self.layers = [np.stack([s, g - s], -1) for s, g in zip(shading, grays, strict=True)]
        # Distances on whole pixels jump at a border; smoothed, a border moves by parts of a pixel.
        self.distances = [cv2.GaussianBlur(signed_distances(mask, self.labels), (0, 0), 0.7) for mask in masks]

    def at(self, share: float, rigid: Field) -> tuple[Field, NDArray[np.uint8]]:
        """Gray values (H, W) float32 and mask (H, W) at a state of contraction."""
        pulls = [rigid + carry(pull, rigid) for pull in self.flow.at(share)]
        (shade_a, grain_a), (shade_b, grain_b) = (
            np.moveaxis(_sharp(layers, pull), -1, 0) for layers, pull in zip(self.layers, pulls, strict=True)
        )
        b = np.float32(share * share * (3 - 2 * share))
        a = 1 - b
        # Two speckle patterns average out, walls seen on both don't: contrast is brought back where it fell.
        mixed = a * grain_a + b * grain_b
        wanted = cv2.GaussianBlur(a * grain_a**2 + b * grain_b**2, (0, 0), 2 * _GRAIN)
        there = cv2.GaussianBlur(mixed**2, (0, 0), 2 * _GRAIN)
        grain = mixed * np.sqrt(np.clip(wanted / np.maximum(there, 1e-3), 1.0, 2.5))
        far_a, far_b = (carry(d, pull) for d, pull in zip(self.distances, pulls, strict=True))
        return a * shade_a + b * shade_b + grain, to_labels((1 - share) * far_a + share * far_b, self.labels)


def _sharp(layers: Field, pull: Field) -> Field:
    """Layers (H, W, C) read at p + pull(p) by cubic interpolation, which keeps speckle that a linear one would blur."""
    rows, columns = np.indices(pull.shape[:2], dtype=np.float32)
    return cv2.remap(
        layers, columns + pull[..., 0], rows + pull[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )


class _Speckle:
    """Multiplicative noise of the size of speckle, which moves with the tissue and turns over in a few frames.

    Half of it starts at ED and half at ES, and each fades before the motion would stretch it into streaks.
    """

    def __init__(self, shape: tuple[int, ...], times: NDArray[np.float64], random: np.random.Generator) -> None:
        white = random.standard_normal((*shape, 4), np.float32)
        fields = cv2.GaussianBlur(white, (0, 0), 1.3, sigmaY=0.7)  # wider than deep, as a beam's resolution is
        fields /= fields.std((0, 1))
        self.fields = np.ascontiguousarray(fields[..., :2]), np.ascontiguousarray(fields[..., 2:])
        rates = random.uniform(0.8, 3.0, 2) * random.choice([-1, 1], 2)
        self.angles = random.uniform(0, 2 * np.pi, 2) + 2 * np.pi * times[:, None] * rates

    def at(self, frame: int, flow: Flow, share: float, strength: float) -> Field:
        """Factors (H, W) about 1."""
        noise = np.zeros(self.fields[0].shape[:2], np.float32)
        weights = np.sqrt([1 - share, share])
        for fields, pull, weight, angle in zip(self.fields, flow.at(share), weights, self.angles[frame], strict=True):
            if weight > 0:
                turning = np.array([np.cos(angle), np.sin(angle)], np.float32)
                noise += np.float32(weight) * (_sharp(fields, pull) @ turning)
        return np.maximum(1 + np.float32(strength) * noise, 0)
