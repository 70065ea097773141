"""The seven attributes of an LV's shape over time, and the frames that break their continuity.

Attributes and test are those of Painchaud et al., "Echocardiography segmentation with enforced temporal
consistency", IEEE Trans Med Imaging 2022;41:2867-2878: LV area, LV width at the valve, LV length, LV
orientation, myocardial area, and the epicardium's centre in x and y. Each is normalised to the range
it has in a reference data set; a frame is inconsistent where the value differs from the mean of its two
neighbours' by more than the largest difference that the experts' own contours show.

Thresholds and ranges are those published with the paper (vitalab/vital, data/camus/statistics:
attr_thresholds.yaml and image_attr_stats.yaml). The ranges are in pixels of the original CAMUS images,
0.308 mm wide and 0.154 mm high; here they are converted to mm so that the test holds for any clip.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import atan, degrees, radians, tan

import numpy as np
from numpy.typing import NDArray

from ..sequence import FrameFlag, Label
from .area import area
from .contour import LVShapes, centroids
from .dimensions import lv_length, mitral_annulus_width

Array = NDArray[np.float64]

_COLUMN_MM, _ROW_MM = 0.308, 0.154

#: Largest tolerated difference to the neighbours' mean, as a share of the range (attr_thresholds.yaml).
THRESHOLDS: Mapping[str, float] = {
    "lv_area": 1.60e-2,
    "lv_base_width": 9.69e-2,
    "lv_length": 2.62e-2,
    "lv_orientation": 2.29e-2,
    "myocardial_area": 3.21e-2,
    "epicardium_center_x": 4.56e-3,
    "epicardium_center_y": 1.10e-2,
}

#: Range of each attribute in the reference data (image_attr_stats.yaml), in mm², mm and degrees. The width
#: lies across, the length and the orientation's axis along the image's height.
RANGES: Mapping[str, float] = {
    "lv_area": (112404 - 19632) * _COLUMN_MM * _ROW_MM,
    "lv_base_width": (172.884 - 53.759) * _COLUMN_MM,
    "lv_length": (612.862 - 301.425) * _ROW_MM,
    "lv_orientation": degrees(
        atan(tan(radians(15.260)) * _COLUMN_MM / _ROW_MM) - atan(tan(radians(-7.036)) * _COLUMN_MM / _ROW_MM)
    ),
    "myocardial_area": (64134 - 23228) * _COLUMN_MM * _ROW_MM,
    "epicardium_center_x": (479.373 - 183.370) * _COLUMN_MM,
    "epicardium_center_y": (609.209 - 285.859) * _ROW_MM,
}

#: Frames a second of the clips that the thresholds were read from (median of CAMUS).
REFERENCE_FRAME_RATE = 55.0
#: Length in mm that the longest LV of an uncalibrated clip is taken to have, to put px on the same scale.
NOMINAL_LV_LENGTH = 85.0

_SAID_AS: Mapping[str, str] = {
    "lv_area": "LV area",
    "lv_base_width": "LV width at the mitral valve",
    "lv_length": "LV length",
    "lv_orientation": "LV orientation",
    "myocardial_area": "myocardial area",
    "epicardium_center_x": "horizontal position of the epicardium",
    "epicardium_center_y": "vertical position of the epicardium",
}


@dataclass(frozen=True)
class ShapeAttributes:
    """The seven attributes, (T,) each, NaN where a frame lacks the structure.

    ``values`` has the keys of :data:`THRESHOLDS`; ``units`` their units ("mm²", "mm", "°" or px).
    """

    values: Mapping[str, Array]
    units: Mapping[str, str]


def orientation(cavity: NDArray[np.bool_], spacing: tuple[float, float]) -> Array:
    """(T,) angle of the cavity's principal axis to the image's vertical in degrees, -90 to 90, positive where
    the lower end points right."""
    x, y = np.arange(cavity.shape[2]) * spacing[1], np.arange(cavity.shape[1]) * spacing[0]
    by_row, by_column = cavity.sum(axis=2, dtype=float), cavity.sum(axis=1, dtype=float)
    count = by_row.sum(axis=1)
    count = np.where(count > 0, count, np.nan)
    mean_x, mean_y = by_column @ x / count, by_row @ y / count
    xx = by_column @ x**2 / count - mean_x**2
    yy = by_row @ y**2 / count - mean_y**2
    xy = (cavity @ x) @ y / count - mean_x * mean_y
    angle: Array = np.degrees(0.5 * np.arctan2(2 * xy, yy - xx))
    return angle


def shape_attributes(masks: NDArray[np.uint8], shapes: LVShapes) -> ShapeAttributes:
    """Measure the seven attributes.

    Parameters
    ----------
    masks: (T, H, W) uint8 of labels.
    shapes: the LV's geometry on the same frames.
    """
    spacing = shapes.spacing
    epicardium = centroids(shapes.cavity | (masks == Label.MYOCARDIUM), spacing)
    values = {
        "lv_area": area(shapes.cavity, spacing),
        "lv_base_width": mitral_annulus_width(shapes),
        "lv_length": lv_length(shapes),
        "lv_orientation": orientation(shapes.cavity, spacing),
        "myocardial_area": area(masks == Label.MYOCARDIUM, spacing),
        "epicardium_center_x": epicardium[:, 0],
        "epicardium_center_y": epicardium[:, 1],
    }
    length = shapes.unit
    units = dict.fromkeys(values, length) | {
        "lv_area": length + "²",
        "myocardial_area": length + "²",
        "lv_orientation": "°",
    }
    return ShapeAttributes(values, units)


def temporal_errors(attributes: ShapeAttributes, times: Array) -> dict[str, Array]:
    """How far each frame is from its neighbours' mean, in multiples of the threshold.

    Uneven frame times are respected: the neighbours are interpolated at the frame's own time. A clip
    slower than the reference moves more between frames, so its threshold grows with the square of the
    frame time (the second difference of a smooth curve does); a faster one keeps the published threshold.

    Returns
    -------
    (T,) for each attribute, above 1 where the frame is inconsistent; 0 at both ends, NaN where unknown.
    """
    frames = len(times)
    scale = 1.0
    if attributes.units["lv_length"] == "px":
        longest = attributes.values["lv_length"]
        scale = NOMINAL_LV_LENGTH / float(np.nanmax(longest)) if np.isfinite(longest).any() else 1.0
    power = {"mm²": 1.0, "mm": 1.0, "°": 1.0, "px²": scale**2, "px": scale}
    errors = {}
    before, after = (times[1:-1] - times[:-2], times[2:] - times[1:-1]) if frames > 2 else (times[:0], times[:0])
    slack = np.maximum(1.0, before * after * REFERENCE_FRAME_RATE**2)
    for name, values in attributes.values.items():
        error = np.zeros(frames)
        if frames > 2:
            difference = _unwrapped(name, values)
            expected = (difference[:-2] * after + difference[2:] * before) / (before + after)
            tolerated = THRESHOLDS[name] * RANGES[name] / power[attributes.units[name]] * slack
            error[1:-1] = np.abs(difference[1:-1] - expected) / tolerated
        errors[name] = error
    return errors


def _unwrapped(name: str, values: Array) -> Array:
    """An axis turned by 180 degrees is the same axis."""
    if name != "lv_orientation" or not np.isfinite(values).any():
        return values
    known = np.isfinite(values)
    unwrapped = values.copy()
    unwrapped[known] = np.unwrap(values[known], period=180.0)
    return unwrapped


def flag_frames(attributes: ShapeAttributes, times: Array) -> tuple[FrameFlag, ...]:
    """The frames that break an attribute's continuity, in order of time, with the reason."""
    flags = []
    for name, error in temporal_errors(attributes, times).items():
        for frame in np.flatnonzero(np.nan_to_num(error) > 1.0):
            reason = (
                f"The {_SAID_AS[name]} leaves the course of its neighbours by {error[frame]:.1f} times "
                "what expert contours show."
            )
            flags.append(FrameFlag(int(frame), name, reason))
    return tuple(sorted(flags, key=lambda flag: flag.frame))
