"""What machines burn into the pixels: text, a logo, a gray bar, depth marks and a running ECG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .settings import PhantomSettings


def burn_in(
    frames: NDArray[np.uint8], times: NDArray[np.float64], onsets: NDArray[np.float64], settings: PhantomSettings
) -> NDArray[np.uint8]:
    """The frames (T, H, W) with overlays drawn on; all are static but the ECG's cursor."""
    height, width = frames.shape[1:]
    static = np.zeros((height, width), np.uint8)
    size = height / 256

    def write(line: str, x: float, y: float) -> None:
        place = (int(x), int(y))
        cv2.putText(static, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.28 * size, (190.0,), 1, cv2.LINE_AA)

    rng = np.random.default_rng(settings.seed + 1)
    lines = [
        f"FR {settings.frame_rate:.0f}Hz",
        f"{rng.integers(10, 24)}cm",
        "2D",
        f"{rng.integers(45, 80)}%",
        "C 50",
        "P Low",
        "HPen",
    ]
    for k, line in enumerate(lines):
        write(line, 2, (10 + 10 * k) * size)
    write(f"{settings.heart_rate:.0f} bpm", width * 0.80, height * 0.97)
    # A gray bar at the right, a logo, depth ticks.
    bar = np.linspace(255, 0, int(height * 0.28)).astype(np.uint8)[:, None]
    column = int(width * 0.965)
    static[int(height * 0.06) : int(height * 0.06) + len(bar), column : column + max(3, int(5 * size))] = bar
    centre = (int(width * 0.88), int(height * 0.06))
    cv2.ellipse(static, centre, (int(9 * size), int(6 * size)), 0, 0, 360, 170, 1, cv2.LINE_AA)
    write("S", centre[0] - 3 * size, centre[1] + 3 * size)
    for k in range(1, 12):
        y = int(height * k / 12)
        static[y, width - max(2, int((4 if k % 5 else 7) * size)) :] = 200

    result = np.maximum(frames, static)
    trace = _ecg(times, onsets, width)
    base, tall = int(height * 0.93), 0.09 * height
    columns = np.arange(width)
    path = np.stack([columns, base - tall * trace], -1)
    drawn = np.zeros((height, width), np.uint8)
    cv2.polylines(drawn, [np.round(path * 16).astype(np.int32)], False, 200, 1, cv2.LINE_AA, 4)
    for t, time in enumerate(times):
        frame = np.maximum(result[t], drawn)
        cursor = int((width - 1) * (time - times[0]) / max(times[-1] - times[0], 1e-9))
        frame[base - int(0.5 * tall) : base + int(0.3 * tall), cursor] = 255
        result[t] = frame
    return np.asarray(result)


def _ecg(times: NDArray[np.float64], onsets: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """A trace (width,) over the clip's time: P, QRS and T waves around each onset (the R peak)."""
    t = np.linspace(times[0], times[-1], width)
    trace = np.zeros(width)
    lengths = np.diff(onsets, append=2 * onsets[-1] - onsets[-2])
    for onset, length in zip(onsets, lengths, strict=True):
        for at, spread, tall in ((-0.16, 0.025, 0.13), (-0.03, 0.010, -0.12), (0.0, 0.012, 1.0), (0.03, 0.012, -0.22)):
            trace += tall * np.exp(-(((t - onset - at) / spread) ** 2))
        trace += 0.26 * np.exp(-(((t - onset - 0.32 * np.sqrt(length)) / (0.055 * np.sqrt(length))) ** 2))
    return trace
