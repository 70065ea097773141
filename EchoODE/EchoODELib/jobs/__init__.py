"""The engine in a process of its own, for a user interface that never stands still.

:class:`Worker` starts the process, sends it tasks and brings back progress, results and errors. The process keeps
PyTorch and the models loaded between tasks. Messages are JSON lines on its standard input and output; arrays go
through files in a private temporary folder. Neither side imports Qt, VTK or Slicer.
"""

from .ef_tasks import EstimateEf, ExplainEf, HeatSeen, MapEmbeddings, MapSeen
from .errors import MissingPackage, UnexpectedFault, WorkerBusy, WorkerEnded
from .job import Job, JobState, WorkerState
from .tasks import (
    BeatSeen,
    Export,
    FrameSegmented,
    FrameShown,
    Live,
    Propagate,
    ProposeView,
    SeenView,
    Segment,
    WarmUp,
)
from .worker import Worker

__all__ = [
    "BeatSeen",
    "EstimateEf",
    "ExplainEf",
    "Export",
    "FrameSegmented",
    "FrameShown",
    "HeatSeen",
    "Job",
    "JobState",
    "Live",
    "MapEmbeddings",
    "MapSeen",
    "MissingPackage",
    "Propagate",
    "ProposeView",
    "SeenView",
    "Segment",
    "UnexpectedFault",
    "WarmUp",
    "Worker",
    "WorkerBusy",
    "WorkerEnded",
    "WorkerState",
]
