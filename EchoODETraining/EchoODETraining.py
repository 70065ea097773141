"""Slicer's door to the training of EchoODE's networks: the module, its panel, its logic for scripts, and its test."""

import sys
import tempfile
from pathlib import Path
from typing import Any

import qt
import slicer
from EchoODETrainingLib.module.data import DataChoice
from EchoODETrainingLib.module.models import known
from EchoODETrainingLib.module.operations import TrainingOperations
from EchoODETrainingLib.module.parameters import TrainingParameterNode
from EchoODETrainingLib.module.recipes import Changes, Setup, options_of, read, shipped_recipes
from EchoODETrainingLib.module.run_folder import State
from EchoODETrainingLib.ui.panel import Panel
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

POLL_MS = 200  # how often processes and the run's folder are looked at


class EchoODETraining(ScriptedLoadableModule):
    """Describes the module to Slicer."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("EchoODE Training")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        parent.dependencies = ["EchoODE"]
        parent.contributors = ["EchoODE contributors"]
        parent.helpText = _(
            "Trains the networks that <b>Segment sequence</b> of the module EchoODE uses: on CAMUS, EchoNet and other "
            "data sets, on simulated hearts, and on clips that you corrected.<br><br>"
            "Add data, choose a recipe, click <b>Show plan</b>, then <b>Start training</b>. The run goes on when "
            "Slicer is closed. Evaluate its result, and install it as a model.<br><br>"
            "<b>Research software, not a medical device.</b>"
        )
        parent.acknowledgementText = _(
            "Please cite the data sets that you train on; each model's card names them with their terms."
        )


class EchoODETrainingWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Hosts the panel and keeps it in step with the scene's life."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic: EchoODETrainingLogic | None = None
        self.panel: Panel | None = None

    def setup(self) -> None:
        """Build the panel; nothing heavy is loaded."""
        ScriptedLoadableModuleWidget.setup(self)
        self.logic = EchoODETrainingLogic()
        self.panel = Panel(self.layout, self.logic, self.resourcePath)
        self.logic.timer.connect("timeout()", self.panel.tick)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Let go of everything; training runs go on."""
        self.removeObservers()
        if self.logic is not None:
            self.logic.cleanup()
        if self.panel is not None:
            self.panel.cleanup()

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
        if self.logic is not None and self.panel is not None:
            self.panel.setParameterNode(TrainingParameterNode(self.logic.getParameterNode()))

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        """Let go of the scene's nodes."""
        if self.panel is not None:
            self.panel.setParameterNode(None)

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        """Begin anew in the empty scene; a run in view stays so."""
        self.initializeParameterNode()
        if self.panel is not None:
            self.panel.sceneClosed()

    def onSceneEndImport(self, caller: Any, event: Any) -> None:
        """A scene was loaded: show what it holds."""
        self.initializeParameterNode()

    def onReload(self) -> None:
        """Reload the library as well as this file, as a developer expects."""
        for name in [name for name in sys.modules if name.split(".")[0] == "EchoODETrainingLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)
        if slicer.util.selectedModule() == "EchoODETraining":  # the new panel has not been told that it is shown
            slicer.util.getModuleWidget("EchoODETraining").enter()


class EchoODETrainingLogic(ScriptedLoadableModuleLogic, TrainingOperations):
    """Everything that the panel does, for scripts: see ``EchoODETrainingLib.module.operations``."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        TrainingOperations.__init__(self)
        self.timer = qt.QTimer()
        self.timer.setInterval(POLL_MS)
        self.timer.connect("timeout()", self.poll)
        self.timer.start()

    def cleanup(self) -> None:
        """Stop listening and end errands; training runs go on."""
        self.timer.stop()
        self.close()


class EchoODETrainingTest(ScriptedLoadableModuleTest):
    """The main job in Slicer itself: a small network learns simulated hearts, and is offered as a model."""

    def test_MainJob(self) -> None:
        """Plan, train, evaluate, install, delete."""
        logic = slicer.util.getModuleLogic("EchoODETraining")
        data = [DataChoice("phantom")]
        recipe = next(path for path in shipped_recipes() if path.stem == "quick_phantom")
        setup = Setup(recipe, Changes(name="module-test", minutes=1), "cpu")
        with tempfile.TemporaryDirectory() as folder:
            logic.runsFolder = Path(folder)
            logic.makePlan(setup, waitForCompletion=True)
            self.assertIsNotNone(logic.plan)
            run = logic.start(setup, waitForCompletion=True)
            status = run.status()
            self.assertEqual(status.state, State.DONE, status.message)
            self.assertGreater(status.best["lv"], 0.5)
            self.delayDisplay(f"LV {status.best['lv']:.2f}")
            options = options_of(read(recipe))
            logic.evaluate(str(run.model()), data, "valid", "cpu", options, waitForCompletion=True)
            self.assertTrue(logic.evaluation.report.is_file())
            name = logic.install(run)
            self.assertIn(name, [model.name for model in known() if model.own])
            logic.deleteModel(name)
            logic.follow(None)
