"""Stands in for the trainer where a test needs it to behave in a certain way: it keeps to the run folder's contract.

What it does is the recipe's ``name``: ``steady`` trains on, ``short`` ends soon, ``crash`` dies in the middle,
``wrong`` refuses, ``mute`` dies without a word, ``deaf`` reads no control. It is judged as the ``task`` asks for.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import sys
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path

import yaml

STEP_S = 0.01


def png(path: Path, gray: int) -> None:
    """A small picture of one colour, its upper half darker."""
    rows = b"".join(b"\0" + bytes([gray // (2 if row < 30 else 1), gray, 90] * 120) for row in range(60))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 120, 60, 8, 2, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


class Trainer:
    def __init__(self, run: Path, recipe: dict[str, object], resume: bool) -> None:
        self.run, self.name, self.task = run, str(recipe["name"]), str(recipe.get("task", "segmentation"))
        self.steps = 40 if self.name == "short" else 100_000
        self.told: dict[str, object] = {"best": None, "model": "", "message": ""}
        state = run / "checkpoints" / "last.json"
        self.step = json.loads(state.read_text())["step"] if resume else 0

    def say(self, state: str, **changes: object) -> None:
        self.told |= changes
        told = {
            "state": state,
            "pid": os.getpid(),
            "name": self.name,
            "started": datetime.now(UTC).isoformat(),
            "updated": datetime.now(UTC).isoformat(),
            "step": self.step,
            "steps": self.steps,
            "epoch": self.step // 10 + 1,
            "epochs": self.steps // 10,
            "seconds_left": (self.steps - self.step) * STEP_S,
            **self.told,
        }
        unfinished = self.run / "status.new"
        unfinished.write_text(json.dumps(told))
        unfinished.replace(self.run / "status.json")

    def control(self) -> str:
        path = self.run / "control"
        return path.read_text().strip() if path.is_file() and self.name != "deaf" else ""

    def train(self) -> None:
        self.say("preparing")
        metrics = self.run / "metrics.csv"
        if not metrics.exists():
            metrics.write_text(f"step,epoch,seconds,loss,learning_rate,{','.join(JUDGED[self.task])}\n")
        while self.step < self.steps:
            word = self.control()
            if word == "stop":
                self.end("stopped")
                return
            if word == "pause":
                self.say("paused", seconds_left=None)
                time.sleep(STEP_S)
                continue
            self.told.pop("seconds_left", None)
            self.one_step(metrics)
            if self.name == "crash" and self.step == 15:
                os._exit(9)
        self.end("done")

    def one_step(self, metrics: Path) -> None:
        time.sleep(STEP_S)
        self.step += 1
        judged = self.figures() if self.step % 10 == 0 else {}
        valid = ",".join(f"{judged[name]:.4f}" if name in judged else "" for name in JUDGED[self.task])
        with metrics.open("a") as file:
            file.write(f"{self.step},{self.step // 10 + 1},{self.step * STEP_S},{3 / self.step:.4f},0.001,{valid}\n")
        if self.step % 10 == 0:
            png(self.run / "previews" / f"epoch-{self.step // 10:03d}.png", min(250, self.step))
            (self.run / "checkpoints").mkdir(exist_ok=True)
            (self.run / "checkpoints" / "last.json").write_text(json.dumps({"step": self.step}))
            best = {name.removeprefix("valid_"): value for name, value in judged.items()}
            self.told["best"] = {**best, "la": None} if self.task == "segmentation" else best
        self.say("running")

    def figures(self) -> dict[str, float]:
        left = 1 / self.step
        return {
            "segmentation": {"valid_lv": 0.9 - left, "valid_myocardium": 0.8 - left},
            "ejection_fraction": {"valid_mae": 4 + 80 * left, "valid_r2": 0.8 - 30 * left},
        }[self.task]

    def end(self, state: str) -> None:
        self.say(state, message="So it is.", seconds_left=None)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("recipe", nargs="?")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--data", action="append", default=[])
    parser.add_argument("--device", default="auto")
    for flag in ("--resume", "--plan", "--json"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    recipe = yaml.safe_load(((options.run / "recipe.yaml") if options.resume else Path(options.recipe)).read_text())
    if recipe["name"] == "wrong" and not options.plan:
        print("Error: The recipe wrong: size: it must be two numbers.", file=sys.stderr)
        return 10
    if recipe["name"] == "mute":
        return 3
    if options.plan:
        print(json.dumps({**PLAN, "name": recipe["name"], "batch": recipe["batch"]}))
        return 0
    (options.run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    Trainer(options.run, recipe, options.resume).train()
    return 0


JUDGED = {
    "segmentation": ("valid_lv", "valid_myocardium", "valid_la"),
    "ejection_fraction": ("valid_mae", "valid_r2"),
}
PLAN = {
    "architecture": "unet",
    "size": [64, 64],
    "device": "cpu",
    "parameters": 19976,
    "data": [{"for": "train", "kind": "phantom", "clips": 6, "patients": 6}],
    "epochs": 3,
    "steps": 60,
    "start_from": "",
    "seconds_a_step": 0.02,
    "seconds": 7300.0,
}

if __name__ == "__main__":
    sys.exit(main())
