"""What can go wrong, each as one sentence that says what to do.

A function that meets bad input raises one of these with a message that a person can act on. The
command line prints the message and ends with the class's ``exit_code``; the module shows it in the
panel. Anything else that is raised is a defect of ours.
"""


class EchoODEError(Exception):
    """Base of all expected failures; ``str(error)`` is the sentence to show."""

    exit_code = 1


class UnreadableClip(EchoODEError):
    """The file can't be read: missing, empty, truncated, of an unknown type, no decoder."""

    exit_code = 3


class UnsuitableClip(EchoODEError):
    """The clip was read but does not fit the task: one frame, colour Doppler, wrong view."""

    exit_code = 4


class UnsuitableMask(EchoODEError):
    """A mask can't be used: empty, of another size than the clip, with unknown labels."""

    exit_code = 5


class UncalibratedClip(EchoODEError):
    """A physical quantity was asked of a clip whose pixel size is not known."""

    exit_code = 6


class WeightsError(EchoODEError):
    """Model weights are missing, damaged or do not fit their card."""

    exit_code = 7


class OutputError(EchoODEError):
    """A result could not be written; nothing half written is left behind."""

    exit_code = 8


class DeviceError(EchoODEError):
    """The device asked for is absent or out of memory."""

    exit_code = 9


class PackageNeeded(EchoODEError):
    """A Python package that only some need is not installed."""

    exit_code = 13


class RunCancelled(EchoODEError):
    """The person cancelled the run; nothing of it was kept."""

    exit_code = 130
