"""Times one model in live use: ``python -m Testing.benchmark.live_timing KEY CLIP`` prints its figures as JSON.

Each model has a process of its own, with as many threads as it is given.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.live.beats import BeatByBeat
from EchoODELib.engine.live.choice import LIVE_MODEL, live_models
from EchoODELib.engine.live.segmenter import StreamingSegmenter
from EchoODELib.engine.live.session import LiveSession
from EchoODELib.engine.live.sources import ClipPlayer, gray
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import MODELS_VARIABLE, find_card, save_model

INPUT = (256, 256)
RATE = 30.0
_WARM = 8
_STAGES = ("reading", "before and after", "network", "beats")


@dataclass(frozen=True)
class LiveCase:
    """A model that is timed.

    Attributes
    ----------
    key: of a shipped model its name, of an untrained network its architecture.
    name: for the table.
    shipped: whether it has weights.
    """

    key: str
    name: str
    shipped: bool


def live_cases() -> list[LiveCase]:
    """Every model that can be used live, and the papers' networks at their published or default size."""
    shipped = [
        LiveCase(card.name, f"{card.name}, {card.input_size[0]}x{card.input_size[1]}", True) for card in live_models()
    ]
    side = f"{INPUT[0]}x{INPUT[1]}"
    return [
        *shipped,
        LiveCase("multi_view_unet", f"paper 002, multi-view network, {side}", False),
        LiveCase("multi_view_conv_lstm", f"paper 002, ConvLSTM in its encoder, {side}", False),
        LiveCase("ral", f"paper 004, recurrent aggregation learning, {side}", False),
    ]


def prepared(key: str, folder: Path) -> str:
    """The name of a case's model; an untrained network's is written into ``folder`` first."""
    case = next((case for case in live_cases() if case.key == key), None)
    if case is None:
        raise SystemExit(f"There is no case {key!r}.")
    if case.shipped:
        return key
    torch.manual_seed(0)
    card = replace(find_card(LIVE_MODEL), name=key, architecture=key, configuration={}, input_size=INPUT, use={})
    save_model(build_model(key).eval(), card, folder)
    before = os.environ.get(MODELS_VARIABLE, "")
    os.environ[MODELS_VARIABLE] = os.pathsep.join(part for part in (str(folder), before) if part)
    return key


def pictures(path: Path) -> Iterator[np.ndarray]:
    """Gray frames of a video, decoded one by one, again and again."""
    while True:
        capture = cv2.VideoCapture(str(path))
        there, picture = capture.read()
        if not there:
            raise SystemExit(f"{path} can't be read.")
        while there:
            yield gray(picture)
            there, picture = capture.read()
        capture.release()


def each_frame(segmenter: StreamingSegmenter, path: Path, frames: int) -> dict[str, np.ndarray]:
    """Seconds of each frame by stage, one frame right after the other; "all" by the clock, "processor" of all cores."""
    clip = read_clip(path)
    segmenter.start(clip.frames, clip.source)
    beats, stream = BeatByBeat(segmenter.spacing), pictures(path)
    times: dict[str, list[float]] = {name: [] for name in (*_STAGES, "all", "processor")}
    for number in range(_WARM + frames):
        busy, start = time.process_time(), time.perf_counter()
        frame = next(stream)
        read = time.perf_counter()
        found = segmenter.push(frame, number / RATE)
        pushed = time.perf_counter()
        beats.feed(found.time, found.lv_area, found.mask)
        end = time.perf_counter()
        told = (read - start, pushed - read - found.network_seconds, found.network_seconds, end - pushed)
        for name, seconds in zip(times, (*told, end - start, time.process_time() - busy), strict=True):
            times[name].append(seconds)
    return {name: np.array(seconds[_WARM:]) for name, seconds in times.items()}


def played(segmenter: StreamingSegmenter, path: Path, frames: int) -> tuple[int, int]:
    """Frames shown and skipped of a clip that plays at its own speed."""
    clip = read_clip(path, frame_rate=RATE)
    session = LiveSession(ClipPlayer(clip, rounds=math.ceil(frames / len(clip))), segmenter)
    for _ in session.run():
        pass
    return session.summary.shown, session.summary.dropped


def figures(times: Mapping[str, np.ndarray], shown: int, dropped: int) -> dict[str, float]:
    """What the table says of a case: milliseconds, and shares."""
    told = {name: 1e3 * float(np.median(seconds)) for name, seconds in times.items()}
    return {
        **told,
        # The curve is read on every third frame or so, which a median would not show.
        "beats": 1e3 * float(times["beats"].mean()),
        "slowest": 1e3 * float(np.percentile(times["all"], 99)),
        "network slowest": 1e3 * float(np.percentile(times["network"], 99)),
        "in time": float((times["all"] <= 1 / RATE).mean()),
        "shown": shown / max(1, shown + dropped),
    }


def main() -> None:
    """Time the case that is named and print its figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("key")
    parser.add_argument("clip", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=120)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        segmenter = StreamingSegmenter(prepared(given.key, Path(folder)), given.device)
    times = each_frame(segmenter, given.clip, given.frames)
    shown, dropped = played(segmenter, given.clip, given.frames)
    json.dump({**figures(times, shown, dropped), "load": max(load, os.getloadavg()[0])}, sys.stdout)


if __name__ == "__main__":
    main()
