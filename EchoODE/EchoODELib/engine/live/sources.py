"""Where live frames come from: a clip that plays at its own speed, a camera, a capture card, a network stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import DeviceError, UnsuitableClip
from ..sequence import ClipSource, EchoSequence, View
from .clock import FrameSkipper, LiveClock

# Frames of a clip that are looked at before it plays; the stream's own looks go on from there.
_FIRST_FRAMES = 24
# Nobody waits longer than this at once, so that Ctrl-C is heard.
_PATIENCE = 0.1
# A camera that gives nothing for so long was unplugged or switched off.
_SILENCE = 5.0


@dataclass(frozen=True)
class Arrived:
    """A frame that is due.

    Attributes
    ----------
    frame: (H, W) uint8, gray.
    time: seconds since the source began, in the time of what is shown.
    """

    frame: NDArray[np.uint8]
    time: float


class LiveSource(Protocol):
    """What brings frames; the newest is taken, and those that nobody took in time are counted."""

    spacing: tuple[float, float] | None
    view: View

    @property
    def source(self) -> ClipSource:
        """What is known of where frames come from."""

    @property
    def dropped(self) -> int:
        """Frames that were let go."""

    @property
    def over(self) -> bool:
        """Whether no more frames will come."""

    def first(self) -> NDArray[np.uint8]:
        """(n, H, W): frames to learn sector and brightness from before any is taken."""

    def take(self) -> Arrived | None:
        """The frame that is due, waited for; None where none comes for a moment."""

    def close(self) -> None:
        """Let go of the device."""


class ClipPlayer:
    """Plays a clip.

    Parameters
    ----------
    sequence: the clip, a film of two frames or more.
    speed: 1 for its own speed.
    rounds: how often; math.inf for ever.
    now, sleep: the clock, and what waits on it.

    Raises
    ------
    UnsuitableClip: a single frame, colour flow, or a speed that can't be.
    """

    def __init__(
        self,
        sequence: EchoSequence,
        *,
        speed: float = 1.0,
        rounds: float = 1,
        now: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if len(sequence) < 2:
            raise UnsuitableClip("This is a single frame, which can't be played; give a clip.")
        if sequence.source.colour_doppler:
            raise UnsuitableClip("The clip shows colour Doppler, which hides the walls; give the B-mode clip.")
        if not 0.01 <= speed <= 100:
            raise UnsuitableClip(f"A speed of {speed:g} makes no sense; give 0.01 to 100, 1 for the clip's own.")
        self._sequence, self._sleep = sequence, sleep
        self.spacing, self.view = sequence.spacing, sequence.view
        self._clock = LiveClock(sequence.times.tolist(), speed=speed, rounds=rounds, now=now)

    @property
    def source(self) -> ClipSource:
        """Of the clip."""
        return self._sequence.source

    @property
    def dropped(self) -> int:
        """Frames that were let go."""
        return self._clock.dropped

    @property
    def over(self) -> bool:
        """Whether the clip has played to its end."""
        return self._clock.over

    def first(self) -> NDArray[np.uint8]:
        """The clip's first frames."""
        return self._sequence.frames[:_FIRST_FRAMES]

    def take(self) -> Arrived | None:
        """The frame that is due."""
        if self.over:
            return None
        wait = self._clock.wait
        if wait > 0:
            self._sleep(min(wait, _PATIENCE))
        due = self._clock.due()
        return None if due is None else Arrived(self._sequence.frames[due.frame], due.time)

    def close(self) -> None:
        """Nothing to let go of."""


class Capture(Protocol):
    """What is used of OpenCV's VideoCapture."""

    def isOpened(self) -> bool:  # noqa: N802
        """Whether there is such a device."""

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        """The next picture, waited for."""

    def release(self) -> None:
        """Let go of the device."""


class Camera:
    """A camera or capture card that OpenCV knows; a thread reads it, so that what is taken is always new.

    Parameters
    ----------
    place: the device's number, its path, or a stream's address.
    spacing, view: of what it shows, where a person knows.
    now: the clock.
    open_: opens the device.

    Raises
    ------
    DeviceError: there is no such device, or it gives no pictures.
    """

    def __init__(
        self,
        place: int | str,
        *,
        spacing: tuple[float, float] | None = None,
        view: View = View.UNKNOWN,
        now: Callable[[], float] = time.perf_counter,
        open_: Callable[[int | str], Capture] | None = None,
    ) -> None:
        self.spacing, self.view = spacing, view
        self._name = f"camera {place}" if isinstance(place, int) else f"camera or stream “{place}”"
        self._now = now
        self._capture = (open_ or _open)(place)
        if not self._capture.isOpened():
            self._capture.release()
            raise DeviceError(f"There is no {self._name} here; plug it in, or give another number, path or address.")
        self._place: FrameSkipper[tuple[NDArray[np.uint8], float]] = FrameSkipper()
        self._ended = threading.Event()
        self._began = self._heard = now()
        self._reader = threading.Thread(target=self._read, name="echoode-camera", daemon=True)
        self._reader.start()

    @property
    def source(self) -> ClipSource:
        """That it is a camera."""
        return ClipSource(name=self._name, format="camera")

    @property
    def dropped(self) -> int:
        """Frames that a newer one replaced before they were taken."""
        return self._place.dropped

    @property
    def over(self) -> bool:
        """Whether the device has stopped giving pictures."""
        return self._place.closed

    def first(self) -> NDArray[np.uint8]:
        """The first picture that comes.

        Raises
        ------
        DeviceError: none comes for some seconds.
        """
        taken = self._place.take(_SILENCE)
        if taken is None:
            self.close()
            raise DeviceError(f"The {self._name} gives no pictures; look whether another program uses it.")
        return gray(taken[0])[None]

    def take(self) -> Arrived | None:
        """The newest picture.

        Raises
        ------
        DeviceError: none has come for some seconds.
        """
        taken = self._place.take(_PATIENCE)
        if taken is not None:
            self._heard = self._now()
            return Arrived(gray(taken[0]), taken[1])
        if not self.over and self._now() - self._heard > _SILENCE:
            raise DeviceError(f"The {self._name} has stopped giving pictures; look at its plug, and begin again.")
        return None

    def close(self) -> None:
        """Let go of the device."""
        self._ended.set()
        self._reader.join(_SILENCE)

    def _read(self) -> None:
        try:
            while not self._ended.is_set():
                there, picture = self._capture.read()
                if not there or picture is None:
                    break
                self._place.offer((picture, self._now() - self._began))
        finally:
            self._place.close()
            self._capture.release()


def gray(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture of OpenCV's, (H, W, 3) blue first or (H, W), as gray (H, W)."""
    if picture.ndim == 2:
        return picture
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)


def _open(place: int | str) -> Capture:
    # OpenCV would tell at length, on stderr, which of its ways to a device failed.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    return cast(Capture, cv2.VideoCapture(place))
