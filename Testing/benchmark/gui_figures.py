"""What the gui benchmark found, a line of its table each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes
    ----------
    name, unit: what was measured.
    values: of each repetition.
    goal: what the median has to keep to, if anything.
    least: the goal is a lower bound.
    note: what else there is to say.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    goal: float | None = None
    least: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        """The middle repetition's value."""
        return float(np.median(self.values))

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.median >= self.goal if self.least else self.median <= self.goal
