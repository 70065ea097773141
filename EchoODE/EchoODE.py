"""Slicer's door to EchoODE: the module, its panel, its logic for scripts, and its test."""

from typing import Any

import slicer
import vtk
from EchoODELib.engine.errors import EchoODEError
from EchoODELib.logic.operations import Operations
from EchoODELib.logic.samples import cineClip, phantomClip, registerSampleData
from EchoODELib.scene.parameters import EchoODEParameterNode
from EchoODELib.scene.study import Study
from EchoODELib.ui.door import ModuleLogic, ModuleWidget
from EchoODELib.ui.panel import Panel
from EchoODELib.ui.shortcuts import keysHelp
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

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


class EchoODEWidget(ModuleWidget):
    """Hosts the panel and keeps it in step with the scene's life."""

    def makeLogic(self) -> Any:
        """See ModuleWidget."""
        return EchoODELogic()

    def makePanel(self) -> Any:
        """See ModuleWidget."""
        return Panel(self.layout, self.logic, self.resourcePath)

    def makeParameters(self) -> Any:
        """See ModuleWidget; a clip is chosen if there is one."""
        parameters = EchoODEParameterNode(self.logic.getParameterNode())
        if parameters.browser is None and (studies := Study.all()):
            parameters.browser = studies[0].browserNode
        return parameters

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Stop what runs before its nodes go."""
        self.logic.sceneClosing()
        ModuleWidget.onSceneStartClose(self, caller, event)


class EchoODELogic(Operations, ModuleLogic):
    """Everything that the panel does, for scripts: see ``EchoODELib.logic.operations``."""

    def __init__(self) -> None:
        Operations.__init__(self)
        ModuleLogic.__init__(self, POLL_MS)


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
