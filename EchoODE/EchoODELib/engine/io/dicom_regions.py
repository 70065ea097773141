"""What DICOM's ultrasound regions say: the tissue box, the pixel size, the boxes of traces and bars.

Source: DICOM PS3.3 C.8.5.5 (US Region Calibration Module).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from .calibration import Spacing, doubt

Box = tuple[int, int, int, int]

_TWO_DIMENSIONAL = 1  # Region Spatial Format
_TISSUE, _COLOUR_FLOW = 1, 2  # Region Data Type
_CENTIMETRES = 3  # Physical Units
# Region Data Types of things drawn beside or over the tissue: ECG, pulse and sound traces, gray and colour bars,
# area traces, other physiology.
_OVERLAYS = frozenset({0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x10, 0x11, 0x12})
# Some vendors give the corner outside of the last pixel instead of the last pixel.
_BOX_TOLERANCE = 1
# A file whose whole image is one tissue box of less than this many pixels a side tells nothing.
_SMALLEST_BOX = 16


@dataclass(frozen=True)
class Regions:
    """The regions that matter.

    Attributes
    ----------
    tissue: (row0, row1, column0, column1) half-open box of the 2D image, or None if none fits the frame.
    spacing: (row, column) mm per pixel, or None where it is missing or can't be believed.
    overlays: half-open boxes of traces and bars, clipped to the frame.
    colour_flow: whether the tissue region is tagged as colour flow.
    notes: what was doubted or changed.
    """

    tissue: Box | None = None
    spacing: Spacing | None = None
    overlays: tuple[Box, ...] = ()
    colour_flow: bool = False
    notes: tuple[str, ...] = ()


def read_regions(dataset: Dataset, shape: tuple[int, int]) -> Regions:
    """Read Sequence of Ultrasound Regions, or Pixel Spacing where there is none, for frames of ``shape`` (H, W)."""
    items = [item for item in dataset.get("SequenceOfUltrasoundRegions") or [] if isinstance(item, Dataset)]
    if not items:
        return _from_pixel_spacing(dataset, shape)
    overlays = tuple(
        clipped
        for item in items
        if _integer(item, "RegionDataType") in _OVERLAYS and (clipped := _clip(_box(item), shape)) is not None
    )
    images = [
        item
        for item in items
        if _integer(item, "RegionSpatialFormat") == _TWO_DIMENSIONAL
        and _integer(item, "RegionDataType") in (_TISSUE, _COLOUR_FLOW)
    ]
    if not images:
        note = "The file names no region of 2D tissue; the clip is uncalibrated."
        return Regions(overlays=overlays, notes=(note,))
    # The largest is the image itself; where two are as large (B-mode beside colour), tissue goes before flow.
    images.sort(key=lambda item: (-_area(_box(item)), _integer(item, "RegionDataType")))
    item, notes = images[0], []
    colour_flow = any(_integer(image, "RegionDataType") == _COLOUR_FLOW for image in images)
    if any(_apart(_box(item), _box(other)) for other in images[1:]):
        notes.append("The frames show more than one image side by side; the largest one's region was taken.")
    box = _box(item)
    if not _fits(box, shape):
        notes.append(
            f"The ultrasound region (rows {box[0]} to {box[1]}, columns {box[2]} to {box[3]}) does not fit "
            f"the frame of {shape[0]}x{shape[1]} pixels, so its calibration was not trusted: the clip is uncalibrated."
        )
        return Regions(overlays=overlays, colour_flow=colour_flow, notes=tuple(notes))
    tissue = (box[0], min(box[1], shape[0]), box[2], min(box[3], shape[1]))
    spacing = _spacing(item, (tissue[1] - tissue[0], tissue[3] - tissue[2]), notes)
    return Regions(tissue, spacing, overlays, colour_flow, tuple(notes))


def _spacing(item: Dataset, size: tuple[int, int], notes: list[str]) -> Spacing | None:
    units = (_integer(item, "PhysicalUnitsYDirection"), _integer(item, "PhysicalUnitsXDirection"))
    if units != (_CENTIMETRES, _CENTIMETRES):
        notes.append("The tissue region is not measured in cm; the clip is uncalibrated.")
        return None
    deltas = (_number(item, "PhysicalDeltaY"), _number(item, "PhysicalDeltaX"))
    spacing = (abs(deltas[0]) * 10.0, abs(deltas[1]) * 10.0)  # cm to mm
    reason = doubt(spacing, size)
    if reason is not None:
        notes.append(f"The calibration in the file can't be right ({reason}); the clip is uncalibrated.")
        return None
    if min(deltas) < 0:
        # The sign tells in which direction the physical axis counts, not how large a pixel is.
        notes.append("The file gives a negative pixel size; its magnitude was taken.")
    if abs(spacing[0] / spacing[1] - 1) > 0.01:
        notes.append(f"The pixels are not square ({spacing[0]:.4g} mm high, {spacing[1]:.4g} mm wide).")
    return spacing


def _from_pixel_spacing(dataset: Dataset, shape: tuple[int, int]) -> Regions:
    for keyword in ("PixelSpacing", "NominalScannedPixelSpacing"):
        values = np.atleast_1d(np.asarray(dataset.get(keyword) or [], np.float64))
        if len(values) != 2:
            continue
        spacing = (abs(float(values[0])), abs(float(values[1])))
        # 1 by 1 is what converters write who know nothing.
        reason = "1 by 1 mm stands for unknown" if spacing == (1.0, 1.0) else doubt(spacing, shape)
        if reason is None:
            return Regions(spacing=spacing)
        return Regions(notes=(f"The pixel spacing in the file can't be right ({reason}); the clip is uncalibrated.",))
    return Regions(notes=("The file names no pixel size; the clip is uncalibrated.",))


def _box(item: Dataset) -> Box:
    low_y, high_y = _integer(item, "RegionLocationMinY0"), _integer(item, "RegionLocationMaxY1")
    low_x, high_x = _integer(item, "RegionLocationMinX0"), _integer(item, "RegionLocationMaxX1")
    return low_y, high_y + 1, low_x, high_x + 1


def _fits(box: Box, shape: tuple[int, int]) -> bool:
    row0, row1, column0, column1 = box
    return (
        0 <= row0 < row1 <= shape[0] + _BOX_TOLERANCE
        and 0 <= column0 < column1 <= shape[1] + _BOX_TOLERANCE
        and min(row1 - row0, column1 - column0) >= _SMALLEST_BOX
    )


def _clip(box: Box, shape: tuple[int, int]) -> Box | None:
    row0, row1 = max(0, box[0]), min(shape[0], box[1])
    column0, column1 = max(0, box[2]), min(shape[1], box[3])
    return (row0, row1, column0, column1) if row0 < row1 and column0 < column1 else None


def _area(box: Box) -> int:
    return max(0, box[1] - box[0]) * max(0, box[3] - box[2])


def _apart(first: Box, second: Box) -> bool:
    """Whether ``second`` is an image of its own: half as large at least, and mostly outside of ``first``."""
    rows = min(first[1], second[1]) - max(first[0], second[0])
    columns = min(first[3], second[3]) - max(first[2], second[2])
    shared = max(0, rows) * max(0, columns)
    return _area(second) >= 0.5 * _area(first) and shared < 0.2 * _area(second)


def _integer(item: Dataset, keyword: str) -> int:
    value = item.get(keyword)
    return int(value) if isinstance(value, int) else -1


def _number(item: Dataset, keyword: str) -> float:
    value = item.get(keyword)
    return float(value) if isinstance(value, int | float) else float("nan")
