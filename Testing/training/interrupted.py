"""A run as a program of its own, for tests that kill it or spread it over processes.

python interrupted.py RECIPE_JSON FOLDER [slow]
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from EchoODETrainingLib.fit import Outcome, Run
from EchoODETrainingLib.machine import Machine
from EchoODETrainingLib.run_folder import RunFolder
from EchoODETrainingLib.watch import Watcher
from safetensors.torch import save_file

from training.standins import Cutter, a_recipe, some_parts


class Printer(Watcher):
    """Prints losses, and takes its time if asked to."""

    def __init__(self, slow: bool = False) -> None:
        self.slow = slow
        self.losses: list[float] = []

    def line(self, text: str) -> None:
        print(text, flush=True)

    def measured(self, row: Mapping[str, float | int | None], parts: Mapping[str, float]) -> None:
        self.losses.append(float(row["loss"] or 0))
        if os.environ.get("RANK", "0") == "0":
            print(f"loss {row['loss']}", flush=True)

    def stepped(self, done: int, total: int, seconds_left: float | None) -> None:
        time.sleep(0.2 * self.slow)


def go(changes: Mapping[str, Any], folder: RunFolder, watcher: Printer, *, resume: bool = False) -> Outcome:
    recipe = a_recipe(**changes)
    window = recipe.window
    run = Run(
        recipe,
        some_parts(),
        lambda size: Cutter(size, window.inputs, window.outputs),
        machine=Machine("cpu", workers=0, threads=1, keep_seconds=0.0),
        folder=folder,
        watcher=watcher,
    )
    if resume:
        run.resume()
    return run.fit()


def main(changes: str, place: str, *words: str) -> int:
    folder = RunFolder.begin(Path(place), a_recipe(**json.loads(changes)))
    outcome = go(json.loads(changes), folder, Printer("slow" in words))
    if os.environ.get("RANK", "0") == "0":
        state = {name: value.contiguous() for name, value in outcome.network.state_dict().items()}
        save_file(state, Path(place) / "end.safetensors")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
