"""What the modules' doors to Slicer share: a widget that hosts the panel, a logic that listens to processes."""

from __future__ import annotations

import sys
from typing import Any

import qt
import slicer
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin


class ModuleWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Hosts a panel and keeps it in step with the scene's life.

    Attributes
    ----------
    logic, panel: None until :meth:`setup`, which makes them.
    """

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: Any = None
        self.panel: Any = None

    def makeLogic(self) -> Any:
        """The module's logic."""
        raise NotImplementedError

    def makePanel(self) -> Any:
        """The panel, built into the widget's layout; it calls :attr:`logic`."""
        raise NotImplementedError

    def makeParameters(self) -> Any:
        """The scene's parameter node, made where there is none, as the panel's widgets are bound to it."""
        raise NotImplementedError

    def setup(self) -> None:
        """Build the panel; nothing heavy is loaded."""
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = self.makeLogic()
        self.panel = self.makePanel()
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Let go of everything."""
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()
        if self.logic is not None:
            self.logic.cleanup()

    def enter(self) -> None:
        """The module is shown."""
        self.initializeParameterNode()
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """Another module is shown."""
        if self.panel is not None:
            self.panel.exit()

    def initializeParameterNode(self) -> None:
        """Bind the panel to the scene's parameters."""
        if self.panel is not None:
            self.panel.setParameterNode(self.makeParameters())

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Let go of the scene's nodes before they go."""
        if self.panel is not None:
            self.panel.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        """Begin anew in the empty scene."""
        self.initializeParameterNode()

    def onSceneEndImport(self, caller: Any, event: Any) -> None:
        """A scene was loaded: show what it holds."""
        self.initializeParameterNode()

    def onReload(self) -> None:
        """Reload the module's library as well as its file, as a developer expects."""
        library = f"{self.moduleName}Lib"
        for name in [name for name in sys.modules if name.split(".")[0] == library]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        if slicer.util.selectedModule() == self.moduleName:  # the new panel has not been told that it is shown
            slicer.util.getModuleWidget(self.moduleName).enter()


class ModuleLogic(ScriptedLoadableModuleLogic):
    """Hears of processes by a timer: its class's other base has ``poll`` and ``close``.

    Parameters
    ----------
    interval: milliseconds between two looks.

    Attributes
    ----------
    timer: it starts here.
    """

    def __init__(self, interval: int) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        self.timer = qt.QTimer()
        self.timer.setInterval(interval)
        self.timer.connect("timeout()", self.poll)
        self.timer.start()

    def poll(self) -> None:
        """Hear of processes."""
        raise NotImplementedError

    def close(self) -> None:
        """End processes."""
        raise NotImplementedError

    def cleanup(self) -> None:
        """Stop listening and end the processes."""
        self.timer.stop()
        self.close()
