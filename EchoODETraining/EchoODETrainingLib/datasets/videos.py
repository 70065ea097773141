"""What the data sets of video files share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from EchoODELib.engine.errors import UnreadableClip
from EchoODELib.engine.sector import find_sector
from EchoODELib.engine.sequence import EchoSequence
from numpy.typing import NDArray

from .clips import lit_area


def read_table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """A CSV file that has at least these columns.

    Raises
    ------
    UnreadableClip: missing, damaged or without a column.
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise UnreadableClip(f"{path.name} can't be read ({error}); copy it from the archive again.") from error
    if missing := [name for name in columns if name not in table.columns]:
        raise UnreadableClip(f"{path.name} has no column {missing[0]!r}; copy it from the archive again.")
    return table


def sector_of(clip: EchoSequence) -> NDArray[np.bool_]:
    """Where a video shows ultrasound, as it is found at use; what is lit, where nothing is found."""
    found = find_sector(clip).mask
    return found if found.any() else lit_area(clip.frames)
