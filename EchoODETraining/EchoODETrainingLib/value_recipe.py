"""The part of a recipe that is for networks of whole clips: how clips are cut, and what is asked of their answers."""

from __future__ import annotations

from typing import Annotated, Literal

from EchoODELib.engine.clips_over_time import ClipUse
from pydantic import BaseModel, ConfigDict, Field


class Clips(BaseModel):
    """How clips are cut out of recordings, see :class:`EchoODELib.engine.clips_over_time.ClipUse`.

    Attributes
    ----------
    frames, stride, interval, whole: of a clip.
    clips: whose answers are averaged at use.
    a_recording: clips that an example shows of its recording, each changed in its own way; the paper's 2.
    own_starts: whether each of them starts at a frame of its own; else they differ by their changes alone.
    longest: px; recordings are kept no larger than this on their longer side. None: twice the input's.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: Annotated[int, Field(ge=1)] = 36
    stride: Annotated[int, Field(ge=1)] = 4
    interval: Annotated[float, Field(gt=0, lt=10)] | None = None
    whole: bool = False
    clips: Annotated[int, Field(ge=1)] = 3
    a_recording: Annotated[int, Field(ge=1)] = 2
    own_starts: bool = True
    longest: Annotated[int, Field(ge=32)] | None = None

    @property
    def use(self) -> ClipUse:
        """As at use."""
        return ClipUse(self.frames, self.stride, self.interval, self.whole, self.clips)


class Answers(BaseModel):
    """What is asked of a network's values and embeddings, see :mod:`.value_losses`.

    Attributes
    ----------
    error: "l1" or "l2" of a value, "bce" of a yes or no.
    contrast: weight of rank-N-contrast; above 0 a stop-gradient keeps the error away from the encoder.
    temperature: its tau.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    error: Literal["l1", "l2", "bce"] = "l1"
    contrast: Annotated[float, Field(ge=0)] = 0.0
    temperature: Annotated[float, Field(gt=0)] = 1.0
