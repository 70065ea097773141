"""Networks, built by name from one registry."""

from .registry import ARCHITECTURES, build_model

__all__ = ["ARCHITECTURES", "build_model"]
