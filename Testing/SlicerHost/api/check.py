"""Does an extension use only what Slicer has? Reads its Python and .ui files, runs nothing.

    python -m SlicerHost.api.check MyModule.py MyModuleLib/ Resources/UI/MyModule.ui

What is checked: names in `qt`, `ctk` and `slicer.q...`; members of objects whose class can be seen (made by
`qt.QLabel()`, kept in a variable or in `self`, or named in the .ui file and used as `self.ui.<name>`); signatures given
to `connect`; keyword arguments; properties called like functions; classes, properties, signals and slots of .ui files.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from ..pythonqt.signals import split
from ..pythonqt.table import TABLE

MODULES = {"qt": "Q", "ctk": "ctk"}
QT_FUNCTIONS = {"SIGNAL", "SLOT"}
PYTHONQT_MEMBERS = {"connect", "disconnect", "className", "delete", "help", "name", "exec_", "destroyed"}
LAYOUT_PROPERTIES = {"margin", "leftMargin", "topMargin", "rightMargin", "bottomMargin", "spacing"}


def check(paths: Iterable[Path]) -> list[str]:
    """Problems in files and folders, each as "file:line: what"."""
    files = sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    widgets: dict[str, str] = {}
    problems: list[str] = []
    for file in files:
        if file.suffix == ".ui":
            root = ElementTree.parse(file).getroot()
            widgets |= {one.get("name", ""): one.get("class", "") for one in root.iter("widget")}
            problems += [f"{file}: {problem}" for problem in ui_problems(root)]
    for file in files:
        if file.suffix == ".py":
            tree = ast.parse(file.read_text(encoding="utf-8"))
            problems += [f"{file}:{line}: {problem}" for line, problem in Checker(widgets).problems(tree)]
    return problems


def ui_problems(root: ElementTree.Element) -> Iterator[str]:
    """Classes, properties, signals and slots of a .ui file that don't exist."""
    classes = {one.get("name"): one.get("class", "") for one in root.iter("widget")}
    for widget in root.iter("widget"):
        class_name = widget.get("class", "")
        if class_name not in TABLE:
            yield f"no class {class_name}"
            continue
        for entry in widget.findall("property"):
            name = entry.get("name", "")
            if entry.get("stdset") != "0" and TABLE.kind(class_name, name) != "property":
                yield f"{class_name} '{widget.get('name')}' has no property '{name}'"
    for layout in root.iter("layout"):
        for entry in layout.findall("property"):
            name, class_name = entry.get("name", ""), layout.get("class", "")
            if name not in LAYOUT_PROPERTIES and TABLE.kind(class_name, name) != "property":
                yield f"{class_name} has no property '{name}'"
    for connection in root.iter("connection"):
        sender = classes.get(connection.findtext("sender"))
        receiver = classes.get(connection.findtext("receiver"))
        signal, slot = connection.findtext("signal") or "", connection.findtext("slot") or ""
        if sender and (problem := signal_problem(sender, signal)):
            yield problem
        if receiver and TABLE.kind(receiver, slot.partition("(")[0]) not in ("slot", "method", "signal"):
            yield f"{receiver} has no slot '{slot}'"


def signal_problem(class_name: str, signature: str) -> str | None:
    """What is wrong with a signal's signature, None if nothing is."""
    name, arguments = split(signature)
    if arguments is None:
        return f"{class_name}: write the signal '{signature}' with its arguments"
    if f"{name}({','.join(arguments)})" not in TABLE.signatures(class_name):
        return f"{class_name} has no signal '{signature}'"
    return None


class Checker:
    """Walks one Python file."""

    def __init__(self, widgets: dict[str, str]) -> None:
        self.widgets = widgets
        self.types: dict[str, str] = {}  # "name" or "self.name" -> class

    def problems(self, tree: ast.AST) -> Iterator[tuple[int, str]]:
        """Line and text of each problem."""
        for node in ast.walk(tree):  # first what is made where, so that the order of methods doesn't matter
            if isinstance(node, ast.Assign) and (made := self._made(node.value)):
                for target in node.targets:
                    if name := _path(target):
                        known = self.types.setdefault(name, made)
                        self.types[name] = made if known == made else ""  # made twice, differently: unknown
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                yield from ((node.lineno, problem) for problem in self._attribute(node))
            elif isinstance(node, ast.Call):
                yield from ((node.lineno, problem) for problem in self._call(node))

    def _made(self, value: ast.AST) -> str | None:
        return self._class_named(value.func) if isinstance(value, ast.Call) else None

    def _class_named(self, node: ast.AST) -> str | None:
        path = _path(node) or ""
        module, _, name = path.rpartition(".")
        known = (module in MODULES and name in TABLE) or (module == "slicer" and name.startswith("q") and name in TABLE)
        return name if known else None

    def _type_of(self, node: ast.AST) -> str | None:
        path = _path(node) or ""
        if path.startswith(("self.ui.", "ui.")):
            return self.widgets.get(path.rpartition(".")[2])
        return self.types.get(path) or self._made(node)

    def _attribute(self, node: ast.Attribute) -> Iterator[str]:
        owner = _path(node.value) or ""
        if owner in MODULES:
            if node.attr not in TABLE and node.attr not in QT_FUNCTIONS:
                yield f"{owner} has no '{node.attr}'"
            return
        if owner == "slicer" and node.attr.startswith(("qMRML", "qSlicer")) and node.attr not in TABLE:
            yield f"slicer has no '{node.attr}'"
        named = self._class_named(node.value)
        if named is None and isinstance(node.value, ast.Attribute) and (outer := self._class_named(node.value.value)):
            if TABLE.kind(outer, node.value.attr) is None and node.value.attr[:1].isupper():
                advice = f"{_path(node.value.value)}.{node.attr}"
                yield f"{owner}.{node.attr}: PythonQt has enumerators in the class, write {advice}"
            return
        class_name = named or self._type_of(node.value)
        if class_name and class_name in TABLE and not self._known(class_name, node.attr, named is not None):
            yield f"{class_name} has no member '{node.attr}'"

    @staticmethod
    def _known(class_name: str, member: str, of_class: bool) -> bool:
        kind = TABLE.kind(class_name, member)
        enumeration = of_class and member[:1].isupper()  # the type of an enumeration; its enumerators are in the table
        return kind is not None or member in PYTHONQT_MEMBERS or member.startswith("__") or enumeration

    def _call(self, node: ast.Call) -> Iterator[str]:
        made = self._class_named(node.func)
        if made and node.keywords:
            yield f"{made}() takes no keyword arguments"
        if not isinstance(node.func, ast.Attribute):
            return
        class_name, member = self._type_of(node.func.value), node.func.attr
        if not class_name or class_name not in TABLE:
            return
        if node.keywords:
            yield f"{class_name}.{member}() takes no keyword arguments"
        if TABLE.kind(class_name, member) == "property":
            yield f"{class_name}.{member} is a property, it can't be called"
        first = node.args[0] if node.args else None
        if member in ("connect", "disconnect") and isinstance(first, ast.Constant) and isinstance(first.value, str):
            problem = signal_problem(class_name, first.value)
            if problem:
                yield problem


def _path(node: ast.AST) -> str | None:
    """`a.b.c` as text; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (inner := _path(node.value)):
        return f"{inner}.{node.attr}"
    return None


def main() -> int:
    """Check the files named on the command line; the exit status is 1 when there are problems."""
    problems = check([Path(name) for name in sys.argv[1:]])
    print("\n".join(problems) or "nothing found that Slicer lacks")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
