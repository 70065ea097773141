"""Python packages on first use: asked for when a step needs them, never when Slicer starts."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Sequence

import slicer

from ..engine.errors import EchoODEError

READING = (
    "pydicom>=3.0",
    "pyjpegls>=1.5",
    "pillow>=10.0",
    "opencv-python-headless>=4.9",
    "av>=13",
    "pynrrd>=1.0",
    "SimpleITK>=2.4",
    "scipy>=1.13",
    "matplotlib>=3.9",
)
"""What reading, measuring and showing a clip needs."""

COMPUTING = (
    "torchdiffeq>=0.2.5",
    "monai>=1.5",
    "pyyaml>=6.0",
    "safetensors>=0.5",
    "pandas>=2.2",
    "openpyxl>=3.1",
)
"""What the worker process needs beside :data:`READING` and PyTorch."""

TORCH = ">=2.6"


class MissingPackages(EchoODEError):
    """Packages that a step needs are absent, and were not installed."""


_ready: set[str] = set()


def ensureReading() -> None:
    """Make sure of :data:`READING`.

    Raises
    ------
    MissingPackages: declined, or no network.
    """
    _ensure(READING)


def ensureComputing() -> None:
    """Make sure of PyTorch, by the extension of that name, and of all else that the engine needs.

    Raises
    ------
    MissingPackages: declined, no network, or the PyTorch extension is not installed.
    """
    _ensureTorch()
    _ensure((*READING, *COMPUTING))


def ensureFurther(requirements: Sequence[str]) -> None:
    """Make sure of packages that another module of this extension needs.

    Raises
    ------
    MissingPackages: declined, or no network.
    """
    _ensure(requirements)


def areInstalled(requirements: Sequence[str]) -> bool:
    """Whether :func:`ensureFurther` would install nothing; it asks nobody."""
    return all(_installed(one) for one in requirements)


def readingIsThere() -> bool:
    """Whether :func:`ensureReading` would install nothing; it asks nobody."""
    return areInstalled(READING)


def computingIsThere() -> bool:
    """Whether :func:`ensureComputing` would install nothing; it asks nobody."""
    return importlib.util.find_spec("torch") is not None and areInstalled((*READING, *COMPUTING))


def _ensure(requirements: Sequence[str]) -> None:
    wanted = [requirement for requirement in requirements if requirement not in _ready]
    if not wanted:
        return
    try:
        if importlib.util.find_spec("slicer.packaging") is not None:
            from slicer.packaging import pip_ensure

            pip_ensure(wanted, requester="EchoODE")
        else:
            _ensureOlder(wanted)
    except (RuntimeError, OSError, ImportError, subprocess.SubprocessError) as error:
        raise MissingPackages(
            f"Python packages that EchoODE needs could not be installed ({_firstLine(error)}): check the network, "
            "then start the step again."
        ) from error
    _ready.update(wanted)


def _ensureOlder(wanted: Sequence[str]) -> None:
    """Slicer before 5.11 has no ``slicer.packaging``."""
    missing = [one for one in wanted if not _installed(one)]
    if not missing:
        return
    if not slicer.util.confirmOkCancelDisplay(
        f"EchoODE needs the Python packages {', '.join(missing)}. Install them now?"
    ):
        raise MissingPackages("EchoODE needs more Python packages; start the step again and let them install.")
    slicer.util.pip_install(missing)


def _installed(requirement: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(requirement.split(">=")[0])
    except PackageNotFoundError:
        return False
    return True


def _ensureTorch() -> None:
    if "torch" in _ready:
        return
    try:
        from PyTorchUtils import InstallError, PyTorchUtilsLogic
    except ImportError as error:
        if importlib.util.find_spec("torch") is not None:
            _ready.add("torch")
            return
        raise MissingPackages(
            "EchoODE needs the extension PyTorch: install it in the Extensions Manager, restart Slicer, and try again."
        ) from error
    torch = PyTorchUtilsLogic()
    if not torch.torchInstalled():
        try:
            installed = torch.installTorch(askConfirmation=True, torchVersionRequirement=TORCH)
        except (InstallError, RuntimeError, OSError, ImportError) as error:
            raise MissingPackages(f"PyTorch could not be installed ({_firstLine(error)}); try again later.") from error
        if installed is None:
            raise MissingPackages("EchoODE needs PyTorch to segment; start the step again and let it install.")
    _ready.add("torch")


def _firstLine(error: BaseException) -> str:
    text = str(error).strip().rstrip(".")
    return text.splitlines()[0] if text else type(error).__name__
