"""Networks, built by name from one registry; see :mod:`.per_frame` for one interface to all of them."""

from .registry import ARCHITECTURES, build_model, network_class

__all__ = ["ARCHITECTURES", "build_model", "network_class"]
