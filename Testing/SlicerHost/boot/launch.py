"""The order in which the host comes up."""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .. import pythonqt

HOST = Path(__file__).resolve().parent.parent
WIDGET_MODULES = (
    "widgets.qmrml_base",
    "widgets.ctk_numbers",
    "widgets.ctk_ranges",
    "widgets.ctk_buttons",
    "widgets.ctk_paths",
    "widgets.ctk_other",
    "widgets.qmrml_numbers",
    "widgets.node_selector",
    "widgets.sequence_widgets",
    "widgets.segment_widgets",
    "widgets.hierarchy_widgets",
    "widgets.markup_widgets",
    "widgets.volume_widgets",
    "views.slice_view",
    "views.plot_view",
    "views.table_view",
    "views.threed_view",
    "views.layout_manager",
    "editor.widget",
    "boot.modules",
    "boot.main_window",
)
SLICER_PACKAGES = ("i18n", "packaging", "parameterNodeWrapper", "ScriptedLoadableModule")
# Names under which Slicer has the Python modules of its libraries, and the wheel's names.
LIBRARY_ALIASES = {
    "MRMLCorePython": "MRMLCore",
    "MRMLLogicPython": "MRMLLogic",
    "MRMLDisplayableManagerPython": "MRMLDisplayableManager",
    "vtkSegmentationCorePython": "vtkSegmentationCore",
    "vtkSlicerSegmentationsModuleLogicPython": "vtkSlicerSegmentationsModuleLogic",
    "vtkSegmentationCore": "vtkSegmentationCore",
    "vtkITK": "vtkITK",
    "vtkTeem": "vtkTeem",
}


def launch(*, modules: Iterable[str | Path], window: bool, testing: bool, arguments: list[str]) -> Any:
    """See SlicerHost.start."""
    import slicer

    if getattr(slicer, "app", None) is None:
        _start(slicer, window=window, testing=testing, arguments=arguments)
    from .modules import load_scripted_module

    for path in modules:
        load_scripted_module(path)
    slicer.app._complete_startup()
    return slicer.app


def _start(slicer: Any, *, window: bool, testing: bool, arguments: list[str]) -> None:
    warnings.filterwarnings("ignore", message=r"Function: 'Q.*deprecated", category=DeprecationWarning)
    pythonqt.install()
    _silence_known_warnings()
    import slicer_core

    for alias, name in LIBRARY_ALIASES.items():
        if hasattr(slicer_core, name):
            sys.modules.setdefault(alias, getattr(slicer_core, name))
    from .application import qSlicerApplication

    slicer.modules = importlib.import_module(f"{HOST.name}.boot.modules").Modules()
    slicer.moduleNames = SimpleNamespace()
    slicer.app = qSlicerApplication(arguments, testing)
    slicer.mrmlScene = slicer.app.mrmlScene()
    slicer.app._start()
    for name in WIDGET_MODULES:
        importlib.import_module(f"{HOST.name}.{name}")
    _publish(slicer)
    if window:
        from .main_window import qSlicerMainWindow

        slicer.app._d.main_window = qSlicerMainWindow()
        slicer.app.layoutManager().setMRMLScene(slicer.mrmlScene)


def _publish(slicer: Any) -> None:
    """Put the emulated classes where scripts look for them, and our own Python packages on Slicer's path."""
    from ..pythonqt.emulation import REGISTRY

    ctk = types.ModuleType("ctk", "The ctk widgets that the host emulates.")
    for name, emulation in REGISTRY.items():
        setattr(ctk if name.startswith("ctk") else slicer, name, emulation)
    sys.modules["ctk"] = ctk
    slicer.__path__.append(str(HOST / "slicer_packages"))
    sys.path.append(str(HOST / "slicer_modules"))
    for name in SLICER_PACKAGES:
        setattr(slicer, name, importlib.import_module(f"slicer.{name}"))


def _silence_known_warnings() -> None:
    """VTK warns at start of units that no settings file has defined, Qt offscreen of size hints at every window."""
    import vtk
    from PySide6 import QtCore

    def tell(kind: Any, context: Any, text: str) -> None:
        if "propagateSizeHints" not in text:
            print(text, file=sys.stderr)

    QtCore.qInstallMessageHandler(tell)

    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
