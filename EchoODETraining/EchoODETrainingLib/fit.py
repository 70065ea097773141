"""Train a segmentation network by a recipe, on CPU or GPU, and export it with its card.

    python -m EchoODETrainingLib.fit unet_camus.yaml --camus camus_4ch --output models

``--camus`` holds ``train`` and ``valid`` in the public layout; without it the recipe runs on phantoms.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from EchoODELib import __version__
from EchoODELib.engine.errors import EchoODEError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.inference import choose_device
from EchoODELib.engine.sequence import Label
from EchoODELib.engine.weights import ModelCard, load_model, save_model
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from .augment import Augmentation, Augmenter
from .datasets.camus import read_camus
from .datasets.frames import LabelledFrame
from .datasets.phantoms import cached_frames, simulate_frames
from .evaluate import mean_dice
from .losses import DeepDiceCrossEntropy
from .recipe import Recipe, Stage, read_recipe

Report = Callable[[str], None]


class Examples(IterableDataset[tuple[Tensor, Tensor]]):
    """An endless stream of augmented examples: real frames in a new order each epoch, phantoms strewn in."""

    def __init__(
        self,
        frames: list[LabelledFrame],
        phantoms: list[LabelledFrame],
        share: float,
        settings: Augmentation,
        size: tuple[int, int],
        seed: int,
    ) -> None:
        self.frames, self.phantoms, self.share = frames, phantoms, share if frames else 1.0
        self.settings, self.size, self.seed = settings, size, seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        worker = get_worker_info()
        seed = self.seed if worker is None else self.seed + 7919 * (worker.id + 1)
        if worker is not None:
            cv2.setNumThreads(1)
        random, augment = np.random.default_rng(seed), Augmenter(self.settings, self.size, seed + 1)
        while True:
            for index in random.permutation(max(1, len(self.frames))):
                while self.phantoms and random.random() < self.share:
                    yield _tensors(augment(self.phantoms[random.integers(len(self.phantoms))]))
                    if not self.frames:
                        break
                if self.frames:
                    yield _tensors(augment(self.frames[index]))


def _tensors(example: tuple[np.ndarray, np.ndarray]) -> tuple[Tensor, Tensor]:
    image, mask = example
    return torch.from_numpy(image[None]), torch.from_numpy(mask.astype(np.int64))


def fit(
    recipe: Recipe,
    train: list[LabelledFrame],
    valid: list[LabelledFrame],
    phantoms: list[LabelledFrame],
    *,
    device: str = "auto",
    workers: int = 1,
    report: Report = print,
    every_epochs: int = 10,
    before_step: Callable[[], None] = lambda: None,
    keep: Callable[[nn.Module], None] = lambda network: None,
) -> tuple[nn.Module, dict[str, float]]:
    """Train by a recipe.

    Parameters
    ----------
    recipe: what to do.
    train, valid: real frames to learn from and to choose on; either may be empty.
    phantoms: simulated frames; the only ones where ``train`` is empty.
    device: "auto", "cpu" or "cuda".
    workers: processes that augment; 0 augments in this one.
    report: gets a line now and then.
    every_epochs: how often the averaged network is evaluated on ``valid``.
    before_step: called before each step (to yield a shared machine, say).
    keep: gets the averaged network after each evaluation that is the best so far.

    Returns
    -------
    The averaged network as it was at its best on ``valid`` (at the end, without ``valid``), on the CPU in
    evaluation mode, and its mean Dice by label name.

    Raises
    ------
    DeviceError: the device is absent.
    WeightsError: the model to start from, or the architecture, can't be had.
    """
    torch.manual_seed(recipe.seed)
    chosen = choose_device(device)
    if recipe.start_from:
        network = load_model(recipe.start_from)[0]
    else:
        network = build_model(recipe.architecture, **recipe.configuration)
    network = network.to(chosen, memory_format=torch.channels_last).train()
    average = AveragedModel(network, multi_avg_fn=_ramped_average(recipe.average), use_buffers=True)
    criterion = DeepDiceCrossEntropy()
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    per_epoch = [max(1, math.ceil(len(train or phantoms) / recipe.batch))] * len(recipe.stages)
    steps = sum(n * stage.epochs for n, stage in zip(per_epoch, recipe.stages, strict=True))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=steps + 1, pct_start=recipe.warm_up
    )
    best: dict[str, float] = {}
    best_state = {}
    start, epoch, losses = time.perf_counter(), 0, []

    for number, stage in enumerate(recipe.stages):
        batches = _batches(recipe, stage, number, train, phantoms, workers)
        for stage_epoch, step in itertools.product(range(stage.epochs), range(per_epoch[number])):
            before_step()
            images, masks = (part.to(chosen, non_blocking=True) for part in next(batches))
            with torch.autocast(chosen.type, torch.bfloat16, enabled=recipe.half):
                logits = network.deep_logits(images.contiguous(memory_format=torch.channels_last))
            loss = criterion(logits, masks)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
            losses.append(float(loss.detach()))
            if step + 1 < per_epoch[number]:
                continue
            epoch += 1
            line = f"epoch {epoch} {stage.size} loss {np.mean(losses):.4f} {time.perf_counter() - start:.0f} s"
            losses = []
            last = number == len(recipe.stages) - 1 and stage_epoch == stage.epochs - 1
            if valid and (last or epoch % every_epochs == 0):
                scores = mean_dice(average.module, valid, stage.size, device=chosen, half=recipe.half)
                line += " valid " + " ".join(f"{name} {value:.4f}" for name, value in scores.items())
                if number == len(recipe.stages) - 1 and (not best or sum(scores.values()) > sum(best.values())):
                    best = scores
                    best_state = {k: v.detach().clone() for k, v in average.module.state_dict().items()}
                    keep(average.module)
            report(line)
        del batches
    if best_state:
        average.module.load_state_dict(best_state)
    return average.module.cpu().eval(), best


def _ramped_average(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    """Exponential moving average whose memory grows with the number of steps, so that the start is forgotten."""

    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        steps = float(count)
        get_ema_multi_avg_fn(min(decay, (1 + steps) / (10 + steps)))(averaged, current, count)

    return update


def _batches(
    recipe: Recipe,
    stage: Stage,
    number: int,
    train: list[LabelledFrame],
    phantoms: list[LabelledFrame],
    workers: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    seed = recipe.seed * 1000 + number * 31
    examples = Examples(train, phantoms, recipe.phantom_share, recipe.augmentation, stage.size, seed)
    # Forked workers can inherit a lock of OpenCV's thread pool, which nobody will release there.
    context = "spawn" if workers else None
    return iter(DataLoader(examples, batch_size=recipe.batch, num_workers=workers, multiprocessing_context=context))


def card_of(recipe: Recipe, scores: Mapping[str, float]) -> ModelCard:
    """The model card of a recipe's outcome; its checksum is filled in when it is saved."""
    settings = dataclasses.asdict(recipe)
    for key in ("card", "architecture", "configuration", "name"):
        del settings[key]
    settings["stages"] = [{"size": list(s.size), "epochs": s.epochs} for s in recipe.stages]
    settings["augmentation"]["scale"] = list(recipe.augmentation.scale)
    texts = {key: tuple(value) if isinstance(value, list) else value for key, value in recipe.card.items()}
    return ModelCard(
        name=recipe.name,
        task="segmentation",
        architecture=recipe.architecture,
        configuration=dict(recipe.configuration),
        input_size=recipe.stages[-1].size,
        labels=tuple(label.name.lower() for label in Label),
        weights="",
        sha256="",
        figures={"valid_while_training": {name: round(value, 4) for name, value in scores.items()}} if scores else {},
        training={**settings, "software": __version__},
        **texts,
    )


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="EchoODETrainingLib.fit", description=__doc__)
    parser.add_argument("recipe", type=Path, help="a YAML file, or the name of a shipped recipe")
    parser.add_argument("--camus", type=Path, help="folder with train/ and valid/ in the public CAMUS layout")
    parser.add_argument("--output", type=Path, default=Path("models"), help="folder for the weights and their card")
    parser.add_argument("--cache", type=Path, help="folder to keep simulated frames in")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        recipe = read_recipe(given.recipe)
        train = read_camus(given.camus / "train", views=("4CH",)) if given.camus else []
        valid = read_camus(given.camus / "valid", views=("4CH",)) if given.camus else []
        clips, frames = recipe.phantom_clips, recipe.phantom_frames
        if given.cache:
            phantoms = cached_frames(given.cache, clips, frames=frames, seed=recipe.seed)
        else:
            phantoms = simulate_frames(clips, frames=frames, seed=recipe.seed)

        def say(line: str) -> None:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

        def keep(network: nn.Module) -> None:
            save_model(network, card_of(recipe, {}), given.output)

        network, scores = fit(
            recipe, train, valid, phantoms, device=given.device, workers=given.workers, report=say, keep=keep
        )
        card = save_model(network, card_of(recipe, scores), given.output)
        say(f"{card.path}")
    except EchoODEError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
