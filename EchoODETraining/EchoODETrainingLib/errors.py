"""What can go wrong in training, beside the engine's own errors."""

from EchoODELib.engine.errors import EchoODEError


class RecipeError(EchoODEError):
    """A recipe is missing, can't be understood, or asks for what can't be."""

    exit_code = 10


class TrainingError(EchoODEError):
    """A run can't begin, go on or be resumed; what it had kept is still there."""

    exit_code = 11
