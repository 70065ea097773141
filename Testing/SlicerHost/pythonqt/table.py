"""The API table at run time: which class has which member, and of what kind."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path

import yaml

FOLDER = Path(__file__).resolve().parent.parent / "api"
FAMILIES = ("qt", "ctk", "qmrml")
ELSEWHERE = {"QVTKOpenGLNativeWidget": {"bases": ["QWidget"]}}  # VTK's; of its base QOpenGLWidget scripts use nothing


class ApiTable:
    """Answers questions about the classes of qt.yaml, ctk.yaml and qmrml.yaml (see api/build.py).

    Every answer takes inherited members into account, because that is what Python code sees.
    """

    @cached_property
    def _classes(self) -> dict[str, dict[str, list[str]]]:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster, absent from some wheels
        merged: dict[str, dict[str, list[str]]] = dict(ELSEWHERE)
        for family in FAMILIES:
            with (FOLDER / f"{family}.yaml").open(encoding="utf-8") as file:
                merged.update(yaml.load(file, Loader=loader))
        return merged

    def __contains__(self, class_name: object) -> bool:
        return class_name in self._classes

    def names(self, family_prefix: str = "") -> list[str]:
        """Names of the classes that start with a prefix: "Q", "ctk", "qMRML", "qSlicer"."""
        return [name for name in self._classes if name.startswith(family_prefix)]

    def bases(self, class_name: str) -> list[str]:
        """Direct bases as the header names them."""
        return list(self._classes.get(class_name, {}).get("bases", []))

    def qt_base(self, class_name: str) -> str | None:
        """The nearest ancestor (or the class itself) that is Qt's own."""
        if class_name.startswith("Q") and class_name not in ELSEWHERE:
            return class_name
        found = (self.qt_base(base) for base in self.bases(class_name))
        return next((base for base in found if base), None)

    @cache  # noqa: B019  one table per process
    def members(self, class_name: str) -> dict[str, str]:
        """Name -> kind for a class and its bases; a property hides a method of the same name, as in PythonQt."""
        entry = self._classes.get(class_name, {})
        result: dict[str, str] = {}
        for base in self.bases(class_name):
            result.update(self.members(base))
        for kind in ("protected", "enum", "method", "slot", "signal", "property"):
            for name in entry.get(kind, []):
                result[name.partition("(")[0]] = kind
        return result

    @cache  # noqa: B019
    def signatures(self, class_name: str) -> frozenset[str]:
        """Normalised signatures of all signals of a class and its bases."""
        own = frozenset(self._classes.get(class_name, {}).get("signal", []))
        return own.union(*(self.signatures(base) for base in self.bases(class_name)))

    def kind(self, class_name: str, member: str) -> str | None:
        """Kind of a member, or None when the class lacks it."""
        return self.members(class_name).get(member)


TABLE = ApiTable()
