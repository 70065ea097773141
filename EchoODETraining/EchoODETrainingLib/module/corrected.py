"""The scene's corrected clips as a data set."""

from __future__ import annotations

from pathlib import Path

from EchoODELib.engine.errors import UnsuitableMask
from EchoODELib.scene.study import Study

from .data import DataChoice


def corrected_clips() -> list[Study]:
    """Clips of the scene that have corrected frames."""
    return [study for study in Study.all() if study.correctedFrames]


def write_corrected(parent: Path) -> DataChoice:
    """Write them."""
    raise UnsuitableMask("soon")
