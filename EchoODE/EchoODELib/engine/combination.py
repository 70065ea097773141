"""One or several networks over one clip, their probabilities averaged.

A *combination* is a model whose card has ``architecture: combination`` and no weights of its own. Its
``configuration`` lists ``members``, each ``{model: NAME, weight: 1.0, flips: false, scales: [1.0]}`` where all but the
model's name may be left out. A member is any other model that segments the same labels, from single frames or from
clips. The card's ``sha256`` is taken over its members' checksums, so that figures on it hold for these weights alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .errors import WeightsError
from .following import Follower, FollowSource
from .models.causal_network import CausalNetwork
from .models.inference import Batches, fuse_normalisation, halves_quickly
from .models.per_frame import takes_clips
from .models.preparation import Fit, brightness, standardise
from .sector import Sector
from .sequence import EchoSequence, View
from .streaming import FrameSource, MapSource, Moment, WindowSource, moments
from .weights import COMBINATION, ModelCard, find_card, load_network, write_card
from .windows_over_time import WindowPlan, WindowUse

# Frames at once; more is no faster on a CPU, and a GPU is filled by 32. Of windows, as many as show that many.
BATCH = {"cpu": 4, "cuda": 32}
# Brightness is measured on no more frames than this, spread over the clip.
_MEASURED_FRAMES = 512


@dataclass(frozen=True)
class Member:
    """A network, ready to run, and how it takes part.

    Attributes
    ----------
    card: of the network.
    network: its convolutions and normalisations joined, on the device.
    weight: of its probabilities, relative to the others'.
    flips: whether it is averaged with its result on the left-right mirrored clip.
    scales: its results on inputs of these multiples of its size are averaged.
    half: whether it is computed in bfloat16.
    windows: how it sees a clip, where it takes clips.
    """

    card: ModelCard
    network: nn.Module
    weight: float
    flips: bool
    scales: tuple[float, ...]
    half: bool
    windows: WindowUse


def load_members(name: str, device: torch.device, *, half: bool | None = None) -> tuple[ModelCard, list[Member]]:
    """A model's card and the networks that it is made of: one, unless it is a combination.

    Parameters
    ----------
    half: whether to compute in bfloat16; None does so where a network's card allows it and the device is faster so.

    Raises
    ------
    WeightsError: no such model, damaged weights, or a combination whose members are missing, were replaced or don't
        go together.
    """
    card = find_card(name)
    if card.architecture != COMBINATION:
        return card, [_member(card, {}, device, half)]
    entries = _entries(card)
    members = [_member(find_card(entry["model"]), entry, device, half) for entry in entries]
    for member in members:
        if (member.card.task, member.card.labels) != (card.task, card.labels):
            raise WeightsError(f"{member.card.name} has other labels than {name}; correct the card's members.")
    if combined_checksum([member.card for member in members]) != card.sha256:
        raise WeightsError(
            f"A model that {name} combines was replaced ({', '.join(str(entry['model']) for entry in entries)}), so "
            "its figures no longer hold; get the models again, or combine them anew."
        )
    return card, members


def combined_checksum(cards: Sequence[ModelCard]) -> str:
    """SHA-256 over the checksums of the members' weights, in their order."""
    return hashlib.sha256("\n".join(card.sha256 for card in cards).encode()).hexdigest()


def save_combination(card: ModelCard, folder: Path) -> ModelCard:
    """Write a combination's card.

    Parameters
    ----------
    card: ``architecture``, ``weights``, ``sha256`` and ``folder`` are filled in here.
    folder: made if absent.

    Raises
    ------
    WeightsError: a member is missing, or the configuration names none.
    """
    card = replace(card, architecture=COMBINATION, weights="", folder=folder)
    card = replace(card, sha256=combined_checksum([find_card(entry["model"]) for entry in _entries(card)]))
    write_card(card)
    return card


def _entries(card: ModelCard) -> list[Mapping[str, Any]]:
    members = card.configuration.get("members")
    if not isinstance(members, list) or not members or set(card.configuration) != {"members"}:
        raise WeightsError(f"The combination {card.name} needs a list of members, and nothing else, as configuration.")
    for entry in members:
        if not isinstance(entry, dict) or not isinstance(entry.get("model"), str) or set(entry) - _FIELDS:
            raise WeightsError(
                f"A member of {card.name} is not as it should be; each has a model and may have a weight, flips and "
                "scales."
            )
    return members


_FIELDS = {"model", "weight", "flips", "scales"}


def _member(card: ModelCard, entry: Mapping[str, Any], device: torch.device, half: bool | None) -> Member:
    weight, scales = entry.get("weight", 1.0), entry.get("scales", [1.0])
    flips = entry.get("flips", card.use.get("flips", False))
    fine = isinstance(scales, list) and scales and all(type(s) in (int, float) and 0.25 <= s <= 4 for s in scales)
    if not fine or type(weight) not in (int, float) or not weight > 0 or not isinstance(flips, bool):
        raise WeightsError(
            f"The member {card.name} has settings that can't be; give a weight above 0, flips true or false, and "
            "scales from 0.25 to 4."
        )
    windows = WindowUse.of_card(card.use)
    if half is None:
        half = bool(card.use.get("half", False)) and halves_quickly(device)
    network = fuse_normalisation(load_network(card)).to(device, torch.bfloat16 if half else torch.float32)
    return Member(card, network, float(weight), flips, tuple(float(scale) for scale in scales), half, windows)


class FittedClip:
    """A clip's frames as a network wants them, made when they are asked for.

    Parameters
    ----------
    sequence: the clip; its frames may lie on disk (a memory map).
    sector: its sector, whose box is fitted into the input.
    size: (rows, columns) of the input.
    """

    def __init__(self, sequence: EchoSequence, sector: Sector, size: tuple[int, int]) -> None:
        self._sequence, self._sector = sequence, sector
        self.fit = Fit.of(sector.box, size, sequence.spacing)
        self._inside = self.fit.to_input(sector.mask.astype(np.uint8)).astype(bool)
        count = len(sequence)
        spread = np.unique(np.linspace(0, count - 1, min(count, _MEASURED_FRAMES)).round().astype(int))
        self._statistics = brightness(self._gray(spread.tolist()), self._inside)

    def __call__(self, frames: Sequence[int]) -> NDArray[np.float32]:
        """(n, rows, columns), standardised over the sector and the clip."""
        return standardise(self._gray(frames), self._inside, self._statistics)

    def gray(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """A standardised image (rows, columns) as gray levels, 0 to 255, in the box's own pixels."""
        mean, deviation = self._statistics
        gray = np.clip(image * max(deviation, 1e-6) + mean, 0, 255).astype(np.float32)
        return np.asarray(self.fit.to_box(gray[None])[0])

    def _gray(self, frames: Sequence[int]) -> NDArray[np.uint8]:
        given, mask = self._sequence.frames, self._sector.mask
        return np.stack([self.fit.to_input(np.where(mask, given[frame], np.uint8(0))) for frame in frames])


class NetworksOverClip:
    """All members over a clip, on one grid.

    Parameters
    ----------
    members: one or several.
    sequence, sector: the clip.
    size: (rows, columns) of the grid that the sector's box is fitted into.
    flips: for all members; None does what each was found best with.
    device: that the members are on.
    """

    def __init__(
        self,
        members: Sequence[Member],
        sequence: EchoSequence,
        sector: Sector,
        size: tuple[int, int],
        *,
        flips: bool | None,
        device: torch.device,
    ) -> None:
        self.clip = FittedClip(sequence, sector, size)
        clips = {size: self.clip}
        self._parts: list[tuple[float, Fit, MapSource, Batches]] = []
        self._lines = [int(member.card.configuration.get("lines", 0)) for member in members for _ in member.scales]  # type: ignore[call-overload]
        total = sum(member.weight for member in members)
        for member in members:
            mirror = member.flips if flips is None else flips
            for scale in member.scales:
                scaled = _scaled(member, scale)
                if scaled not in clips:
                    clips[scaled] = FittedClip(sequence, sector, scaled)
                clip = clips[scaled]
                if isinstance(member.network, CausalNetwork):
                    batch = BATCH[device.type]
                    follower = Follower(
                        member.network,
                        device=device,
                        long_axis=sequence.view is View.A3C,
                        mirror=mirror,
                        half=member.half,
                    )
                    source: MapSource = FollowSource(follower, clip, sequence.times, at_once=batch)
                elif takes_clips(member.network):
                    plan = WindowPlan(sequence.times, member.windows)
                    source = WindowSource(member.network, clip, plan, device=device, mirror=mirror, half=member.half)
                    batch = max(1, BATCH[device.type] // member.windows.inputs)
                else:
                    source = FrameSource(
                        member.network, clip, sequence.times, device=device, mirror=mirror, half=member.half
                    )
                    batch = BATCH[device.type]
                weight = member.weight / total / len(member.scales)
                self._parts.append((weight, clip.fit, source, Batches(batch, device)))
        self._classes = len(members[0].card.labels)

    def moments(self, times: Sequence[float]) -> Iterator[Moment]:
        """The averaged moments at ``times``, seconds within the clip, ascending, see :func:`~.streaming.moments`."""
        streams = [
            moments(source, times, batches, classes=self._classes, lines=lines)
            for (_, _, source, batches), lines in zip(self._parts, self._lines, strict=True)
        ]
        if len(streams) == 1 and self._parts[0][1] == self.clip.fit:
            yield from streams[0]
            return
        for each in zip(*streams, strict=True):
            maps = np.zeros((self._classes, *self.clip.fit.size), np.float32)
            image = ends = None
            for moment, (weight, fit, _, _) in zip(each, self._parts, strict=True):
                maps += np.float32(weight) * _onto(moment.probabilities, fit, self.clip.fit)
                if image is None and moment.image is not None:
                    image = _onto(moment.image[None], fit, self.clip.fit)[0]
                if ends is None and moment.heat_maps is not None:
                    ends = _onto(moment.heat_maps, fit, self.clip.fit)
            yield Moment(maps, image, ends)


def _scaled(member: Member, scale: float) -> tuple[int, int]:
    """A member's input size times ``scale``, in steps that its network can halve."""
    step = int(getattr(member.network, "stride", 8)) if scale != 1 else 1
    rows, columns = (max(step, round(side * scale / step) * step) for side in member.card.input_size)
    return rows, columns


def _onto(maps: NDArray[np.float32], given: Fit, wanted: Fit) -> NDArray[np.float32]:
    """Maps (K, rows, columns) of one fit of a box, on the grid of another; 0 outside the box."""
    if given == wanted:
        return maps
    top, bottom, left, right = wanted.placed
    row0, row1, column0, column1 = given.placed
    onto = np.zeros((len(maps), *wanted.size), np.float32)
    for one, placed in zip(maps[:, row0:row1, column0:column1], onto, strict=True):
        placed[top:bottom, left:right] = cv2.resize(one, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return onto
