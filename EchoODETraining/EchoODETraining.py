"""Slicer's door to the training of EchoODE's networks: the module, its panel, its logic for scripts, and its test."""

import tempfile
from pathlib import Path
from typing import Any

import slicer
from EchoODELib.ui.door import ModuleLogic, ModuleWidget
from EchoODETrainingLib.module.data import DataChoice
from EchoODETrainingLib.module.models import known
from EchoODETrainingLib.module.operations import TrainingOperations
from EchoODETrainingLib.module.parameters import TrainingParameterNode
from EchoODETrainingLib.module.recipes import Changes, Setup, options_of, read, shipped_recipes
from EchoODETrainingLib.module.run_folder import State
from EchoODETrainingLib.ui.panel import Panel
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleTest

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


class EchoODETrainingWidget(ModuleWidget):
    """Hosts the panel and keeps it in step with the scene's life."""

    def makeLogic(self) -> Any:
        """See ModuleWidget."""
        return EchoODETrainingLogic()

    def makePanel(self) -> Any:
        """See ModuleWidget."""
        panel = Panel(self.layout, self.logic, self.resourcePath)
        self.logic.timer.connect("timeout()", panel.tick)
        return panel

    def makeParameters(self) -> Any:
        """See ModuleWidget."""
        return TrainingParameterNode(self.logic.getParameterNode())

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        """Begin anew in the empty scene; a run in view stays so."""
        ModuleWidget.onSceneEndClose(self, caller, event)
        self.panel.sceneClosed()


class EchoODETrainingLogic(TrainingOperations, ModuleLogic):
    """Everything that the panel does, for scripts: see ``EchoODETrainingLib.module.operations``.

    When it is cleaned up, training runs go on.
    """

    def __init__(self) -> None:
        TrainingOperations.__init__(self)
        ModuleLogic.__init__(self, POLL_MS)


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
