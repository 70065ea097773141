"""Of which Qt, ctk or qMRML class is an expression? Read from the source alone, and None where that can't be seen.

Followed are constructors, annotations, assignments, loops over a literal list, widgets of .ui files (`self.ui.name`, or
whatever variable `slicer.util.childWidgetVariables` was kept in), and methods whose class of result is known (RETURNS).
A name that is given two classes in one scope has none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from ..pythonqt.table import TABLE

MODULES = {"qt": "Q", "ctk": "ctk"}
UI = "<widgets of a .ui file>"
UNKNOWN = ""
PASSES = 3  # a name may be made of one that is made further below, and that of another
PLACES = {"slicer.app": "qSlicerApplication", "self.ui": UI}
FUNCTIONS = {"slicer.util.mainWindow": "qSlicerMainWindow", "slicer.util.childWidgetVariables": UI}
RETURNS = {
    "qSlicerApplication": {
        "layoutManager": "qSlicerLayoutManager",
        "moduleManager": "qSlicerModuleManager",
        "ioManager": "qSlicerIOManager",
        "coreIOManager": "qSlicerIOManager",
        "userSettings": "QSettings",
        "settings": "QSettings",
    },
    "qSlicerMainWindow": {"moduleSelector": "qSlicerModuleSelectorToolBar"},
    "QMainWindow": {"statusBar": "QStatusBar", "menuBar": "QMenuBar", "addToolBar": "QToolBar"},
    "qMRMLLayoutManager": {
        "sliceWidget": "qMRMLSliceWidget",
        "plotWidget": "qMRMLPlotWidget",
        "tableWidget": "qMRMLTableWidget",
        "threeDWidget": "qMRMLThreeDWidget",
        "viewport": "QWidget",
    },
    "qMRMLSliceWidget": {"sliceView": "qMRMLSliceView", "sliceController": "qMRMLSliceControllerWidget"},
    "qMRMLPlotWidget": {"plotView": "qMRMLPlotView", "plotController": "qMRMLPlotViewControllerWidget"},
    "qMRMLTableWidget": {"tableView": "qMRMLTableView", "tableController": "qMRMLTableViewControllerWidget"},
    "qMRMLThreeDWidget": {"threeDView": "qMRMLThreeDView"},
    "qMRMLSegmentEditorWidget": {"effectByName": "qSlicerSegmentEditorAbstractEffect"},
    "qMRMLSegmentsTableView": {"tableWidget": "QTableWidget"},
    "qMRMLSequenceBrowserSeekWidget": {"slider": "ctkDoubleSlider"},
    "QTableView": {"horizontalHeader": "QHeaderView", "verticalHeader": "QHeaderView"},
    "QTreeView": {"header": "QHeaderView"},
    "QTableWidget": {"item": "QTableWidgetItem"},
    "QTabWidget": {"tabBar": "QTabBar"},
    "QMenu": {"addAction": "QAction", "addMenu": "QMenu"},
    "QMenuBar": {"addMenu": "QMenu"},
    "QToolBar": {"addAction": "QAction"},
    "QWidget": {"style": "QStyle", "window": "QWidget"},
    "QLabel": {"buddy": "QWidget"},
}

Scope = dict[str, str]


class TypeFinder:
    """The classes of names in one file, scope by scope.

    Args:
        tree: the file.
        widgets: name -> class of the widgets of the .ui files that the file may load.
    """

    def __init__(self, tree: ast.AST, widgets: Mapping[str, str]) -> None:
        self.widgets = widgets
        self._scopes: dict[ast.AST, Scope] = {}
        self._owners: dict[ast.AST, tuple[ast.AST, ...]] = {}  # node -> scopes around it, innermost first
        self._enter(tree, (tree,))
        for _ in range(PASSES):
            self._scopes = self._read_scopes()

    def class_of(self, node: ast.AST) -> str | None:
        """Class of what an expression gives, UI for the widgets of a panel, None when it can't be seen."""
        if isinstance(node, ast.Call):
            return self.class_named(node.func) or FUNCTIONS.get(path_of(node.func) or "") or self._result(node.func)
        if isinstance(node, Annotation):
            return self.class_named(node.expression)
        path = path_of(node)
        if path and (known := self._lookup(path, node)) is not None:
            return known or None
        if path in PLACES:
            return PLACES[path]
        if isinstance(node, ast.Attribute) and self.class_of(node.value) == UI:
            return self.widgets.get(node.attr)
        return None

    @staticmethod
    def class_named(node: ast.AST) -> str | None:
        """The class that `qt.QLabel`, `ctk.ctkCheckBox` or `slicer.qMRMLWidget` names, also within a string."""
        path = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else path_of(node)
        module, _, name = (path or "").rpartition(".")
        known = (module in MODULES and name in TABLE) or (module == "slicer" and name.startswith("q") and name in TABLE)
        return name if known else None

    def _result(self, function: ast.AST) -> str | None:
        if not isinstance(function, ast.Attribute):
            return None
        queue = [self.class_of(function.value) or ""]
        while queue:
            name = queue.pop(0)
            if found := RETURNS.get(name, {}).get(function.attr):
                return found
            queue += TABLE.bases(name)
        return None

    def _enter(self, node: ast.AST, scopes: tuple[ast.AST, ...]) -> None:
        self._owners[node] = scopes
        inner = (node, *scopes) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda) else scopes
        for child in ast.iter_child_nodes(node):
            self._enter(child, inner)

    def _home(self, path: str, scopes: tuple[ast.AST, ...]) -> ast.AST:
        """The scope in which a name lives: `self.x` in the class, others in the innermost function."""
        if path.startswith("self."):
            return next((one for one in scopes if isinstance(one, ast.ClassDef)), scopes[-1])
        return scopes[0]

    def _read_scopes(self) -> dict[ast.AST, Scope]:
        """The class of each name in each scope, with what is known from the pass before."""
        found: dict[ast.AST, Scope] = {}
        for node, scopes in self._owners.items():
            for target, value in _bindings(node):
                path = target.arg if isinstance(target, ast.arg) else path_of(target)
                if not path or (isinstance(value, ast.Constant) and value.value is None):
                    continue  # `self.timer = None` first, a timer later
                made = (self.class_of(value) if value is not None else None) or UNKNOWN
                scope = found.setdefault(self._home(path, scopes), {})
                scope[path] = made if scope.get(path, made) == made else UNKNOWN
        return found

    def _lookup(self, path: str, node: ast.AST) -> str | None:
        scopes = self._owners.get(node, ())
        if path.startswith("self."):
            return self._scopes.get(self._home(path, scopes), {}).get(path) if scopes else None
        return next((self._scopes[one][path] for one in scopes if path in self._scopes.get(one, {})), None)


class Annotation(ast.AST):
    """The class in an annotation, as if it were a value."""

    def __init__(self, expression: ast.AST) -> None:
        super().__init__()
        self.expression = expression


def _bindings(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST | None]]:
    """Target and value of each name that a piece of source binds; a value of None says that nothing can be seen."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(target.elts, node.value.elts, strict=False)
            elif isinstance(target, ast.Tuple):
                yield from ((element, None) for element in target.elts)
            else:
                yield target, node.value
    elif isinstance(node, ast.AnnAssign):
        yield node.target, Annotation(node.annotation)
    elif isinstance(node, ast.NamedExpr):
        yield node.target, node.value
    elif isinstance(node, ast.arg):
        yield node, Annotation(node.annotation) if node.annotation is not None else None
    elif isinstance(node, ast.For | ast.comprehension):
        literal = isinstance(node.iter, ast.Tuple | ast.List)
        targets = node.target.elts if isinstance(node.target, ast.Tuple) else [node.target]
        for place, target in enumerate(targets):
            if not literal:
                yield target, None
                continue
            for element in node.iter.elts:
                if target is node.target:
                    yield target, element
                elif isinstance(element, ast.Tuple) and place < len(element.elts):
                    yield target, element.elts[place]


def path_of(node: ast.AST) -> str | None:
    """`a.b.c` as text; None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (inner := path_of(node.value)):
        return f"{inner}.{node.attr}"
    return None
