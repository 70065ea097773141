"""The part of a recipe that says how weights are changed, and how fast."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Optimiser(BaseModel):
    """``adamw`` or ``sgd``; momentum is SGD's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 2e-2
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    clip: Annotated[float, Field(gt=0)] = 5.0
    """Greatest norm of the gradient."""


class Schedule(BaseModel):
    """How the learning rate goes: it rises over ``warm_up`` of the steps, then falls.

    ``cosine`` rises as a cosine from 1/25 and falls as one to 0; ``polynomial`` rises linearly and falls as
    (1 - progress) ** power; ``constant`` stays; ``step`` stays, and from a progress of ``at`` on is a tenth.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["cosine", "polynomial", "constant", "step"] = "cosine"
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.05
    power: Annotated[float, Field(gt=0)] = 0.9
    at: Annotated[float, Field(gt=0, lt=1)] = 0.6

    def factor(self, progress: float) -> float:
        """What the learning rate is multiplied with at a ``progress`` of 0 to 1."""
        if progress < self.warm_up:
            rise = progress / self.warm_up
            if self.name == "cosine":
                return 0.04 + 0.96 * (1 - math.cos(math.pi * rise)) / 2
            return max(rise, 0.001)
        left = 1 - (progress - self.warm_up) / (1 - self.warm_up)
        if self.name == "cosine":
            return max(1e-5, (1 - math.cos(math.pi * left)) / 2)
        if self.name == "step":
            return 0.1 if progress >= self.at else 1.0
        return left**self.power if self.name == "polynomial" else 1.0
