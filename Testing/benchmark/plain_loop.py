"""What ``scripts/benchmark batch`` compares with: a loop over clips in one process, as one writes it oneself."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
from EchoODELib.engine.errors import EchoODEError
from EchoODELib.engine.export.masks import write_masks
from EchoODELib.engine.export.results import results_document, write_results
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.measure import measure
from EchoODELib.engine.segment import Segmenter


def main(folder: Path, output: Path, model: str, device: str) -> None:
    """Segment and measure all clips of a folder, write masks, results and a table."""
    segmenter = Segmenter(model, device=device)
    rows = []
    for path in sorted(folder.iterdir()):
        try:
            clip = read_clip(path)
            segmented = segmenter.segment(clip)
            found = measure(segmented)
        except EchoODEError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
            continue
        write_masks(output / path.stem / "masks.nii.gz", segmented)
        write_results(output / path.stem / "results.json", results_document(clip, found))
        means = {f"{name} ({value.unit})": value.mean for name, value in found.summary.items()}
        rows.append({"file": path.name, **means})
    pd.DataFrame(rows).to_csv(output / "results.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
