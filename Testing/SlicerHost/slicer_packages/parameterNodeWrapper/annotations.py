"""What stands inside `Annotated[type, ...]`: limits, defaults and hints for widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


class Validator:
    """Checks a value before it is written; `validate` raises ValueError with the reason."""

    def validate(self, value: Any) -> None:
        """Raise ValueError when the value isn't allowed."""
        raise NotImplementedError


@dataclass(frozen=True)
class WithinRange(Validator):
    """The value lies between two numbers, both included."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        """See Validator."""
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not between {self.minimum} and {self.maximum}")


@dataclass(frozen=True)
class Minimum(Validator):
    """The value is not below a number."""

    minimum: float

    def validate(self, value: Any) -> None:
        """See Validator."""
        if value < self.minimum:
            raise ValueError(f"{value} is below {self.minimum}")


@dataclass(frozen=True)
class Maximum(Validator):
    """The value is not above a number."""

    maximum: float

    def validate(self, value: Any) -> None:
        """See Validator."""
        if value > self.maximum:
            raise ValueError(f"{value} is above {self.maximum}")


@dataclass(frozen=True)
class RangeBounds(Validator):
    """Both ends of a FloatRange lie between two numbers."""

    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        """See Validator."""
        if not self.minimum <= value.minimum <= value.maximum <= self.maximum:
            raise ValueError(f"{value} is not between {self.minimum} and {self.maximum}")


class Choice(Validator):
    """The value is one of several."""

    def __init__(self, choices: Sequence[Any]) -> None:
        self.choices = list(choices)

    def validate(self, value: Any) -> None:
        """See Validator."""
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


class Exclude(Validator):
    """The value is none of several."""

    def __init__(self, excludedValues: Sequence[Any]) -> None:
        self.excludedValues = list(excludedValues)

    def validate(self, value: Any) -> None:
        """See Validator."""
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is excluded")


class IsNone(Validator):
    """The value is None."""

    def validate(self, value: Any) -> None:
        """See Validator."""
        if value is not None:
            raise ValueError(f"{value!r} is not None")


class NotNone(Validator):
    """The value is not None."""

    def validate(self, value: Any) -> None:
        """See Validator."""
        if value is None:
            raise ValueError("the value is None")


@dataclass(frozen=True)
class IsInstance(Validator):
    """The value is of a class."""

    classtype: type | tuple[type, ...]

    def validate(self, value: Any) -> None:
        """See Validator."""
        if not isinstance(value, self.classtype):
            raise ValueError(f"{value!r} is no {self.classtype}")


class Default:
    """The value of a field at first; a generator makes a new one each time."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None) -> None:
        self.generator = generator or (lambda: value)


@dataclass(frozen=True)
class Decimals:
    """Digits after the point that a widget shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """Step of a widget."""

    value: float


@dataclass
class FloatRange:
    """Two numbers, the first not larger than the second."""

    minimum: float = 0.0
    maximum: float = 0.0

    def __post_init__(self) -> None:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is larger than maximum {self.maximum}")
