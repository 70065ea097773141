"""Does an extension use only what Slicer has? Reads its Python and .ui files, runs nothing.

    python -m SlicerHost.api.check MyModule.py MyModuleLib/ Resources/UI/MyModule.ui

What is checked: names in `qt`, `ctk` and `slicer.q...`; members of objects whose class can be seen (see inference.py),
among them `self.ui.<name>` and chains such as `slicer.app.layoutManager().sliceWidget("Red").sliceView()`; signatures
given to `connect`; keyword arguments; properties called like functions; classes, properties, signals and slots of .ui
files.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from ..pythonqt.signals import split
from ..pythonqt.table import TABLE
from .inference import MODULES, UI, TypeFinder, path_of

QT_FUNCTIONS = {"SIGNAL", "SLOT"}
PYTHONQT_MEMBERS = {"connect", "disconnect", "className", "delete", "help", "name", "exec_", "destroyed"}
LAYOUT_PROPERTIES = {"margin", "leftMargin", "topMargin", "rightMargin", "bottomMargin", "spacing"}


def check(paths: Iterable[Path]) -> list[str]:
    """Problems in files and folders, each as "file:line: what"."""
    files = sorted(file for path in paths for file in ([path] if path.is_file() else path.rglob("*")))
    panels: dict[str, dict[str, str]] = {}  # name of a .ui file -> its widgets
    problems: list[str] = []
    for file in files:
        if file.suffix == ".ui":
            root = ElementTree.parse(file).getroot()
            panels[file.name] = {one.get("name", ""): one.get("class", "") for one in root.iter() if one.get("name")}
            problems += [f"{file}: {problem}" for problem in ui_problems(root)]
    for file in files:
        if file.suffix == ".py":
            tree = ast.parse(file.read_text(encoding="utf-8"))
            checker = Checker(tree, widgets_for(tree, panels))
            problems += [f"{file}:{line}: {problem}" for line, problem in checker.problems()]
    return problems


def widgets_for(tree: ast.AST, panels: Mapping[str, Mapping[str, str]]) -> dict[str, str] | None:
    """Widgets that a file's `ui` may have: those of the .ui files that it names, or of all when it names none.

    A name that stands for different classes in different .ui files gets the class "".
    """
    texts = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    named = [widgets for name, widgets in panels.items() if any(text.endswith(name) for text in texts)]
    found: dict[str, str] = {}
    for widgets in named or panels.values():
        for name, class_name in widgets.items():
            found[name] = class_name if found.get(name, class_name) == class_name else ""
    return found or None


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
    """Walks one Python file.

    Args:
        tree: the file.
        widgets: name -> class of the widgets of its .ui files; None where no .ui file is known.
    """

    def __init__(self, tree: ast.AST, widgets: Mapping[str, str] | None) -> None:
        self.tree, self.widgets = tree, widgets
        self.types = TypeFinder(tree, widgets or {})

    def problems(self) -> Iterator[tuple[int, str]]:
        """Line and text of each problem."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Attribute):
                yield from ((node.lineno, problem) for problem in self._attribute(node))
            elif isinstance(node, ast.Call):
                yield from ((node.lineno, problem) for problem in self._call(node))

    def _attribute(self, node: ast.Attribute) -> Iterator[str]:
        owner = path_of(node.value) or ""
        if owner in MODULES:
            if node.attr not in TABLE and node.attr not in QT_FUNCTIONS:
                yield f"{owner} has no '{node.attr}'"
            return
        if owner == "slicer" and node.attr.startswith(("qMRML", "qSlicer")) and node.attr not in TABLE:
            yield f"slicer has no '{node.attr}'"
        named = TypeFinder.class_named(node.value)
        if named is None and isinstance(node.value, ast.Attribute):
            outer = TypeFinder.class_named(node.value.value)
            if outer:
                if TABLE.kind(outer, node.value.attr) is None and node.value.attr[:1].isupper():
                    advice = f"{path_of(node.value.value)}.{node.attr}"
                    yield f"{owner}.{node.attr}: PythonQt has enumerators in the class, write {advice}"
                return
        class_name = named or self.types.class_of(node.value)
        if class_name == UI and self.widgets and node.attr not in self.widgets and not node.attr.startswith("__"):
            yield f"no widget '{node.attr}' in the .ui files"
        if class_name and class_name in TABLE and not self._known(class_name, node.attr, named is not None):
            yield f"{class_name} has no member '{node.attr}'"

    @staticmethod
    def _known(class_name: str, member: str, of_class: bool) -> bool:
        kind = TABLE.kind(class_name, member)
        enumeration = of_class and member[:1].isupper()  # the type of an enumeration; its enumerators are in the table
        return kind is not None or member in PYTHONQT_MEMBERS or member.startswith("__") or enumeration

    def _call(self, node: ast.Call) -> Iterator[str]:
        made = TypeFinder.class_named(node.func)
        if made and node.keywords:
            yield f"{made}() takes no keyword arguments"
        if not isinstance(node.func, ast.Attribute):
            return
        class_name, member = self.types.class_of(node.func.value), node.func.attr
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


def main() -> int:
    """Check the files named on the command line; the exit status is 1 when there are problems."""
    problems = check([Path(name) for name in sys.argv[1:]])
    print("\n".join(problems) or "nothing found that Slicer lacks")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
