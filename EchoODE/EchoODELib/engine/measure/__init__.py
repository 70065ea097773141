"""Areas, volumes, EF, phases, strain and dimensions of a segmented clip."""

from .biplane import measure_biplane
from .clip import MeasureSettings, measure
from .contour import LVShapes, trace_lv
from .outlines import Outlines, outline
from .phases import Phases, PhaseSettings, find_phases
from .plax import plax_landmarks, plax_lines

__all__ = [
    "LVShapes",
    "MeasureSettings",
    "Outlines",
    "PhaseSettings",
    "Phases",
    "find_phases",
    "measure",
    "measure_biplane",
    "outline",
    "plax_landmarks",
    "plax_lines",
    "trace_lv",
]
