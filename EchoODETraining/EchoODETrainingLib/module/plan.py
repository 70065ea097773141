"""What would be trained and how long it takes, as the trainer reckons it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plan:
    """The trainer's answer to ``--plan``."""

    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Plan:
        """Out of the trainer's answer."""
        return cls(document)

    def spoken(self) -> str:
        """As rich text."""
        return str(dict(self.document))
