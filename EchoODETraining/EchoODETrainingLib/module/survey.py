"""Looks into a data set and prints what it holds as JSON.

Usage: python -m EchoODETrainingLib.module.survey KIND[=FOLDER] [OPTIONS AS JSON]
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from EchoODELib.engine.errors import EchoODEError

from .data import SIMULATED, DataChoice, Options

PATIENCE_S = 4.0  # clips are read for so long; what the rest holds is reckoned from them


def survey(choice: DataChoice, options: Options) -> dict[str, Any]:
    """Clips and patients by split, and labelled frames.

    Raises
    ------
    UnreadableClip: the folder holds no such data; the message shows the layout expected.
    UnsuitableClip: a patient in two splits.
    """
    from ..datasets.base import SPLITS, open_data_set

    data = open_data_set(choice.kind, choice.folder, **options)
    entries = [entry for split in SPLITS for entry in data.entries(split)]
    read = labelled = 0
    deadline = time.monotonic() + PATIENCE_S
    for entry in entries if choice.kind != SIMULATED else entries[:1]:
        try:
            labelled += int(data.load(entry).labelled.sum())
            read += 1
        except EchoODEError as error:
            data.skip(entry.name, str(error))
        if time.monotonic() > deadline:
            break
    tried = read + len(data.skipped)
    by_split = {split: data.entries(split) for split in SPLITS}
    return {
        "clips": {split: len(some) for split, some in by_split.items()},
        "patients": {split: len({entry.patient for entry in some}) for split, some in by_split.items()},
        "labelled_frames": round(labelled * len(entries) / max(1, tried)),
        "exact": tried == len(entries),
        "notes": [data.skipped_summary()] if data.skipped else [],
    }


def main(text: str, options: str = "{}") -> int:
    """Print the survey, or what is wrong."""
    try:
        answer = survey(DataChoice.parse(text), json.loads(options))
    except EchoODEError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))  # noqa: T201 - the answer is for the panel
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
