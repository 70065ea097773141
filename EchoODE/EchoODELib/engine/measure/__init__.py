"""Areas, volumes, EF, phases, strain and dimensions of a segmented clip."""

from .biplane import measure_biplane
from .clip import MeasureSettings, measure
from .contour import LVShapes, trace_lv
from .phases import Phases, PhaseSettings, find_phases

__all__ = [
    "LVShapes",
    "MeasureSettings",
    "PhaseSettings",
    "Phases",
    "find_phases",
    "measure",
    "measure_biplane",
    "trace_lv",
]
