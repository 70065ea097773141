"""Masks of frames that come one by one."""

from __future__ import annotations

import json
import math
import struct
import time as clock
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..anatomy_rules import strongest, tidy_mask
from ..combination import load_members
from ..errors import UnsuitableClip, WeightsError
from ..models.inference import choose_device
from ..sequence import ClipSource, Label, View
from ..smoothing import MovingAverage, Smoothing
from ..weights import find_card
from .choice import LIVE_MODEL, why_not_live
from .network import LiveNetwork
from .preparation import LivePreparation

# Where a structure usually is is a running mean of so many seconds, some beats.
_USUAL_SECONDS = 4.0
# A longer pause than this, or a step back in time, begins a new stream: what is remembered no longer fits.
_PAUSE_SECONDS = 1.0
_PREPARATION, _AVERAGED, _USUAL, _STATE = "preparation.", "averaged", "usual", "echoode"


@dataclass(frozen=True)
class LiveFrame:
    """What is known of a frame.

    Attributes
    ----------
    time: seconds, as it was given.
    mask: (H, W) uint8 of :class:`~..sequence.Label` values, in the frame's own pixels.
    lv_area: in ``unit``, NaN where no LV was found.
    unit: "mm²", or "px²" where the pixel size is not known.
    seconds: that all of it took.
    network_seconds: of these, the network's.
    views: probabilities of :data:`~..sequence.KNOWN_VIEWS` and of any other view; None where the model tells none.
    began: whether nothing before this frame was made use of.
    """

    time: float
    mask: NDArray[np.uint8]
    lv_area: float
    unit: str
    seconds: float
    network_seconds: float
    views: NDArray[np.float32] | None
    began: bool


class StreamingSegmenter:
    """Segments a stream, frame after frame, with one model that it keeps loaded.

    A model that follows a clip (:class:`~..models.causal_network.CausalNetwork`) remembers the frames before; one of
    single frames sees each by itself. Memory and time do not grow with the stream.

    Parameters
    ----------
    model: name of a model, see :func:`~..weights.list_models`.
    device: "auto" (a GPU where there is one), "cpu" or "cuda".
    spacing: (row, column) mm per pixel of the frames, None when uncalibrated.
    view: the standard view, if known.
    flips: average with the left-right mirrored frame; None does what the model's card found better.
    clean: keep one piece of each structure and close its holes, see :func:`~..anatomy_rules.tidy_mask`.
    smoothing: "none", or "wma:N" for a weighted moving average of the probabilities of N frames.
    half: compute in bfloat16; None does so where the model's card found it as good and the device is faster so.
    adapt: let sector and brightness follow the stream; else they stay as :meth:`start` found them.

    Raises
    ------
    WeightsError: no such model, damaged weights, not for segmentation, or one that needs whole windows of a clip.
    DeviceError: the device asked for is absent.
    UnsuitableClip: a smoothing that looks ahead.
    """

    def __init__(
        self,
        model: str = LIVE_MODEL,
        device: str = "auto",
        *,
        spacing: tuple[float, float] | None = None,
        view: View = View.UNKNOWN,
        flips: bool | None = None,
        clean: bool = True,
        smoothing: str | Smoothing = "none",
        half: bool | None = None,
        adapt: bool = True,
    ) -> None:
        self.device = choose_device(device)
        self.spacing, self.view, self.clean = spacing, view, clean
        self.smoothing = Smoothing.of(smoothing)
        if self.smoothing.seconds:
            raise UnsuitableClip("That smoothing looks ahead, which live use can't; give none, or wma:6.")
        reason = why_not_live(find_card(model))
        if reason:
            raise WeightsError(reason)
        self.card, (member,) = load_members(model, self.device, half=half)
        if len(self.card.labels) != len(Label):
            raise WeightsError(f"The model {model} draws other structures than these; choose one for LV, wall and LA.")
        self.flips = member.flips if flips is None else flips
        self._network = LiveNetwork(member, self.device, mirror=self.flips, long_axis=view is View.A3C)
        self._preparation = LivePreparation(self.card.input_size, spacing, adapt=adapt)
        # On a view that it doesn't know, a model draws those that it knows.
        drawn = {view.value} & set(self.card.views) or set(self.card.views)
        self._walls = 2 if drawn == {View.PLAX.value} else 1
        self._unit = "px²" if spacing is None else "mm²"
        self._pixel = 1.0 if spacing is None else spacing[0] * spacing[1]
        self._last_time, self._fresh = math.nan, True
        self._average = MovingAverage(self.smoothing.window)
        self._usual: NDArray[np.float32] | None = None

    def start(self, frames: NDArray[np.uint8], source: ClipSource | None = None) -> None:
        """Begin a stream: find sector and brightness on its first frames, and run the network once to warm it up.

        Parameters
        ----------
        frames: (n, H, W), or one (H, W), uint8; more tell the sector better. They are not segmented.
        source: of a file; the boxes of tissue and overlays that it names are kept to.

        Raises
        ------
        UnsuitableClip: frames of another shape or type.
        DeviceError: the device's memory does not hold one frame.
        """
        stack = frames[None] if frames.ndim == 2 else frames
        if stack.ndim != 3 or stack.dtype != np.uint8 or 0 in stack.shape:
            raise UnsuitableClip(
                f"A stream needs gray frames (rows, columns) of 8 bits; got {frames.dtype} of shape {frames.shape}."
            )
        self._preparation.begin(stack, source)
        self._last_time = math.nan
        self._forget()
        self.warm_up()

    def push(self, frame: NDArray[np.uint8], time: float) -> LiveFrame:
        """The mask of the stream's next frame.

        Parameters
        ----------
        frame: (H, W) uint8, as large as those before. The first one starts the stream, if :meth:`start` did not.
        time: seconds; a step back (a clip that begins again) or a pause of more than a second begins anew.

        Raises
        ------
        UnsuitableClip: another shape or type than :meth:`start` saw, or a time that is no number.
        DeviceError: the device's memory does not hold one frame.
        """
        begun = clock.perf_counter()
        if self._preparation.sector is None:
            self.start(frame)
        self._check(frame, time)
        step = time - self._last_time
        if not 0 < step <= _PAUSE_SECONDS:
            self._forget()
            step = 0.0
        self._last_time = time
        if self._preparation.follow(frame, time):
            self._forget()
        began, self._fresh = self._fresh, False
        x = self._preparation.input(frame, step)
        before = clock.perf_counter()
        maps, views = self._network(x)
        network_seconds = clock.perf_counter() - before
        mask = self._mask(self._average(maps), step)
        count = np.count_nonzero(mask == Label.LV)
        return LiveFrame(
            time=time,
            mask=mask,
            lv_area=count * self._pixel if count else math.nan,
            unit=self._unit,
            seconds=clock.perf_counter() - begun,
            network_seconds=network_seconds,
            views=views,
            began=began,
        )

    def reset(self) -> None:
        """Forget the stream: the next frame begins another, with another sector and brightness."""
        self._preparation.sector = None
        self._last_time = math.nan
        self._forget()

    def warm_up(self) -> None:
        """Run the network once on nothing: the first run on a device sets it up."""
        self._network(np.zeros(self.card.input_size, np.float32))
        self._network.forget()

    def save(self) -> bytes:
        """All that going on with this stream takes, as safetensors; empty before its first frame.

        The model's weights are not in it.
        """
        from safetensors.torch import save

        if self._preparation.sector is None:
            return b""
        arrays = {_PREPARATION + name: value for name, value in self._preparation.state().items()}
        arrays |= {f"{_AVERAGED}.{number}": maps for number, maps in enumerate(self._average.kept)}
        arrays |= {} if self._usual is None else {_USUAL: self._usual}
        tensors = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}
        tensors |= {name: value.cpu().contiguous().clone() for name, value in self._network.state().items()}
        return save(tensors, metadata={_STATE: json.dumps(self._identity() | {"time": self._last_time})})

    def restore(self, saved: bytes) -> None:
        """Go on with a stream where :meth:`save` was called, in this or another process.

        Raises
        ------
        UnsuitableClip: not such a state, or one of another model, pixel size or smoothing.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        if not saved:
            self.reset()
            return
        try:
            (length,) = struct.unpack_from("<Q", saved)
            told = json.loads(json.loads(saved[8 : 8 + length])["__metadata__"][_STATE])
            tensors = load(saved)
        except (SafetensorError, struct.error, ValueError, KeyError, TypeError) as error:
            raise UnsuitableClip("This is no saved stream, or a damaged one; begin a new one.") from error
        if {name: told.get(name) for name in self._identity()} != self._identity():
            raise UnsuitableClip("The saved stream is of another model or other settings; begin a new one.")
        arrays = {name: value.numpy() for name, value in tensors.items()}
        size = len(_PREPARATION)
        self._preparation.resume(
            {name[size:]: value for name, value in arrays.items() if name.startswith(_PREPARATION)}
        )
        self._forget()
        self._network.resume(tensors)
        self._average.kept.extend(
            arrays[f"{_AVERAGED}.{k}"] for k in range(sum(n.startswith(_AVERAGED) for n in arrays))
        )
        self._usual = arrays.get(_USUAL)
        self._last_time, self._fresh = float(told["time"]), False

    def _identity(self) -> dict[str, object]:
        return {
            "model": self.card.sha256,
            "spacing": None if self.spacing is None else list(self.spacing),
            "flips": self.flips,
            "window": self.smoothing.window,
        }

    def _check(self, frame: NDArray[np.uint8], time: float) -> None:
        sector = self._preparation.sector
        shape = frame.shape if sector is None else sector.mask.shape
        if frame.shape != shape or frame.dtype != np.uint8:
            raise UnsuitableClip(
                f"A frame of {frame.dtype} and shape {frame.shape} does not belong to this stream of gray frames of "
                f"{shape}; start another."
            )
        if not math.isfinite(time):
            raise UnsuitableClip("A frame's time must be a number of seconds.")

    def _forget(self) -> None:
        self._network.forget()
        self._average = MovingAverage(self.smoothing.window)
        self._usual, self._fresh = None, True

    def _mask(self, maps: NDArray[np.float32], step: float) -> NDArray[np.uint8]:
        """A mask (H, W) from probabilities in the network's input."""
        sector, fit = self._preparation.sector, self._preparation.fit
        if sector is None:
            raise RuntimeError("a stream begins with its sector")
        mask = strongest(fit.to_box(maps))
        if self.clean:
            if self._usual is None:
                self._usual = maps.copy()
            else:
                self._usual += np.float32(1 - math.exp(-step / _USUAL_SECONDS)) * (maps - self._usual)
            mask = tidy_mask(mask, fit.to_box(self._usual), sector.crop(sector.mask), walls=self._walls)
        return sector.restore(mask)
