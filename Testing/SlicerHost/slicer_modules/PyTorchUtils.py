"""`PyTorchUtils`: torch as the PyTorch extension gives it. The host installs nothing, it looks what is there."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import Any

from packaging.requirements import Requirement

__all__ = ["InstallError", "PyTorchUtilsLogic"]


class InstallError(Exception):
    """Torch couldn't be installed."""

    def __init__(self, message: str, restartRequired: bool = False) -> None:
        super().__init__(message)
        self.message, self.restartRequired = message, restartRequired


class PyTorchUtilsLogic:
    """Access to torch."""

    @staticmethod
    def torchInstalled() -> bool:
        """Whether torch can be imported; it isn't imported for the answer."""
        return importlib.util.find_spec("torch") is not None

    def installTorch(
        self,
        askConfirmation: bool = False,
        forceComputationBackend: str | None = None,
        torchVersionRequirement: str | None = None,
        torchvisionVersionRequirement: str | None = None,
    ) -> Any:
        """The module torch if it is installed in a version that fits.

        Raises:
            InstallError: it isn't; the host doesn't install it.
        """
        wanted = f"torch{torchVersionRequirement or ''}"
        if not self.torchInstalled():
            raise InstallError(f"{wanted} isn't installed, and the host installs nothing")
        if not Requirement(wanted).specifier.contains(importlib.metadata.version("torch"), prereleases=True):
            raise InstallError(f"torch {importlib.metadata.version('torch')} is installed, {wanted} is needed")
        return self.torch

    @property
    def torch(self) -> Any:
        """The module torch, imported at first use."""
        return self.installTorch() if not self.torchInstalled() else importlib.import_module("torch")

    @staticmethod
    def cuda() -> str | None:
        """Version of CUDA that torch was built for, None without."""
        import torch

        return torch.version.cuda
