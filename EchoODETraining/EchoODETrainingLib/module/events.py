"""What the module's listeners are told of."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from EchoODELib.engine.errors import EchoODEError


class Event(Enum):
    """What listeners are told of."""

    DATA = "data"  # something was found, or not
    PLAN = "plan"
    RUNS = "runs"  # the list, or a run's state
    PROGRESS = "progress"  # the followed run has come further
    EVALUATION = "evaluation"
    MODELS = "models"


Listener = Callable[[Event, EchoODEError | None], None]
