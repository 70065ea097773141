"""How well a model segments: Dice and Hausdorff distance against experts, at the files' own pixels.

python -m EchoODETrainingLib.evaluate camus_4ch/valid --model unet-camus-a4c
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from EchoODELib.engine.errors import EchoODEError
from EchoODELib.engine.metrics import dice, hausdorff
from EchoODELib.engine.models.inference import class_probabilities
from EchoODELib.engine.models.preparation import Fit, standardise
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import EchoSequence, Label, View
from EchoODELib.engine.weights import DEFAULT_MODEL
from torch import nn

from .datasets.camus import read_camus
from .datasets.frames import LabelledFrame

STRUCTURES = (Label.LV, Label.MYOCARDIUM, Label.LA)


def mean_dice(
    network: nn.Module,
    frames: Sequence[LabelledFrame],
    size: tuple[int, int],
    *,
    device: torch.device,
    half: bool = False,
) -> dict[str, float]:
    """Mean over frames of each structure's Dice, for a bare network, without flips or cleaning.

    Parameters
    ----------
    network: (B, 1, rows, columns) to logits, on ``device``; its training mode is restored.
    frames: with masks.
    size: (rows, columns) of the network's input.
    half: whether to compute in bfloat16.

    Returns
    -------
    "lv", "myocardium" and "la" to 0..1.
    """
    training = network.training
    network.eval()
    scores: dict[str, list[float]] = {label.name.lower(): [] for label in STRUCTURES}
    for frame in frames:
        fit = Fit.of(frame.box, size, frame.spacing)
        inside = fit.to_input(frame.sector.astype(np.uint8)).astype(bool)
        network_input = standardise(fit.to_input(np.where(frame.sector, frame.image, np.uint8(0))), inside)
        maps = class_probabilities(network, network_input[None], device=device, half=half)[0]
        found = np.zeros(frame.mask.shape, np.uint8)
        found[fit.box[0] : fit.box[1], fit.box[2] : fit.box[3]] = fit.to_box(maps.astype(np.float32)).argmax(0)
        for label in STRUCTURES:
            scores[label.name.lower()].append(dice(found == label, frame.mask == label))
    network.train(training)
    return {name: float(np.mean(values)) for name, values in scores.items()}


def as_clip(frame: LabelledFrame) -> EchoSequence:
    """A labelled frame as a clip of one frame."""
    return EchoSequence(frame.image[None], np.zeros(1), frame.spacing, View.A4C)


def scores_of(segmenter: Segmenter, frames: Sequence[LabelledFrame]) -> list[dict[str, float]]:
    """For each frame its name's scores: "lv_dice", "lv_hausdorff" (mm, px if uncalibrated) and so on."""
    found = []
    for frame in frames:
        mask = segmenter.segment(as_clip(frame)).masks[0]
        row = {}
        for label in STRUCTURES:
            name = label.name.lower()
            row[f"{name}_dice"] = dice(mask == label, frame.mask == label)
            row[f"{name}_hausdorff"] = hausdorff(
                mask == label, frame.mask == label, spacing=frame.spacing or (1.0, 1.0)
            )
        found.append(row)
    return found


def table_line(name: str, rows: Sequence[Mapping[str, float]], seconds: float) -> str:
    """One line of the table: means over frames."""
    dices = "  ".join(f"{np.mean([row[f'{label.name.lower()}_dice'] for row in rows]):.4f}" for label in STRUCTURES)
    reach = "  ".join(
        f"{np.nanmean([row[f'{label.name.lower()}_hausdorff'] for row in rows]):5.2f}" for label in STRUCTURES
    )
    return f"{name:28s}  {dices}   {reach}   {1000 * seconds / len(rows):6.0f}"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="EchoODETrainingLib.evaluate", description=__doc__)
    parser.add_argument("folder", type=Path, help="patients with masks, in the public CAMUS layout")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--worst", type=int, default=0, help="also name this many frames of the least LV Dice")
    given = parser.parse_args(arguments)
    try:
        frames = read_camus(given.folder, views=("4CH",))
        header = (
            f"{given.model}: {len(frames)} frames, means; Dice LV, myocardium, LA; Hausdorff mm, likewise; ms a frame"
        )
        sys.stdout.write(f"{header}\n")
        for flips, clean in ((False, False), (False, True), (True, False), (True, True)):
            segmenter = Segmenter(given.model, given.device, flips=flips, clean=clean)
            start = time.perf_counter()
            rows = scores_of(segmenter, frames)
            name = f"{'flips' if flips else 'no flips'}, {'cleaned' if clean else 'as is'}"
            sys.stdout.write(f"{table_line(name, rows, time.perf_counter() - start)}\n")
        for index in np.argsort([row["lv_dice"] for row in rows])[: given.worst]:
            sys.stdout.write(f"{frames[index].name}: LV {rows[index]['lv_dice']:.3f}\n")
    except EchoODEError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
