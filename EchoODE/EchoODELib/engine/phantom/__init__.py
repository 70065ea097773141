"""A simulated echocardiogram whose masks, motion and volumes are known exactly."""

from .settings import QUALITIES, Acoustics, PhantomClip, PhantomSettings
from .simulate import simulate

__all__ = ["QUALITIES", "Acoustics", "PhantomClip", "PhantomSettings", "simulate"]
