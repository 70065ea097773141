"""What can go wrong with a cluster; everything else has its error in the engine or with the workers."""

from __future__ import annotations

from ..engine.errors import EchoODEError


class ClusterError(EchoODEError):
    """The cluster can't be reached, was lost, or can't run EchoODE."""

    exit_code = 12
