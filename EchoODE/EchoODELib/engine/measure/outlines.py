"""What the masks and the motion alone determine: costly, and the same whatever the phases are.

Phases and beats follow from it in a moment, so an ED or ES mark can be dragged and the numbers keep up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsuitableMask
from ..metrics.topology import count_components, count_holes
from ..sequence import Label, SegmentedSequence, View
from .area import label_area
from .attributes import ShapeAttributes, shape_attributes
from .contour import LVShapes, trace_lv
from .dimensions import PlaxDimensions, plax_dimensions
from .plax import plax_lines
from .strain import endocardial_lengths, tracked_lengths

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Outlines:
    """A clip's structures, measured frame by frame.

    Attributes
    ----------
    shapes: the LV on every frame.
    attributes: the seven attributes of its shape.
    la_area: (T,) left atrium, NaN where it is not seen.
    endocardium: (T,) length of the outlined endocardial contour.
    tracked: (T,) length of the reference frame's contour carried along the motion, or None without motion.
    pieces, holes: (T,) of the LV's mask.
    plax: septum, cavity and posterior wall, in parasternal clips, else None.
    """

    shapes: LVShapes
    attributes: ShapeAttributes
    la_area: Array
    endocardium: Array
    tracked: Array | None
    pieces: NDArray[np.int64]
    holes: NDArray[np.int64]
    plax: PlaxDimensions | None = None


def outline(segmented: SegmentedSequence) -> Outlines:
    """Outline every frame of a segmented clip.

    Raises
    ------
    UnsuitableMask: unknown labels, or no LV on any frame.
    """
    largest = int(segmented.masks.max())
    if largest > max(Label):
        raise UnsuitableMask(
            f"The masks hold the label {largest}; known are 0 to {int(max(Label))} (background, LV, myocardium, LA)."
        )
    spacing = segmented.sequence.spacing
    shapes = trace_lv(segmented.masks, spacing)
    if not shapes.present.any():
        raise UnsuitableMask("The LV is empty on every frame; segment the clip first.")
    tracked = None
    if segmented.displacement is not None and segmented.reference_frame is not None:
        tracked = tracked_lengths(shapes, segmented.displacement, segmented.reference_frame)
    cavity = segmented.masks == Label.LV
    return Outlines(
        shapes=shapes,
        attributes=shape_attributes(segmented.masks, shapes),
        la_area=label_area(segmented.masks, Label.LA, spacing),
        endocardium=endocardial_lengths(shapes),
        tracked=tracked,
        pieces=np.asarray(count_components(cavity)),
        holes=np.asarray(count_holes(cavity)),
        plax=_plax(segmented),
    )


def _plax(segmented: SegmentedSequence) -> PlaxDimensions | None:
    if segmented.sequence.view is not View.PLAX:
        return None
    spacing = segmented.sequence.spacing
    return plax_dimensions(plax_lines(segmented.masks, spacing, segmented.lines, segmented.guides), spacing)
