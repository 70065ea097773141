"""EchoNet-LVH: parasternal long-axis videos with septum, cavity and posterior wall measured at ED and ES.

Duffy et al., "High-Throughput Precision Phenotyping of Left Ventricular Hypertrophy With Cardiovascular Deep
Learning", JAMA Cardiology 7 (2022). ``MeasurementsList.csv`` has a row a line: ``Calc`` is one of IVSd, LVIDd, LVPWd,
IVSs, LVIDs, LVPWs, X1, Y1 and X2, Y2 are its ends in px of the video, ``CalcValue`` is its length in cm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

import numpy as np
import pandas as pd
from EchoODELib.engine.errors import UnreadableClip
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.sequence import View

from .base import DataSet, Entry, named_split
from .clips import LINES, LabelledClip
from .videos import read_table, sector_of

_COLUMNS = ("HashedFileName", "Calc", "CalcValue", "Frame", "X1", "X2", "Y1", "Y2", "split")
_CALC = re.compile(r"(?P<line>IVS|LVID|LVPW)_?(?P<phase>[ds])$", re.IGNORECASE)
_MM_PER_CM = 10.0


class EchoNetLVH(DataSet):
    """Videos without masks, with end points on the measured frames; others are missing there."""

    kind: ClassVar[str] = "echonet_lvh"
    layout: ClassVar[str] = (
        "EchoNet-LVH/\n"
        f"  MeasurementsList.csv   ({', '.join(_COLUMNS)}, ...)\n"
        "  Batch1/ (to Batch4/)\n"
        "    0X1A05DFFFCAFB253B.avi"
    )

    def find(self) -> Iterable[Entry]:
        """An entry for each video that has a line."""
        if self.folder is None or not (self.folder / "MeasurementsList.csv").is_file():
            return
        table = read_table(self.folder / "MeasurementsList.csv", _COLUMNS)
        table = table[table["Calc"].astype(str).str.match(_CALC)]
        self._where = {path.stem: path for path in sorted(self.folder.glob("Batch*/*.avi"))}
        self._lines = dict(iter(table.groupby("HashedFileName", sort=True)))
        for name, lines in self._lines.items():
            splits = {named_split(value) for value in lines["split"]}
            if None in splits:
                self.skip(str(name), "MeasurementsList.csv gives it an unknown split.")
                continue
            for split in sorted(str(value) for value in splits):
                yield Entry(str(name), str(name), split)

    def read(self, entry: Entry) -> LabelledClip:
        """The video with the end points of its lines, the nearer to the probe first."""
        if entry.name not in self._where:
            raise UnreadableClip(f"{entry.name}.avi is in none of the Batch folders; copy it from the archive again.")
        lines = self._lines[entry.name]
        clip = read_clip(self._where[entry.name], view=View.PLAX)
        ends = {line: np.full((len(clip), 2, 2), np.nan, np.float32) for line in LINES}
        frames: dict[str, int] = {}
        for row in lines.itertuples(index=False):
            match, frame = _CALC.match(str(row.Calc)), int(row.Frame)
            if not 0 <= frame < len(clip):
                raise UnreadableClip(
                    f"{entry.name} is measured on frame {frame}, but its video has {len(clip)} frames; copy it again."
                )
            assert match is not None
            pair = np.array([[row.Y1, row.X1], [row.Y2, row.X2]], np.float32)
            ends[match["line"].lower()][frame] = pair[np.argsort(pair[:, 0], kind="stable")]
            frames[match["phase"].lower()] = frame
        return LabelledClip(
            name=entry.name,
            patient=entry.patient,
            kind="real",
            frames=clip.frames,
            times=clip.times,
            masks=np.zeros_like(clip.frames),
            labelled=np.zeros(len(clip), np.bool_),
            sector=sector_of(clip),
            spacing=_pixel_size(lines),
            view=View.PLAX,
            ed_frame=frames.get("d"),
            es_frame=frames.get("s"),
            landmarks=ends,
            drawn=frozenset(),
        )


def _pixel_size(lines: pd.DataFrame) -> tuple[float, float] | None:
    """mm a pixel, from the lines' lengths in cm; None where they say nothing usable."""
    pixels = np.hypot(lines["X2"] - lines["X1"], lines["Y2"] - lines["Y1"]).to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        sizes = _MM_PER_CM * lines["CalcValue"].to_numpy(float) / pixels
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return (float(np.median(sizes)),) * 2 if len(sizes) else None
