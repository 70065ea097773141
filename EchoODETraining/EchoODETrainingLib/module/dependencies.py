"""Python packages that training needs beside the engine's, asked for at first use."""

from __future__ import annotations

from EchoODELib.logic import dependencies

TRAINING = ("lightning-fabric>=2.5", "pydantic>=2.10", "tensorboard>=2.18", "typer>=0.15", "rich>=13")
"""The trainer is a command of the command line, hence its last two."""


def ensure_training() -> None:
    """Make sure of PyTorch, by the extension of that name, of the engine's packages and of :data:`TRAINING`.

    Raises
    ------
    MissingPackages: declined, no network, or the PyTorch extension is not installed.
    """
    dependencies.ensureComputing()
    dependencies.ensureFurther(TRAINING)


def training_is_there() -> bool:
    """Whether :func:`ensure_training` would install nothing; it asks nobody."""
    return dependencies.computingIsThere() and dependencies.areInstalled(TRAINING)
