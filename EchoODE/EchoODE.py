"""Slicer's door to EchoODE: the module, its panel, its logic for scripts, and its test."""

import sys
from typing import Any

import qt
import slicer
import vtk
from EchoODELib.engine.errors import EchoODEError
from EchoODELib.logic.operations import Operations
from EchoODELib.logic.samples import cineClip, phantomClip, registerSampleData
from EchoODELib.scene.parameters import EchoODEParameterNode
from EchoODELib.scene.study import Study
from EchoODELib.ui.panel import Panel
from EchoODELib.ui.shortcuts import keysHelp
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

POLL_MS = 25  # how often the worker process is listened to


class EchoODE(ScriptedLoadableModule):
    """Describes the module to Slicer."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("EchoODE")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        parent.dependencies = []
        parent.contributors = ["EchoODE contributors"]
        parent.helpText = (
            _(
                "Segments echocardiographic clips, carries a corrected end-diastolic mask over the heart beat with a "
                "registration neural ODE, and measures volumes, ejection fraction and strain.<br><br>"
                "Load a clip, click <b>Segment sequence</b>, correct the ED mask, click <b>Propagate</b>, export."
                "<br><br><b>Research software, not a medical device.</b><br><br>"
            )
            + keysHelp()
        )
        parent.acknowledgementText = _(
            "The shipped weights were trained on CAMUS (Leclerc et al., IEEE TMI 2019), for non-commercial research."
        )
        slicer.app.connect("startupCompleted()", self.registerSamples)

    def registerSamples(self) -> None:
        """Offer the sample clips in Sample Data."""
        registerSampleData(self.resourcePath("Icons/{}.png"))


class EchoODEWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Hosts the panel and keeps it in step with the scene's life."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: EchoODELogic | None = None
        self.panel: Panel | None = None

    def setup(self) -> None:
        """Build the panel; nothing heavy is loaded."""
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = EchoODELogic()
        self.panel = Panel(self.layout, self.logic, self.resourcePath)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Let go of everything, the worker process too."""
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
        """Bind the panel to the scene's parameter node, which is made where there is none."""
        if self.logic is None or self.panel is None:
            return
        parameters = EchoODEParameterNode(self.logic.getParameterNode())
        if parameters.browser is None and (studies := Study.all()):
            parameters.browser = studies[0].browserNode
        self.panel.setParameterNode(parameters)

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Stop what runs before its nodes go."""
        if self.logic is not None and self.panel is not None:
            self.logic.sceneClosing()
            self.panel.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        """Begin anew in the empty scene."""
        self.initializeParameterNode()

    def onSceneEndImport(self, caller: Any, event: Any) -> None:
        """A scene was loaded: show what it holds."""
        self.initializeParameterNode()

    def onReload(self) -> None:
        """Reload the library as well as this file, as a developer expects."""
        for name in [name for name in sys.modules if name.split(".")[0] == "EchoODELib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        if slicer.util.selectedModule() == "EchoODE":  # the new panel has not been told that it is shown
            slicer.util.getModuleWidget("EchoODE").enter()


class EchoODELogic(ScriptedLoadableModuleLogic, Operations):
    """Everything that the panel does, for scripts: see ``EchoODELib.logic.operations``."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        Operations.__init__(self)
        self.timer = qt.QTimer()
        self.timer.setInterval(POLL_MS)
        self.timer.connect("timeout()", self.poll)
        self.timer.start()

    def cleanup(self) -> None:
        """Stop listening and end the worker process."""
        self.timer.stop()
        self.close()


class EchoODEFileReader:
    """Clips that Slicer itself can't read, dropped on its window or opened by its dialogs."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent

    def description(self) -> str:
        """As the dialog names the type."""
        return _("Echo clip")

    def fileType(self) -> str:
        """As scripts name the type."""
        return "EchoClip"

    def extensions(self) -> list[str]:
        """File names that it offers to read."""
        return ["Echo clip (*.avi *.mp4 *.m4v *.mov *.gif *.dcm)"]

    def load(self, properties: dict[str, Any]) -> bool:
        """Put the clip into the scene; what is wrong with it is said in one sentence."""
        try:
            study = slicer.util.getModuleLogic("EchoODE").loadClip(properties["fileName"])
        except EchoODEError as error:
            self.parent.userMessages().AddMessage(vtk.vtkCommand.ErrorEvent, str(error))
            return False
        self.parent.loadedNodes = [study.browserNode.GetID()]
        return True


class EchoODETest(ScriptedLoadableModuleTest):
    """The main job on both sample clips, in Slicer itself."""

    def test_MainJob(self) -> None:
        """Segment, propagate, measure."""
        logic = slicer.util.getModuleLogic("EchoODE")
        for load in (phantomClip, cineClip):
            study = load()
            logic.segmentSequence(study.browserNode, waitForCompletion=True)
            logic.propagate(study.browserNode, waitForCompletion=True)
            ejectionFraction = logic.measure(study.browserNode).summary["ejection_fraction"].mean
            self.assertTrue(40 < ejectionFraction < 80)
            self.assertIsNotNone(study.motion())
            self.delayDisplay(f"{study.name}: EF {ejectionFraction:.0f} %")
