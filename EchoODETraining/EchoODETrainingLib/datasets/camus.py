"""The public CAMUS layout: a folder a patient, ED and ES frames with expert masks as NIfTI.

Leclerc et al., "Deep Learning for Segmentation Using an Open Large-Scale Dataset in 2D
Echocardiography", IEEE Transactions on Medical Imaging 38 (2019).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK
from EchoODELib.engine.errors import UnreadableClip

from .frames import LabelledFrame, lit_area


def read_camus(folder: Path, *, views: tuple[str, ...] = ("4CH", "2CH")) -> list[LabelledFrame]:
    """All annotated ED and ES frames below ``folder``, sorted by patient, view and phase.

    Raises
    ------
    UnreadableClip: no frames with masks in the folder.
    """
    found = []
    for mask_path in sorted(folder.glob("patient*/patient*_gt.nii.gz")):
        stem = mask_path.name.removesuffix("_gt.nii.gz")
        image_path = mask_path.with_name(f"{stem}.nii.gz")
        if stem.split("_")[1] not in views or stem.split("_")[-1] not in ("ED", "ES") or not image_path.exists():
            continue
        picture = SimpleITK.ReadImage(str(image_path))
        image = np.squeeze(SimpleITK.GetArrayFromImage(picture)).astype(np.uint8)
        mask = np.squeeze(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(mask_path)))).astype(np.uint8)
        column_mm, row_mm = picture.GetSpacing()[:2]
        found.append(LabelledFrame(stem, image, mask, lit_area(image), (row_mm, column_mm)))
    if not found:
        raise UnreadableClip(
            f"There are no CAMUS frames with masks in {folder}; give the folder that holds patient0001."
        )
    return found
