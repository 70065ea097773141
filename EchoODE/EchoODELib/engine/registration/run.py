"""One registration run, from the clip to the fields, in groups of legs so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..progress import Monitor, Stage
from ..sequence import EchoSequence
from .assemble import BoxFields, Flows, anchor_fields, assemble
from .legs import Leg, Plan, find_end_diastoles, plan_legs, unlikeness
from .masks import carried_masks, carry, memberships, to_labels, topology
from .motion_model import MotionModel, load_motion_model
from .network_fit import fit_network
from .quality import QualityReport
from .settings import RegistrationSettings
from .spline_fit import Material, SplineFit
from .work import HeartBox

_FIELD_SIZE = 224  # px of the heart box's long side at which fields are composed; finer adds nothing to a spline
_GROUP_PIXELS = 3_000_000  # frames x pixels of the finest level that are fitted together
_CURVE_SIZE = 64
_SPARSE_FRAMES = 3  # a clip of so few frames shows end-diastole, end-systole and little between


@dataclass
class Result:
    """Arrays over the whole clip, and the run's report on itself."""

    masks: NDArray[np.uint8]
    displacement: NDArray[np.float32]
    pull_back: NDArray[np.float32]
    quality: dict[str, float]


@dataclass
class Run:
    """The inputs of a run, checked by the caller, and its steps."""

    sequence: EchoSequence
    mask: NDArray[np.uint8]
    reference: int
    guides: Mapping[int, NDArray[np.uint8]]
    labels: tuple[int, ...]
    span: range
    sector: NDArray[np.bool_]
    settings: RegistrationSettings
    device: torch.device
    monitor: Monitor
    box: HeartBox = field(init=False)

    def __post_init__(self) -> None:
        masks = [self.mask, *self.guides.values()]
        if self.settings.method == "network":
            self.box = HeartBox.over(self.sector, masks)
        else:
            self.box = HeartBox.around(masks, self.settings.spline.margin)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) at which fields are composed."""
        return self.box.size_at(_FIELD_SIZE)

    def all(self, plan: Plan) -> Result:
        """Fit a whole plan, assemble, carry the masks, and report."""
        shape = self.sequence.frames.shape
        result = Result(
            np.zeros(shape, np.uint8), np.zeros((*shape, 2), np.float32), np.zeros((*shape, 2), np.float32), {}
        )
        result.masks[self.reference] = self.mask
        self.fill(plan, result, {})
        return result

    def fill(self, plan: Plan, result: Result, known: Mapping[int, Tensor]) -> None:
        """Fit a plan's legs and put what they reach into ``result``, whose other frames stay as they are.

        Parameters
        ----------
        known: pull-backs (1, 2, h, w), in half extents at :attr:`shape`, of anchors that no direct leg reaches.
        """
        groups = self._groups(plan)
        reached = {frame for leg in (*plan.legs, *plan.direct) for frame in leg.frames}
        work = self._iterations(plan.direct) + sum(self._iterations(group.legs) for group in groups)
        stage = self.monitor.stage("Registering", work + len(self.span))
        for fields in (result.pull_back, result.displacement):
            for frame in reached:
                fields[frame] = 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.settings.seed)
            direct = self._fit(plan.direct, {self.reference: self.mask}, stage) if plan.direct else None
            anchors = {**known, **anchor_fields(plan, direct, self.shape, self.device)}
            sources = self._anchor_masks(anchors)
            bound = direct.gradient_bound if direct else 0.0
            for group in groups:
                flows = self._fit(group.legs, sources, stage)
                bound = max(bound, flows.gradient_bound)
                with torch.no_grad():
                    self._store(assemble(group, flows, anchors, self.shape), result)
            if plan.direct:
                self._store(BoxFields.of_anchors(anchors, [leg.frames[0] for leg in plan.direct]), result)
        report = self._carry(plan, result, reached, stage)
        result.quality = {**report.as_record(), "gradient_bound": bound}

    def known_anchors(self, frames: Iterable[int], pull_back: NDArray[np.float32]) -> dict[int, Tensor]:
        """Pull-backs (T, H, W, 2) px of some frames as :meth:`fill` takes them."""
        half = np.array([self.box.shape[1] / 2, self.box.shape[0] / 2], np.float32)
        fields = {}
        for frame in frames:
            cut = np.asarray(self.box.cut(pull_back[frame]), np.float32) / half
            small = cv2.resize(cut, self.shape[::-1], interpolation=cv2.INTER_AREA)
            fields[frame] = torch.from_numpy(small).permute(2, 0, 1)[None].contiguous().to(self.device)
        return fields

    def plan(self, ed_frames: Sequence[int], es_frames: Sequence[int]) -> Plan:
        """Lay the legs; without ``ed_frames``, end-diastoles are looked for."""
        size = self.box.size_at(_CURVE_SIZE)
        images = self.box.images(self.sequence.frames[self.span.start : self.span.stop], size, 4.0)
        heart = cv2.resize((np.asarray(self.box.cut(self.mask, constant=True)) > 0).astype(np.float32), size[::-1])
        heart = cv2.GaussianBlur(heart, (0, 0), 2) + 1e-3
        part = unlikeness(images, np.asarray(heart), self.reference - self.span.start)
        curve = np.zeros(len(self.sequence))
        curve[self.span.start : self.span.stop] = part
        others = [f for f in ed_frames if f != self.reference]
        if not ed_frames:
            times = self.sequence.times[self.span.start : self.span.stop]
            found = find_end_diastoles(part, times, self.reference - self.span.start)
            others = [self.span.start + f for f in found]
        return plan_legs(self.span, self.reference, others, es_frames, tuple(self.guides), curve)

    def _groups(self, plan: Plan) -> list[Plan]:
        """The plan's legs in parts of bounded size; legs that meet stay together."""
        height, width = self._finest
        budget = max(1, _GROUP_PIXELS // (height * width))
        partner = dict(plan.meetings)
        second = set(partner.values())
        parts: list[list[int]] = [[]]
        for number in range(len(plan.legs)):
            if number in second:
                continue
            members = [number, *([partner[number]] if number in partner else [])]
            longest = max(len(plan.legs[m].frames) for m in (*parts[-1], *members))
            if parts[-1] and longest * (len(parts[-1]) + len(members)) > budget:
                parts.append([])
            parts[-1].extend(members)
        return [
            Plan(
                plan.reference,
                plan.anchors,
                (),
                tuple(plan.legs[m] for m in part),
                tuple((part.index(a), part.index(b)) for a, b in plan.meetings if a in part),
            )
            for part in parts
            if part
        ]

    @property
    def _finest(self) -> tuple[int, int]:
        if self.settings.method == "network":
            return self.settings.network.size, self.settings.network.size
        return self.box.size_at(self.settings.spline.levels[-1].size)

    def _iterations(self, legs: tuple[Leg, ...]) -> int:
        """Steps of the optimiser that a fit of these legs takes at most."""
        if self.settings.method == "network":
            return self.settings.network.steps * len(legs)
        return sum(level.iterations for level in self.settings.spline.levels) if legs else 0

    def _fit(self, legs: tuple[Leg, ...], sources: Mapping[int, NDArray[np.uint8]], stage: Stage) -> Flows:
        interval = float(np.median(np.diff(self.sequence.times)))
        material = Material(self.sequence.frames, self.sector, interval, self.box, self.labels, sources, self.guides)
        if self.settings.method == "network":
            settings = self.settings
            return fit_network(legs, material, settings.network, settings.weights, settings.seed, self.device, stage)
        spline, weights, model = self.settings.spline, self.settings.weights, None
        if len(self.sequence) <= _SPARSE_FRAMES or interval > spline.sparse_interval:
            weights = self.settings.sparse_weights
            model = self._motion_model(legs)
        return SplineFit(legs, material, spline, weights, self.device, model).run(stage)

    def _motion_model(self, legs: tuple[Leg, ...]) -> MotionModel | None:
        """The model of contraction; between end-diastoles there is none to model."""
        name = self.settings.spline.motion_model
        return load_motion_model(name) if name and not legs[0].direct else None

    def _anchor_masks(self, anchors: Mapping[int, Tensor]) -> dict[int, NDArray[np.uint8]]:
        """The reference mask carried to every anchor, or the guide given there."""
        soft = memberships(self.mask, self.labels)
        out = {}
        for frame, anchor in anchors.items():
            if frame == self.reference:
                out[frame] = self.mask
            elif frame in self.guides:
                out[frame] = self.guides[frame]
            else:
                motion = np.zeros((*self.mask.shape, 2), np.float32)
                self.box.place(self._pixels(anchor)[0], motion)
                out[frame] = to_labels(carry(soft, motion), self.labels)
        return out

    def _pixels(self, fields: Tensor) -> NDArray[np.float32]:
        """Fields (n, 2, h, w) in half extents as (n, rows, columns, 2) px of the box."""
        half = torch.tensor([self.box.shape[1] / 2, self.box.shape[0] / 2], device=fields.device)
        values = (fields.permute(0, 2, 3, 1) * half).cpu().numpy()
        if values.shape[1:3] == self.box.shape:
            return np.ascontiguousarray(values)
        return np.stack([cv2.resize(v, self.box.shape[::-1], interpolation=cv2.INTER_LINEAR) for v in values])

    def _store(self, fields: BoxFields, result: Result) -> None:
        for number, frame in enumerate(fields.frames):
            self.box.place(self._pixels(fields.pull_back[number : number + 1])[0], result.pull_back[frame])
            self.box.place(self._pixels(fields.displacement[number : number + 1])[0], result.displacement[frame])

    def _carry(self, plan: Plan, result: Result, reached: Collection[int], stage: Stage) -> QualityReport:
        """Masks of the frames ``reached``, inside the frame's part of the box, and the report on all frames."""
        part = self.box.inside
        mask = self.mask[part]
        report = QualityReport(topology(mask, self.labels), self.labels)
        guides = {f: g[part] for f, g in self.guides.items()}
        keys = tuple(sorted({*plan.anchors, *guides}))
        displacements = {f: result.displacement[f][part] for f in guides}
        for frame in self.span:
            stage.advance()
            if frame == self.reference:
                continue
            pull_back = np.ascontiguousarray(result.pull_back[frame][part])
            if frame in reached:
                carried = carried_masks(mask, self.labels, {frame: pull_back}, displacements, guides, keys)
                result.masks[frame] = 0
                result.masks[frame][part] = carried[frame]
            report.add(pull_back, np.ascontiguousarray(result.displacement[frame][part]), self.sector[part])
            report.add_mask(result.masks[frame][part])
        return report
