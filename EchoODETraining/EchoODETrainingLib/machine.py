"""Where a run computes: CPU, one GPU, or many through ``torchrun``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import torch
from EchoODELib.engine.models.inference import choose_device
from lightning_fabric import Fabric

from .processes import process_count


@dataclass(frozen=True)
class Machine:
    """Where a run computes.

    Attributes
    ----------
    device: "auto", "cpu" or "cuda".
    workers: processes that make examples; None: one beside a CPU, up to eight beside a GPU.
    threads: of the CPU; None for torch's own choice.
    keep_seconds: time between two checkpoints.
    """

    device: str = "auto"
    workers: int | None = None
    threads: int | None = None
    keep_seconds: float = 120.0

    def fabric(self, precision: str, *, idle_parts: bool = False) -> Fabric:
        """A fabric; over all processes of ``torchrun``, where that started this one.

        Parameters
        ----------
        precision: as Lightning Fabric names it.
        idle_parts: whether there are steps in which parts of the network don't learn.

        Raises
        ------
        DeviceError: the device is absent.
        """
        if self.threads:
            torch.set_num_threads(self.threads)
        chosen = choose_device(self.device)
        processes = process_count()
        devices: Any = [chosen.index or 0] if chosen.type == "cuda" else 1
        many: dict[str, Any] = {"devices": devices}
        if processes > 1 and "TORCHELASTIC_RUN_ID" in os.environ:
            here = int(os.environ["LOCAL_WORLD_SIZE"])
            many = {"devices": here, "num_nodes": processes // here}
            many["strategy"] = "ddp_find_unused_parameters_true" if idle_parts else "ddp"
        made = Fabric(accelerator=chosen.type, precision=precision, **many)  # type: ignore[arg-type]
        made.launch()
        return made

    def workers_for(self, device: torch.device, processes: int) -> int:
        """Processes that make examples for one process that learns."""
        if self.workers is not None:
            return self.workers
        return 1 if device.type == "cpu" else max(1, min(8, (os.cpu_count() or 2) // processes - 1))
