"""EchoNet-Dynamic: apical four-chamber videos with the LV traced at end-diastole and end-systole.

Ouyang et al., "Video-based AI for beat-to-beat assessment of cardiac function", Nature 580 (2020). The traces are 21
chords a frame: the long axis, then 20 from apex to base, whose left and right ends go round the cavity.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pandas as pd
from EchoODELib.engine.errors import UnreadableClip
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.sequence import Label, View
from numpy.typing import NDArray

from .base import DataSet, Entry, named_split
from .clips import LabelledClip
from .videos import read_table, sector_of

_LIST = ("FileName", "EF", "FPS", "Split")
_TRACES = ("FileName", "X1", "Y1", "X2", "Y2", "Frame")
_SUBPIXEL_BITS = 4


class EchoNetDynamic(DataSet):
    """Videos of one patient each, with the split that the archive gives."""

    kind: ClassVar[str] = "echonet_dynamic"
    layout: ClassVar[str] = (
        "EchoNet-Dynamic/\n"
        f"  FileList.csv         ({', '.join(_LIST)}, ...)\n"
        f"  VolumeTracings.csv   ({', '.join(_TRACES)})\n"
        "  Videos/\n"
        "    0X1A0A263B22CCD966.avi"
    )

    def find(self) -> Iterable[Entry]:
        """An entry for each video of the list that has traces."""
        if self.folder is None or not all(
            (self.folder / name).is_file() for name in ("FileList.csv", "VolumeTracings.csv")
        ):
            return
        table = read_table(self.folder / "FileList.csv", _LIST)
        table["FileName"] = table["FileName"].map(_stem)
        traces = read_table(self.folder / "VolumeTracings.csv", _TRACES)
        self._traces = dict(iter(traces.groupby(traces["FileName"].map(_stem))))
        self._facts = table.drop_duplicates("FileName").set_index("FileName")
        for name, given in zip(table["FileName"], table["Split"], strict=True):
            split = named_split(given)
            if name not in self._traces:
                self.skip(name, "it has no traces in VolumeTracings.csv.")
            elif split is None:
                self.skip(name, f"FileList.csv gives it the unknown split {given!r}.")
            else:
                yield Entry(name, name, split)

    def read(self, entry: Entry) -> LabelledClip:
        """The video with the LV filled in on the traced frames."""
        assert self.folder is not None
        facts = self._facts.loc[entry.name]
        clip = read_clip(self.folder / "Videos" / f"{entry.name}.avi", view=View.A4C, frame_rate=float(facts["FPS"]))
        masks, labelled = np.zeros_like(clip.frames), np.zeros(len(clip), np.bool_)
        for frame, lines in self._traces[entry.name].groupby("Frame", sort=True):
            if not 0 <= int(frame) < len(clip):
                raise UnreadableClip(
                    f"{entry.name} is traced on frame {frame}, but its video has {len(clip)} frames; copy it again."
                )
            masks[int(frame)], labelled[int(frame)] = traced(lines, clip.shape), True
        known = np.flatnonzero(labelled)
        areas = masks[known].sum((1, 2), dtype=np.int64)
        return LabelledClip(
            name=entry.name,
            patient=entry.patient,
            kind="real",
            frames=clip.frames,
            times=clip.times,
            masks=masks,
            labelled=labelled,
            sector=sector_of(clip),
            spacing=clip.spacing,
            view=View.A4C,
            ed_frame=int(known[areas.argmax()]) if len(known) > 1 else None,
            es_frame=int(known[areas.argmin()]) if len(known) > 1 else None,
            ejection_fraction=float(facts["EF"]),
            drawn=frozenset({Label.LV}),
        )


def traced(lines: pd.DataFrame, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The LV (H, W) of a frame's chords, of which the first is the long axis."""
    left, right = lines[["X1", "Y1"]].to_numpy()[1:], lines[["X2", "Y2"]].to_numpy()[1:]
    outline = np.rint(np.concatenate([left, right[::-1]]) * 2**_SUBPIXEL_BITS).astype(np.int32)
    mask = np.zeros(shape, np.uint8)
    return cv2.fillPoly(mask, [outline], int(Label.LV), shift=_SUBPIXEL_BITS)


def _stem(name: object) -> str:
    return Path(str(name)).stem if str(name).lower().endswith(".avi") else str(name)
