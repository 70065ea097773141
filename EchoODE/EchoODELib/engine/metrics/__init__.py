"""Overlap, distance, steadiness over time, topology and agreement."""

from .agreement import (
    BlandAltman,
    Interval,
    bland_altman,
    bootstrap_interval,
    mean_absolute_error,
    mean_interval,
    pearson,
    r_squared,
    root_mean_square_error,
)
from .overlap import accuracy, dice, iou, structure
from .resampling import grouped_interval, grouped_ratio
from .surface import hausdorff, mean_surface_distance, surface_distances
from .temporal import (
    consecutive_hausdorff,
    contour_stability,
    flickering_pixels,
    has_large_temporal_error,
    mfip,
    phase_errors,
    tc,
    tcd,
)
from .topology import count_components, count_holes, fill_holes, largest_component

__all__ = [
    "BlandAltman",
    "Interval",
    "accuracy",
    "bland_altman",
    "bootstrap_interval",
    "consecutive_hausdorff",
    "contour_stability",
    "count_components",
    "count_holes",
    "dice",
    "fill_holes",
    "flickering_pixels",
    "grouped_interval",
    "grouped_ratio",
    "has_large_temporal_error",
    "hausdorff",
    "iou",
    "largest_component",
    "mean_absolute_error",
    "mean_interval",
    "mean_surface_distance",
    "mfip",
    "pearson",
    "phase_errors",
    "r_squared",
    "root_mean_square_error",
    "structure",
    "surface_distances",
    "tc",
    "tcd",
]
