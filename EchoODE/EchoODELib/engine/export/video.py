"""The overlay video: the clip at its own speed with contours, phase, LV size and a running curve."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from .. import progress
from ..errors import OutputError
from ..sequence import FrameSeries, Label, Measurements, SegmentedSequence
from . import DISCLAIMER
from .anatomy import STRUCTURES
from .atomic import atomic_file
from .backdrop import Backdrop, backdrop
from .calipers import calipers
from .contours import outlines
from .style import BACKGROUND, ED_COLOR, ES_COLOR, LINE, QUIET, TEXT, pixel_aspect
from .wording import headline, reading_unit, spoken

Picture = NDArray[np.uint8]

_LV = STRUCTURES[Label.LV].hex

_TALL = 720
"""Height of the clip in the video, px; small clips are enlarged so that contours are fine."""
_HEAD, _CURVE, _FOOT = 56, 128, 26
_CLOCK = 90_000
"""Ticks a second of the video's time stamps: each frame is shown at its own time, even when they are uneven."""


def write_video(
    path: str | os.PathLike[str],
    segmented: SegmentedSequence,
    measurements: Measurements | None = None,
    *,
    behind: Backdrop | None = None,
    monitor: progress.Monitor | None = None,
) -> Path:
    """Write the clip with its contours as MP4 (H.264, or MPEG-4 where there is no H.264 encoder).

    Parameters
    ----------
    path: ends in ``.mp4``.
    measurements: for the curve, ED and ES; without them there are only the contours.
    behind: what of the clip is shown; the sector only by default.
    monitor: progress and cancel.

    Raises
    ------
    OutputError: another ending, or a place that can't be written.
    RunCancelled: ``monitor`` was cancelled; nothing is written.
    """
    painter = _Painter.of(segmented, measurements, behind or backdrop(segmented.sequence))
    stage = (monitor or progress.Monitor()).stage("Drawing the video", len(segmented.masks))

    def pictures() -> Iterator[Picture]:
        for frame in range(len(segmented.masks)):
            yield painter.paint(frame)
            stage.advance()

    return write_pictures(path, pictures(), segmented.sequence.times)


def write_pictures(path: str | os.PathLike[str], pictures: Iterator[Picture], times: NDArray[np.float64]) -> Path:
    """Write RGB pictures (height and width even) as MP4, each shown at its own time in seconds.

    Parameters
    ----------
    path: ends in ``.mp4``.
    pictures: (H, W, 3) uint8 each, drawn only once the path is known to fit.
    times: (T,) seconds.

    Raises
    ------
    OutputError: another ending, or a place that can't be written.
    """
    target = Path(path)
    if target.suffix.lower() != ".mp4":
        raise OutputError(f"{target.name} has an ending that a video can't be written to; use .mp4.")
    with atomic_file(target) as unfinished:
        try:
            _encode(unfinished, pictures, times)
        except av.FFmpegError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{target.name} could not be written ({reason}); nothing of it was kept.") from error
    return target


def _encode(path: Path, pictures: Iterator[Picture], times: NDArray[np.float64]) -> None:
    steps = np.diff(times)
    last = float(np.median(steps)) if len(steps) else 0.04
    durations = np.append(steps, last)
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    options = {"crf": "17", "preset": "medium", "bf": "0"} if codec == "libx264" else {"qscale": "2"}
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream(codec, rate=Fraction(1.0 / last).limit_denominator(1000), options=options)
        if not isinstance(stream, av.VideoStream):
            raise TypeError(codec)
        stream.codec_context.time_base = Fraction(1, _CLOCK)
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if number == 0:  # the encoder takes its size from the first picture
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.time_base = Fraction(1, _CLOCK)
            frame.pts = round(float(times[number]) * _CLOCK)
            frame.duration = round(float(durations[number]) * _CLOCK)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@dataclass(frozen=True)
class _Painter:
    """Paints frames of the video: head with phase and numbers, clip with contours, curve with a play head, foot."""

    segmented: SegmentedSequence
    measurements: Measurements | None
    behind: Backdrop
    size: tuple[int, int]
    series: FrameSeries | None
    base: Image.Image
    curve: NDArray[np.float64]

    @classmethod
    def of(cls, segmented: SegmentedSequence, measurements: Measurements | None, behind: Backdrop) -> _Painter:
        row0, row1, column0, column1 = behind.box
        rows, columns = (row1 - row0) * pixel_aspect(segmented.sequence), column1 - column0
        scale = max(1.0, _TALL / rows)
        height, width = (2 * round(scale * length / 2) for length in (rows, columns))
        width = max(width, 480)
        series = None
        if measurements is not None:
            series = measurements.per_frame.get("lv_volume") or measurements.per_frame.get("lv_area")
            if series is not None and not np.isfinite(series.values).any():
                series = None
        base = Image.new("RGB", (width, _HEAD + height + (_CURVE if series else 0) + _FOOT), BACKGROUND)
        curve = np.zeros((0, 2))
        if series is not None and measurements is not None:
            curve = _draw_curve(base, segmented, measurements, series, _HEAD + height)
        draw = ImageDraw.Draw(base)
        foot = f"EchoODE · {DISCLAIMER}"
        draw.text((width - 12, base.height - 8), foot, QUIET, font(12), anchor="rs")
        return cls(segmented, measurements, behind, (height, width), series, base, curve)

    def paint(self, frame: int) -> Picture:
        picture = self.base.copy()
        picture.paste(Image.fromarray(self._clip(frame)), (0, _HEAD))
        draw = ImageDraw.Draw(picture)
        self._write_head(draw, frame, picture.width)
        if len(self.curve):
            x, y = self.curve[frame]
            top = _HEAD + self.size[0] + 18
            draw.line((x, top, x, top + _CURVE - 30), TEXT, 1)
            if np.isfinite(y):
                draw.ellipse((x - 4, y - 4, x + 4, y + 4), _LV, "black")
        return np.asarray(picture)

    def _clip(self, frame: int) -> Picture:
        row0, row1, column0, column1 = self.behind.box
        height, width = self.size
        shown = self.behind.frames[frame, row0:row1, column0:column1]
        across = min(
            width, 2 * round(height * (column1 - column0) / ((row1 - row0) * pixel_aspect(self.segmented.sequence)) / 2)
        )
        enlarged = cv2.resize(shown, (across, height), interpolation=cv2.INTER_CUBIC)
        picture = cv2.cvtColor(enlarged, cv2.COLOR_GRAY2RGB)
        scale = np.array([across / (column1 - column0), height / (row1 - row0)])
        thickness = 2 if height >= 600 else 1
        over = picture.copy()
        for label, lines in outlines(self.segmented.masks[frame]).items():
            # Pixel centres lie half a pixel inside; cv2 takes fixed point with 4 binary digits here.
            points = [np.round(((line - [column0, row0] + 0.5) * scale - 0.5) * 16).astype(np.int32) for line in lines]
            cv2.polylines(over, points, True, STRUCTURES[label].color, thickness, cv2.LINE_AA, 4)
        for line in calipers(self.segmented, frame):
            begin, end = np.round(((line - [column0, row0] + 0.5) * scale - 0.5) * 16).astype(np.int32).tolist()
            cv2.line(over, begin, end, ImageColor.getrgb(TEXT)[:3], thickness, cv2.LINE_AA, 4)
        picture = cv2.addWeighted(over, 0.85, picture, 0.15, 0)
        side = width - across
        return np.pad(picture, ((0, 0), (side // 2, side - side // 2), (0, 0)))

    def _write_head(self, draw: ImageDraw.ImageDraw, frame: int, width: int) -> None:
        clip = self.segmented.sequence
        left = 14.0
        if self.measurements is not None:
            phase, color = _phase(self.measurements, frame)
            if phase:
                draw.text((left, 28), phase, color, font(26, bold=True), anchor="lm")
            left += 58
        line = f"{clip.view.value if clip.view.value != 'unknown' else ''}  frame {frame}  {clip.times[frame]:.2f} s"
        draw.text((left, 20), line.strip(), TEXT, font(15), anchor="lm")
        if self.measurements is not None:
            draw.text((left, 41), headline(self.measurements).replace("   ", " "), QUIET, font(12), anchor="lm")
        if self.series is not None:
            value = spoken(float(self.series.values[frame]), self.series.unit)
            draw.text((width - 14, 24), f"LV {value}", _LV, font(20, bold=True), anchor="rm")


def _draw_curve(
    base: Image.Image, segmented: SegmentedSequence, measurements: Measurements, series: FrameSeries, top: int
) -> NDArray[np.float64]:
    """Draw the still curve; returns (T, 2), where each frame's point lies."""
    times = segmented.sequence.times
    left, right = 52.0, base.width - 16.0
    upper, lower = top + 26.0, top + _CURVE - 22.0
    unit, factor = reading_unit(series.unit)
    values = series.values * factor
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = max(high - low, 1e-6)
    x = left + (right - left) * times / max(float(times[-1]), 1e-6)
    y = lower - (lower - upper) * (values - low) / span
    # Drawn four times as large and reduced: PIL's lines have no smooth edges of their own.
    fine = Image.new("RGB", (base.width * 4, _CURVE * 4), BACKGROUND)
    draw = ImageDraw.Draw(fine)
    shade = tuple(channel + 10 for channel in ImageColor.getrgb(BACKGROUND)[:3])
    for beat in measurements.beats:
        if beat.next_ed_frame is not None:
            draw.rectangle((x[beat.ed_frame] * 4, 72, x[beat.next_ed_frame] * 4, (_CURVE - 12) * 4), shade)
    for level in (upper, lower):
        draw.line((left * 4, (level - top) * 4, right * 4, (level - top) * 4), LINE, 3)
    for frames, color in ((measurements.ed_frames, ED_COLOR), (measurements.es_frames, ES_COLOR)):
        for frame in frames:
            draw.line((x[frame] * 4, 72, x[frame] * 4, (_CURVE - 12) * 4), color, 4)
    points = [(px * 4, (py - top) * 4) for px, py in zip(x, y, strict=True) if np.isfinite(py)]
    draw.line(points, _LV, 9, joint="curve")
    base.paste(fine.resize((base.width, _CURVE), Image.Resampling.LANCZOS), (0, top))
    draw = ImageDraw.Draw(base)
    for level, value in ((upper, high), (lower, low)):
        draw.text((left - 8, level), f"{value:.0f}", QUIET, font(12), anchor="rm")
    draw.text((8, top + 4), f"LV {unit}", QUIET, font(12), anchor="lt")
    for frames, color, name in ((measurements.ed_frames, ED_COLOR, "ED"), (measurements.es_frames, ES_COLOR, "ES")):
        for frame in frames:
            draw.text((float(np.clip(x[frame], left + 6, right - 8)), top + 15), name, color, font(11), anchor="ms")
    return np.column_stack((x, y))


def _phase(measurements: Measurements, frame: int) -> tuple[str, str]:
    if frame in measurements.ed_frames:
        return "ED", ED_COLOR
    if frame in measurements.es_frames:
        return "ES", ES_COLOR
    return "", TEXT


def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The pictures' typeface, for drawing on frames."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
