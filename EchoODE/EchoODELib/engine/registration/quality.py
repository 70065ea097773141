"""What a registration reports about itself with every run."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from .masks import Topology, carry, topology


def determinants(field_: NDArray[np.float32]) -> NDArray[np.float32]:
    """Jacobian determinant of p + field(p), field (H, W, 2) px, on the (H - 1, W - 1) cells."""
    along_x = (field_[:, 1:] - field_[:, :-1])[:-1]
    along_y = (field_[1:] - field_[:-1])[:, :-1]
    return (1 + along_x[..., 0]) * (1 + along_y[..., 1]) - along_y[..., 0] * along_x[..., 1]


@dataclass
class QualityReport:
    """Figures gathered frame by frame.

    Attributes
    ----------
    reference: topology of the reference mask.
    smallest_determinant: of both fields over all frames; above 0 nothing folds.
    folds: cells with a determinant of 0 or less, over both fields and all frames.
    residual: largest distance (px) by which going forth and back misses the start, over what starts in the sector
        and does not leave the frame, beyond which there is no field to come back by.
    """

    reference: Topology
    labels: tuple[int, ...]
    smallest_determinant: float = 1.0
    largest_determinant: float = 1.0
    folds: int = 0
    residual: float = 0.0
    components: list[int] = field(default_factory=list)
    holes: list[int] = field(default_factory=list)

    def add(self, pull_back: NDArray[np.float32], displacement: NDArray[np.float32], sector: NDArray[np.bool_]) -> None:
        """Look at one frame's fields, (H, W, 2) px; ``sector`` (H, W) is where the frames show tissue."""
        for motion in (pull_back, displacement):
            values = determinants(motion)
            self.smallest_determinant = min(self.smallest_determinant, float(values.min()))
            self.largest_determinant = max(self.largest_determinant, float(values.max()))
            self.folds += int((values <= 0).sum())
        miss = displacement + carry(pull_back, displacement)
        rows, columns = np.indices(sector.shape, dtype=np.float32)
        x, y = columns + displacement[..., 0], rows + displacement[..., 1]
        stays = (x >= 0) & (x <= sector.shape[1] - 1) & (y >= 0) & (y <= sector.shape[0] - 1)
        distance = cv2.magnitude(miss[..., 0], miss[..., 1])
        self.residual = max(self.residual, float(distance.max(where=sector & stays, initial=0.0)))

    def add_mask(self, mask: NDArray[np.uint8]) -> None:
        """Count a mask's components and holes."""
        found = topology(mask, self.labels)
        self.components.append(found.components)
        self.holes.append(found.holes)

    def as_record(self) -> dict[str, float]:
        """Plain numbers for a provenance record."""
        other = [
            (c, h) != (self.reference.components, self.reference.holes)
            for c, h in zip(self.components, self.holes, strict=True)
        ]
        return {
            "min_jacobian": self.smallest_determinant,
            "max_jacobian": self.largest_determinant,
            "folds": float(self.folds),
            "inverse_residual_px": self.residual,
            "components_reference": float(self.reference.components),
            "components_max": float(max(self.components, default=self.reference.components)),
            "holes_reference": float(self.reference.holes),
            "holes_max": float(max(self.holes, default=self.reference.holes)),
            "frames_of_other_topology": float(sum(other)),
        }
