"""Times one network: ``python -m Testing.benchmark.model_timing KEY`` prints its figures as JSON.

Each network has a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import cv2
import numpy as np
import torch
from EchoODELib.engine.combination import BATCH
from EchoODELib.engine.models.inference import Batches, choose_device
from EchoODELib.engine.models.per_frame import takes_clips
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.streaming import FrameSource, WindowSource, moments
from EchoODELib.engine.windows_over_time import WindowPlan
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from .model_cases import FRAMES, Case, Colour, by_key, solver_choices

_RATE = 50.0
_INPUTS, _OUTPUTS = 4, 7
_ENOUGH_SECONDS = 30.0
TIGHT = 1e-6
"""Tolerance of the solver that others are held against; float32 has not much more."""


def least(run: Callable[[], object], device: torch.device, repeats: int) -> tuple[float, float]:
    """Seconds by the clock and on the processor of the quickest of ``repeats`` runs, each its own quickest.

    No further run begins after half a minute.
    """
    clock, processor, begun = float("inf"), float("inf"), time.perf_counter()
    for number in range(repeats):
        if number and time.perf_counter() - begun > _ENOUGH_SECONDS:
            break
        start, busy = time.perf_counter(), time.process_time()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        clock = min(clock, time.perf_counter() - start)
        processor = min(processor, time.process_time() - busy)
    return clock, processor


def pass_inputs(case: Case, network: nn.Module, device: torch.device) -> tuple[torch.Tensor, ...]:
    """What one forward pass is given: 4 frames and 7 output times as in paper 000, or one frame."""
    torch.manual_seed(1)
    if not takes_clips(network):
        frame = torch.randn(1, case.channels, *case.size, device=device)
        return (frame.contiguous(memory_format=torch.channels_last),)
    frames = torch.randn(1, _INPUTS, case.channels, *case.size, device=device)
    return frames, torch.linspace(0, 1, _INPUTS, device=device), torch.linspace(0, 1, _OUTPUTS, device=device)


def count_macs(network: nn.Module, inputs: tuple[torch.Tensor, ...]) -> float:
    """Multiply-accumulates of a forward pass, in units of 10^9."""
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops() / 2e9


def put_through(case: Case, network: nn.Module, frames: np.ndarray, device: torch.device) -> int:
    """A whole video (T, rows, columns) through a network; the number of frames that got probabilities."""
    gray = Colour(network, case.channels)
    if case.plain:
        return _plain_loop(gray, frames, device)
    times = np.arange(len(frames)) / _RATE

    def read(wanted: object) -> np.ndarray:
        return frames[list(wanted)]

    batch = case.batch
    if takes_clips(network):
        source = WindowSource(gray, read, WindowPlan(times, case.use), device=device, half=case.half)
        batch = batch or max(1, BATCH[device.type] // case.use.inputs)
    else:
        source = FrameSource(gray, read, times, device=device, half=case.half)
        batch = batch or BATCH[device.type]
    return sum(1 for _ in moments(source, times.tolist(), Batches(batch, device), classes=case.classes))


def _plain_loop(network: nn.Module, frames: np.ndarray, device: torch.device) -> int:
    """Windows of 7 frames side by side, one after another, the last one shifted back to the end."""
    found = 0
    starts = [*range(0, len(frames) - _OUTPUTS, _OUTPUTS), len(frames) - _OUTPUTS]
    given, asked = torch.linspace(0, 1, _INPUTS, device=device), torch.linspace(0, 1, _OUTPUTS, device=device)
    with torch.inference_mode():
        for start in starts:
            window = torch.from_numpy(frames[start : start + _OUTPUTS : 2]).to(device)[None, :, None]
            found += len(network(window, given, asked).logits[0].softmax(1).cpu())
    return found


def video(size: tuple[int, int], frames: int) -> np.ndarray:
    """A simulated clip, standardised, (T, rows, columns) float32."""
    clip = simulate(PhantomSettings(frames=min(frames, 43), frame_rate=_RATE, seed=11)).sequence.frames
    shown = np.stack([cv2.resize(frame, size[::-1], interpolation=cv2.INTER_AREA) for frame in clip])
    shown = shown[np.arange(frames) % len(shown)].astype(np.float32)
    return (shown - shown.mean()) / shown.std()


def measure(case: Case, device: torch.device, repeats: int, frames: int) -> dict[str, float]:
    """All figures of a case."""
    shown = video(case.size, frames)
    before = _memory(device)
    network = case.network(device)
    inputs = pass_inputs(case, network, device)
    figures: dict[str, float] = {"parameters": sum(p.numel() for p in case.build().parameters())}
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16) if case.half else nullcontext():
        figures["gmac"] = count_macs(network, inputs)
        least(lambda: network(*inputs), device, 2)
        clock, processor = least(lambda: network(*inputs), device, 3 * repeats)
    figures |= {"pass_ms": 1e3 * clock, "pass_cpu_ms": 1e3 * processor}
    put_through(case, network, shown[:14], device)
    clock, processor = least(lambda: put_through(case, network, shown, device), device, repeats)
    figures |= {"video_s": clock, "video_cpu_s": processor, "memory_mb": (_memory(device) - before) / 2**20}
    return figures


def measure_solvers(case: Case, device: torch.device, repeats: int) -> dict[str, dict[str, float]]:
    """Solvers of the forward ODE of one network: evaluations, time, and the error against a tight dopri5."""
    network = case.network(device)
    shown = torch.from_numpy(video(case.size, 28)).to(device)
    windows = torch.stack([shown[start : start + 7 : 2] for start in (0, 7, 14, 21)])[:, :, None]
    frames = windows.expand(-1, -1, case.channels, -1, -1)
    given, asked = torch.linspace(0, 1, _INPUTS, device=device), torch.linspace(0, 1, _OUTPUTS, device=device)
    calls = []
    network.forward_ode.rest.register_forward_hook(lambda *_: calls.append(1))
    published = network.forward_ode.solver
    figures: dict[str, dict[str, float]] = {}
    with torch.inference_mode():
        network.forward_ode.solver = replace(published, method="dopri5", rtol=TIGHT, atol=TIGHT)
        truth = network(frames, given, asked).logits.softmax(2)
        for name, solver in solver_choices():
            network.forward_ode.solver = solver
            calls.clear()
            found = network(frames, given, asked).logits.softmax(2)
            evaluations = len(calls)
            clock, processor = least(lambda: network(frames[:1], given, asked), device, repeats)
            differing = (found.argmax(2) != truth.argmax(2)).float().mean()
            figures[name] = {
                "evaluations": evaluations,
                "pass_ms": 1e3 * clock,
                "pass_cpu_ms": 1e3 * processor,
                "worst": float((found - truth).abs().max()),
                "mean": float((found - truth).abs().mean()),
                "pixels": float(differing),
            }
    return figures


def _memory(device: torch.device) -> int:
    """Most bytes in use so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def main() -> None:
    """Time the case that is named and print its figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("key")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--solvers", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    device, case = choose_device(given.device), by_key()[given.key]
    load = os.getloadavg()[0]
    if given.solvers:
        figures: dict[str, object] = dict(measure_solvers(case, device, given.repeats))
    else:
        figures = {**measure(case, device, given.repeats, given.frames), "load": max(load, os.getloadavg()[0])}
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
