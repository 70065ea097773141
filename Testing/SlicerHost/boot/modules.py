"""Modules as `slicer.modules` and the module manager show them; loading of scripted modules."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..widgets.qmrml_base import qSlicerWidget
from .scripted_readers import qSlicerScriptedFileReader


@emulated
class qSlicerAbstractCoreModule(QtCore.QObject):
    """A module: name, logic, descriptions."""

    def __init__(self, name, logic=None, path="", /):
        super().__init__()
        state = private(self)
        state.name, state.logic, state.path, state.widget = name, logic, path, None

    def logic(self, /):
        """The module's logic."""
        return self._d.logic

    def mrmlScene(self, /):
        """The application's scene."""
        return slicer.mrmlScene

    name = QtCore.Property(str, lambda self: self._d.name)
    path = QtCore.Property(str, lambda self: self._d.path)


@emulated
class qSlicerLoadableModule(qSlicerAbstractCoreModule):
    """A module of Slicer itself; the host has its logic, not its panel."""

    title = QtCore.Property(str, lambda self: self._d.name)

    def widgetRepresentation(self, /):
        """None: the host has no panels of Slicer's own modules."""
        return

    def createNewWidgetRepresentation(self, /):
        """None: the host has no panels of Slicer's own modules."""
        return


@emulated
class qSlicerScriptedLoadableModule(qSlicerLoadableModule):
    """The `parent` of a scripted module: it takes the module's title, texts and icon."""

    title = stored(str, "")
    categories = stored("QStringList", list)
    dependencies = stored("QStringList", list)
    contributors = stored("QStringList", list)
    associatedNodeTypes = stored("QStringList", list)
    helpText = stored(str, "")
    acknowledgementText = stored(str, "")
    icon = stored(QtGui.QIcon, QtGui.QIcon)
    hidden = stored(bool, False)
    index = stored(int, -1)
    widgetRepresentationCreationEnabled = stored(bool, True)

    def widgetRepresentation(self, /):
        """The module's panel, made at first use."""
        if self._d.widget is None:
            self._d.widget = self.createNewWidgetRepresentation()
        return self._d.widget

    def createNewWidgetRepresentation(self, /):
        """A panel of its own."""
        return qSlicerScriptedLoadableModuleWidget(self)


@emulated
class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The panel of a scripted module; `self()` is its Python instance."""

    def __init__(self, module, /):
        super().__init__()
        state = private(self)
        state.module, state.instance, state.entered = module, None, False
        QtWidgets.QVBoxLayout(self)
        self.setMRMLScene(slicer.mrmlScene)
        self._make_instance()

    moduleName = QtCore.Property(str, lambda self: self._d.module.name)
    isEntered = QtCore.Property(bool, lambda self: self._d.entered)

    def _make_instance(self):
        widget_class = getattr(sys.modules[self.moduleName], f"{self.moduleName}Widget")
        self._d.instance = widget_class(self)
        self._d.instance.setup()

    def module(self, /):
        """The module of the panel."""
        return self._d.module

    def self(self, /):
        """The Python instance."""
        return self._d.instance

    def enter(self, /):
        """Called when the user comes to the module."""
        self._d.entered = True
        self._call("enter")

    def exit(self, /):
        """Called when the user leaves the module."""
        self._d.entered = False
        self._call("exit")

    def _call(self, name):
        function = getattr(self._d.instance, name, None)
        if function is not None:
            function()

    def reload(self, /):
        """Make the Python instance anew from the module's class as it is now."""
        while self.layout().count():
            item = self.layout().takeAt(0)
            if item.widget() is not None:
                item.widget().deleteLater()
        self._make_instance()


class Modules:
    """`slicer.modules`: an attribute for each module, in lower case; of scripted ones also <Name>Widget."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"slicer.modules has no '{name}'; no such module is loaded in the host")


@emulated
class qSlicerModuleFactoryManager(QtCore.QObject):
    """Knows which modules are loaded."""

    moduleLoaded = QtCore.Signal(str)
    modulesLoaded = QtCore.Signal("QStringList")
    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def __init__(self, /):
        super().__init__()
        private(self).modules = {}

    def loadedModuleNames(self, /):
        """Names of the loaded modules."""
        return list(self._d.modules)

    def instantiatedModuleNames(self, /):
        """Names of the loaded modules."""
        return list(self._d.modules)

    def isLoaded(self, name, /):
        """Whether a module is loaded."""
        return name in self._d.modules

    def loadedModule(self, name, /):
        """A module by name."""
        return self._d.modules.get(name)

    def isRegistered(self, name, /):
        """Whether a module is known."""
        return name in self._d.modules


@emulated
class qSlicerModuleManager(QtCore.QObject):
    """`slicer.app.moduleManager()`."""

    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def __init__(self, /):
        super().__init__()
        private(self).factory = qSlicerModuleFactoryManager()

    def factoryManager(self, /):
        """The qSlicerModuleFactoryManager."""
        return self._d.factory

    def module(self, name, /):
        """A module by name, None where there is none."""
        return self._d.factory._d.modules.get(name)

    def modulesNames(self, /):
        """Names of the loaded modules."""
        return list(self._d.factory._d.modules)

    def _add(self, module):
        name = module.name
        self._d.factory._d.modules[name] = module
        setattr(slicer.modules, name.lower(), module)
        setattr(slicer.moduleNames, name, name)
        self._d.factory.moduleLoaded.emit(name)
        self.moduleLoaded.emit(name)


def load_scripted_module(path: str | Path) -> Any:
    """Load `<folder>/<Name>.py` as Slicer does at start-up; a second time nothing happens.

    Returns:
        the qSlicerScriptedLoadableModule, also at `slicer.modules.<name>`.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: another file has given a module of this name.
        Whatever the module's file raises when it is executed.
    """
    path = Path(path).resolve()
    name = path.stem
    known = slicer.app.moduleManager().module(name)
    if known is not None:
        if known.path != str(path):
            raise RuntimeError(f"a module {name} is loaded already, from {known.path or 'Slicer itself'}")
        return known
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(f"{path} is no Python file with a scripted module")
    python_module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(python_module)
    module = qSlicerScriptedLoadableModule(name, None, str(path))
    instance = getattr(python_module, name)(module)
    private(module).instance = instance
    module.title = module.title or name
    setattr(slicer.modules, f"{name}Instance", instance)
    reader_class = getattr(python_module, f"{name}FileReader", None)
    if reader_class is not None:
        reader = qSlicerScriptedFileReader(reader_class)
        slicer.app.ioManager()._d.scripted[reader.fileType()] = reader
    slicer.app.moduleManager()._add(module)
    if slicer.app._d.started:
        slicer.app._complete_startup()
    return module
