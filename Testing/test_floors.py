"""The three floors: engine below, scene above it, ui on top; nothing heavy when Slicer starts."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parent.parent / "EchoODE"
LIBRARY = "EchoODELib"
HEAVY = {"torch", "torchvision", "monai", "cv2", "torchdiffeq", "SimpleITK"}
SLICER = {"slicer", "slicer_core", "vtk", "vtkmodules", "vtkAddon", "mrml"}
QT = {"qt", "ctk", "PythonQt", "PySide6", "PyQt5", "PyQt6", "qSlicerBaseQTCorePythonQt"}

# floor -> (what it never imports, floors it never reaches up to)
FORBIDDEN = {
    "engine": (SLICER | QT, {"scene", "ui", "jobs", "logic", "cohort", "cli"}),
    "jobs": (SLICER | QT, {"scene", "ui", "logic", "cohort", "cli"}),
    "cohort": (SLICER | QT, {"scene", "ui", "logic", "cli"}),
    "scene": (QT, {"ui", "jobs", "logic", "cli"}),
    "logic": (QT | {"torch", "torchvision"}, {"ui", "cli"}),
    "ui": ({"torch", "torchvision"}, {"cli"}),
    "cli": (QT, {"ui"}),
}
STARTS = ("ui", "logic", "jobs", "scene")


@dataclass(frozen=True)
class Import:
    """One import statement's target; ``at_start`` when it runs as the file is loaded."""

    target: str
    line: int
    at_start: bool


def modules_below(packages: Path) -> dict[str, Path]:
    """Python modules by dotted name."""
    found = {}
    for path in sorted(packages.rglob("*.py")):
        parts = list(path.relative_to(packages).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        if parts:
            found[".".join(parts)] = path
    return found


def imports_of(name: str, path: Path) -> list[Import]:
    """Every import of a module with relative names resolved; imports for type checkers only are left out."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: list[Import] = []

    def visit(nodes: list[ast.stmt], at_start: bool) -> None:
        for node in nodes:
            if isinstance(node, ast.Import):
                found.extend(Import(alias.name, node.lineno, at_start) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    kept = package.split(".")[: len(package.split(".")) - node.level + 1]
                    base = ".".join([*kept, *([base] if base else [])])
                found.append(Import(base, node.lineno, at_start))
                found.extend(Import(f"{base}.{alias.name}", node.lineno, at_start) for alias in node.names)
            elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                visit(node.orelse, at_start)
            else:
                inside = at_start and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                for block in ("body", "orelse", "finalbody"):
                    visit(getattr(node, block, []), inside)
                for part in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
                    visit(part.body, inside)

    visit(ast.parse(path.read_text(encoding="utf-8")).body, True)
    return found


def floor_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == LIBRARY else ""


def broken_rules(packages: Path) -> list[str]:
    """One sentence for each import that a floor may not make."""
    problems = []
    for name, path in modules_below(packages).items():
        floor = floor_of(name)
        outside, above = FORBIDDEN.get(floor, (set(), set()))
        for one in imports_of(name, path):
            if one.target.split(".")[0] in outside:
                problems.append(f"{name}, line {one.line}: {floor} imports {one.target}")
            elif one.target.startswith(LIBRARY) and floor_of(one.target) in above:
                problems.append(f"{name}, line {one.line}: {floor} reaches up to {one.target}")
    return [*problems, *_heavy_starts(packages)]


def _heavy_starts(packages: Path) -> Iterator[str]:
    """What Slicer loads at start, followed through file-scope imports, that ends in a heavy package."""
    modules = modules_below(packages)
    at_start = {name: [one for one in imports_of(name, path) if one.at_start] for name, path in modules.items()}
    loaded = {name: name for name in modules if ("." not in name and name != LIBRARY) or floor_of(name) in STARTS}
    queue = list(loaded)
    while queue:
        name = queue.pop()
        for one in at_start[name]:
            if one.target.split(".")[0] in HEAVY:
                yield f"{loaded[name]} loads {one.target} when Slicer starts ({name}, line {one.line})"
            parts = one.target.split(".")
            for count in range(1, len(parts) + 1):  # importing a.b.c runs a and a.b too
                part = ".".join(parts[:count])
                if part in modules and part not in loaded:
                    loaded[part] = loaded[name]
                    queue.append(part)


def test_the_floors_hold() -> None:
    assert modules_below(PACKAGES), "no modules were found: the check would pass on nothing"
    assert broken_rules(PACKAGES) == []


def test_the_command_line_starts_light() -> None:
    """``echoode --help`` is quick because nothing heavy is loaded before a command needs it."""
    code = (
        "import sys, EchoODELib.cli; print(sorted(set(sys.modules) & {'torch', 'monai', 'cv2', 'SimpleITK', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def made_up_tree(tmp_path: Path) -> Path:
    """A tree that keeps all rules."""
    files = {
        "EchoODE.py": "import slicer\nimport qt\nfrom EchoODELib.ui import panel\n",
        "EchoODELib/__init__.py": "",
        "EchoODELib/engine/__init__.py": "",
        "EchoODELib/engine/work.py": "import torch\nimport SimpleITK\n",
        "EchoODELib/engine/light.py": "import numpy\n",
        "EchoODELib/scene/__init__.py": "",
        "EchoODELib/scene/nodes.py": "import slicer\nfrom ..engine import light\n\n"
        "def f():\n    from ..engine import work\n",
        "EchoODELib/ui/__init__.py": "",
        "EchoODELib/ui/panel.py": "import qt\nfrom typing import TYPE_CHECKING\nfrom ..scene import nodes\n"
        "if TYPE_CHECKING:\n    from ..engine import work\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_a_tree_that_keeps_the_rules_passes(made_up_tree: Path) -> None:
    assert broken_rules(made_up_tree) == []


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("EchoODELib/engine/light.py", "import slicer", "engine imports slicer"),
        ("EchoODELib/engine/light.py", "import vtk.util.numpy_support", "engine imports vtk"),
        ("EchoODELib/engine/light.py", "def f():\n    import qt", "engine imports qt"),
        ("EchoODELib/engine/light.py", "from ctk import ctkSliderWidget", "engine imports ctk"),
        ("EchoODELib/engine/light.py", "from ..scene import nodes", "reaches up to EchoODELib.scene"),
        ("EchoODELib/engine/light.py", "from .. import ui", "reaches up to EchoODELib.ui"),
        ("EchoODELib/engine/light.py", "from EchoODELib import cli", "reaches up to EchoODELib.cli"),
        ("EchoODELib/scene/nodes.py", "from ..ui.panel import Panel", "reaches up to EchoODELib.ui"),
        ("EchoODELib/scene/nodes.py", "import qt", "scene imports qt"),
        ("EchoODELib/ui/panel.py", "def f():\n    import torch", "ui imports torch"),
        ("EchoODE.py", "import torch", "loads torch when Slicer starts"),
        ("EchoODE.py", "try:\n    import cv2\nexcept ImportError:\n    cv2 = None", "loads cv2 when Slicer starts"),
        ("EchoODELib/ui/panel.py", "class A:\n    import monai", "loads monai when Slicer starts"),
        ("EchoODELib/scene/nodes.py", "from ..engine.work import run", "loads torch when Slicer starts"),
        ("EchoODELib/engine/__init__.py", "from .work import run", "loads SimpleITK when Slicer starts"),
        ("EchoODELib/__init__.py", "from .engine import work", "loads torch when Slicer starts"),
    ],
)
def test_the_check_can_fail(made_up_tree: Path, file: str, line: str, expected: str) -> None:
    path = made_up_tree / file
    path.write_text(f"{path.read_text()}{line}\n")
    assert any(expected in problem for problem in broken_rules(made_up_tree))
