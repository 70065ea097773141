"""What a run's folder holds: names and words on which the run and the module that follows and steers it agree.

Light, so that it can be read where nothing of training is installed; ``docs/training.md`` describes the folder.
"""

from __future__ import annotations

from enum import StrEnum

RECIPE, STATUS, METRICS, LOG, CONTROL = "recipe.yaml", "status.json", "metrics.csv", "log.txt", "control"
CHECKPOINTS, PREVIEWS, MODEL = "checkpoints", "previews", "model"

PREVIEW = "epoch-*.png"
"""A picture in :data:`PREVIEWS`; the star is its epoch, with three digits or more."""

STRUCTURES = ("lv", "myocardium", "la")
"""Whose validation Dice is told, 0 to 1."""

FIGURES = tuple(f"valid_{name}" for name in STRUCTURES)
"""Columns of :data:`METRICS` with the validation Dice, empty where there was no validation."""

VALUE_FIGURES = ("valid_mae", "valid_bce", "valid_r2", "valid_accuracy")
"""Those of networks of whole clips: of ejection fractions the mean error in points and R², of a yes or no the cross
entropy and the share that is right."""

COLUMNS = ("step", "epoch", "seconds", "loss", "learning_rate", *FIGURES, *VALUE_FIGURES)
"""Of :data:`METRICS`."""

WORDS = ("pause", "resume", "stop")
"""What :data:`CONTROL` can say; the run reads it before each step."""


class State(StrEnum):
    """How a run stands; all but the last stand in :data:`STATUS`."""

    STARTING = "starting"
    PREPARING = "preparing"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # it is under way by its folder, but its process is gone

    @property
    def active(self) -> bool:
        """Whether a process is at work on it, or waits to."""
        return self in (State.STARTING, State.PREPARING, State.RUNNING, State.PAUSED)
