"""TED: four-chamber sequences of CAMUS patients over a full beat, with masks on every frame.

Painchaud et al., "Echocardiography Segmentation With Enforced Temporal Consistency", IEEE TMI 41 (2022), who drew
them. Its patients are numbered in their own way, so they can't be told from CAMUS's by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

import numpy as np
from EchoODELib.engine.errors import UnreadableClip, UnsuitableMask
from EchoODELib.engine.io import camus as layout_reader
from EchoODELib.engine.sequence import Label, View

from .base import DataSet, Entry, split_by_name
from .clips import LabelledClip, lit_area


class Ted(DataSet):
    """Full beats; patients are split by name, since the archive has no split."""

    kind: ClassVar[str] = "ted"
    layout: ClassVar[str] = (
        "TED/database/ (or TED/)\n"
        "  patient001/\n"
        "    patient001_4CH_sequence.nii.gz   patient001_4CH_sequence_gt.nii.gz   (or .mhd with .raw)\n"
        "    patient001_4CH_info.cfg   (ED, ES, EF; if there)"
    )

    def find(self) -> Iterable[Entry]:
        """An entry for each patient with a sequence and its masks."""
        if self.folder is None:
            return
        inner = self.folder / "database"
        self._root = inner if inner.is_dir() else self.folder
        for path in sorted(self._root.glob("patient*")):
            masks = [*path.glob("*_4CH_sequence_gt.nii*"), *path.glob("*_4CH_sequence_gt.mhd")]
            if masks:
                yield Entry(path.name, f"ted-{path.name}", split_by_name(path.name))

    def read(self, entry: Entry) -> LabelledClip:
        """The sequence by the engine's readers; the atrium counts as not drawn where no mask has it."""
        folder = self._root / entry.name
        clip = layout_reader.read_camus(folder, View.A4C)
        if len(clip) < 3:
            raise UnreadableClip(f"{entry.name} has no 4CH sequence; copy it from the archive again.")
        masks = np.asarray(layout_reader.read_camus_masks(folder, View.A4C, len(clip)), np.uint8)
        if masks.shape != clip.frames.shape:
            raise UnsuitableMask(
                f"The masks of {entry.name} have shape {masks.shape}, its frames {clip.frames.shape}: "
                "copy both from the archive again."
            )
        ed, es, fraction = _info(folder)
        if ed is None or es is None or max(ed, es) >= len(clip):
            areas = (masks == Label.LV).sum((1, 2))
            ed, es = int(areas.argmax()), int(areas.argmin())
        drawn = {Label.LV, Label.MYOCARDIUM} | ({Label.LA} if (masks == Label.LA).any() else set())
        return LabelledClip(
            name=entry.name,
            patient=entry.patient,
            kind="real",
            frames=clip.frames,
            times=clip.times,
            masks=masks,
            labelled=masks.any((1, 2)),
            sector=lit_area(clip.frames),
            spacing=clip.spacing,
            view=View.A4C,
            ed_frame=ed,
            es_frame=es,
            ejection_fraction=fraction,
            drawn=frozenset(drawn),
        )


def _info(folder: Path) -> tuple[int | None, int | None, float | None]:
    """ED and ES, 0-based, and EF in percent, as the patient's cfg file says."""
    path = next(iter(sorted(folder.glob("*.cfg"))), None)
    fields = (
        {} if path is None else dict(re.findall(r"^\s*(\w+)\s*[:=]\s*([\d.]+)", path.read_text("utf-8"), re.MULTILINE))
    )
    ed, es = (int(float(fields[key])) - 1 if key in fields else None for key in ("ED", "ES"))
    return ed, es, float(fields["EF"]) if "EF" in fields else None
