"""Which models can be used live, told by their cards alone: nothing heavy is loaded."""

from __future__ import annotations

from ..weights import COMBINATION, ModelCard, list_models

LIVE_MODEL = "live-camus-a4c"
"""The one that is taken where none is named."""

# Architectures that look at whole windows of a clip, also at what comes after a frame.
_WINDOWED = frozenset({"echo_ode", "echo_ode_unet", "echo_lstm", "conv_lstm"})


def why_not_live(card: ModelCard) -> str:
    """Why a model can't segment a stream, in one sentence; empty where it can."""
    if card.task != "segmentation":
        return f"The model {card.name} is for {card.task}; choose one that segments."
    if card.architecture == COMBINATION:
        return f"{card.name} combines several models, which is too slow live; choose one of them."
    if card.architecture in _WINDOWED:
        return (
            f"The model {card.name} looks at whole windows of a clip, also at frames to come, so it can't be used "
            "live; choose one of single frames, or one that follows a clip."
        )
    return ""


def live_models() -> list[ModelCard]:
    """The cards of all models that can segment a stream, by name, the default first.

    Raises
    ------
    WeightsError: a card that can't be read.
    """
    return sorted((c for c in list_models() if not why_not_live(c)), key=lambda c: (c.name != LIVE_MODEL, c.name))
