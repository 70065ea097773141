"""Recipe: which, what differs from it, device, and what will be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer
from EchoODELib.ui.context import SharedContext
from EchoODELib.ui.section import setUsable
from slicer.i18n import tr as _

from ..module import recipes
from ..module.data import DataChoice
from ..module.events import Event
from ..module.parameters import Limit
from ..module.recipes import Changes, Setup
from .errand_control import ErrandControl
from .recipe_words import about
from .section import Section, narrow

LAST_RECIPE = "EchoODETraining/LastRecipe"  # in the user's settings
_LENGTHS = ("max_minutes", "epochs", "steps")  # fields that say how long a run is; the first that is there does


class RecipeSection(Section):
    """The second section."""

    file = "TrainingRecipe"

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        ui = self.ui
        self._recipes: list[str] = []  # values of the parameter, as the combo box lists them
        self._architectures: list[str] = []
        self._content: dict[str, Any] = {}
        self._read: tuple[str, float] | None = None  # the file that _content is of, and its age
        ui.recipeFileButton.connect("clicked()", self._onFile)
        ui.recipeComboBox.connect("activated(int)", self._onRecipe)
        ui.architectureComboBox.connect("activated(int)", self._onArchitecture)
        for limit in Limit:
            ui.limitComboBox.addItem(limit.label())
        ui.limitComboBox.connect("activated(int)", self._onLimit)
        for text in ("", *map(_size, recipes.SIZES)):
            ui.sizeComboBox.addItem(text)
        ui.sizeComboBox.connect("activated(int)", self._onSize)
        ui.modelNameEdit.connect("editingFinished()", self._onName)
        narrow(ui.recipeInfoLabel, ui.planLabel)
        self.errand = ErrandControl(
            context,
            Event.PLAN,
            ui.planButton,
            ui,
            "plan",
            _("Show plan"),
            "Plan",
            _("Reckon what will be trained, on what, and how long it takes; nothing is started."),
            _("Reckoning…"),
            self.plan,
        )

    @property
    def path(self) -> Path:
        """The chosen recipe's file."""
        chosen = self.context.parameters.recipe if self.context.parameters is not None else ""
        return _file(chosen)

    def setup(self) -> Setup:
        """What the panel says: recipe, changes, data, device."""
        parameters = self.context.parameters
        rows, _x, columns = parameters.size.partition("x")
        limit, count = parameters.limit, parameters.limitCount
        return Setup(
            recipe=self.path,
            changes=Changes(
                name=_plain(parameters.modelName),
                architecture=parameters.architecture,
                size=(int(rows), int(columns)) if rows.isdecimal() and columns.isdecimal() else (0, 0),
                epochs=count if limit is Limit.EPOCHS else 0,
                minutes=count if limit is Limit.MINUTES else 0,
                batch=parameters.batch,
                frames=parameters.clipFrames,
                data=tuple(DataChoice.parse(text) for text in parameters.dataSets),
            ),
            device=parameters.device.value,
        )

    @property
    def options(self) -> dict[str, dict[str, Any]]:
        """What the recipe opens data sets with, by kind."""
        return recipes.options_of(self._content)

    @property
    def planned(self) -> bool:
        """Whether the last plan is for what the panel says now."""
        operations = self.operations
        return operations.plan is not None and operations.plannedFor == self.setup()

    def plan(self) -> None:
        """Send for a plan.

        Raises
        ------
        MissingPackages, UnusableRecipe: as ``TrainingOperations.makePlan``.
        """
        self.operations.makePlan(self.setup())

    def refresh(self) -> None:
        """See Section."""
        ui, parameters = self.ui, self.context.parameters
        if parameters is None:
            return
        self._fillRecipes(parameters)
        self._readContent()
        content = self._content
        self._fillArchitectures(parameters, recipes.task_of(content))
        self._showSettings(content, parameters)
        ui.recipeInfoLabel.text = about(content)
        ui.recipeInfoLabel.setVisible(bool(ui.recipeInfoLabel.text))
        setUsable(
            ui.limitSpinBox,
            _("How many epochs or minutes."),
            _("The recipe says how long.") if parameters.limit is Limit.RECIPE else "",
        )
        self.errand.refresh(self._reason(content))
        plan = self.operations.plan if self.planned else None
        ui.planLabel.text = "" if plan is None else plan.spoken()
        ui.planLabel.setVisible(plan is not None)

    def refreshProgress(self) -> None:
        """See Section."""
        self.errand.refreshProgress()

    # Filling

    def _fillRecipes(self, parameters: Any) -> None:
        wanted = [path.stem for path in recipes.shipped_recipes()]
        chosen = parameters.recipe or (wanted[0] if wanted else "")
        if chosen not in wanted:
            wanted.append(chosen)
        if wanted != self._recipes:
            self._recipes = wanted
            self.ui.recipeComboBox.clear()
            for name in wanted:
                self.ui.recipeComboBox.addItem(Path(name).name)
        self.ui.recipeComboBox.setCurrentIndex(wanted.index(chosen))

    def _fillArchitectures(self, parameters: Any, task: str) -> None:
        """List those that are for what the recipe's network is for."""
        known = ["", *_architectures(task)]
        if parameters.architecture not in known:
            known.append(parameters.architecture)
        if known != self._architectures:
            self._architectures = known
            self.ui.architectureComboBox.clear()
            for name in known:
                self.ui.architectureComboBox.addItem(name)
        self.ui.architectureComboBox.setCurrentIndex(known.index(parameters.architecture))

    def _readContent(self) -> None:
        """Read the chosen recipe's file, if it can be read and has changed."""
        path = self.path
        age = (str(path), path.stat().st_mtime if path.is_file() else 0.0)
        if not recipes.can_read() or age == self._read:
            return
        self._read = age
        self._content = {}
        content = self.context.attempt(lambda: recipes.read(path))
        if content is not None:
            self._content = content

    def _showSettings(self, content: dict[str, Any], parameters: Any) -> None:
        """Say in each field what the recipe says."""
        ui, own = self.ui, _("As in the recipe")

        def told(value: str) -> str:
            return f"{own}: {value}" if value else own

        ui.architectureComboBox.setItemText(0, told(str(content.get("architecture") or "")))
        size = content.get("size")
        ui.sizeComboBox.setItemText(0, told(_size(size) if isinstance(size, list) and len(size) == 2 else ""))
        sizes = ["", *(f"{rows}x{columns}" for rows, columns in recipes.SIZES)]
        ui.sizeComboBox.setCurrentIndex(sizes.index(parameters.size) if parameters.size in sizes else 0)
        ui.batchSpinBox.specialValueText = told(str(content.get("batch") or ""))
        whole = recipes.task_of(content) != recipes.SEGMENTATION
        clips = content.get("clips")
        frames = clips.get("frames") if isinstance(clips, dict) else None
        ui.clipFramesSpinBox.specialValueText = told(str(frames or ""))
        for widget in (ui.clipFramesLabel, ui.clipFramesSpinBox):
            widget.setVisible(whole)
        long = next((f"{content[key]} {key.removeprefix('max_')}" for key in _LENGTHS if content.get(key)), "")
        ui.limitComboBox.setItemText(0, told(long))
        ui.limitComboBox.setCurrentIndex(list(Limit).index(parameters.limit))
        if not ui.modelNameEdit.focus:
            ui.modelNameEdit.text = parameters.modelName
        ui.modelNameEdit.placeholderText = str(content.get("name") or "")

    def _reason(self, content: dict[str, Any]) -> str:
        """Why no plan can be made."""
        if self.operations.busy(Event.DATA):
            return _("Wait until the data set was looked into.")
        if recipes.can_read() and not content:
            return _("Choose a recipe that can be read.")
        if self.planned:
            return _("The plan below is for what is chosen.")
        return ""

    # What a person does

    def _onRecipe(self, index: int) -> None:
        self._choose(self._recipes[index])

    def _onFile(self) -> None:
        path = qt.QFileDialog.getOpenFileName(
            slicer.util.mainWindow(),
            _("Open recipe"),
            str(qt.QSettings().value(LAST_RECIPE) or ""),
            _("Recipes") + " (*.yaml *.yml)",
        )
        # Qt gives the filter, too, where Python asks for both.
        path = path[0] if isinstance(path, tuple) else path
        if path:
            qt.QSettings().setValue(LAST_RECIPE, str(Path(path).parent))
            self._choose(path)

    def _choose(self, recipe: str) -> None:
        self.context.messages.clear()
        self._read = None
        parameters = self.context.parameters
        parameters.recipe = recipe
        parameters.architecture = parameters.size = ""
        parameters.limit = Limit.RECIPE
        parameters.batch = parameters.clipFrames = 0
        self.refresh()

    def _onArchitecture(self, index: int) -> None:
        self.context.parameters.architecture = self._architectures[index]

    def _onLimit(self, index: int) -> None:
        self.context.parameters.limit = list(Limit)[index]

    def _onSize(self, index: int) -> None:
        self.context.parameters.size = "" if index <= 0 else "x".join(map(str, recipes.SIZES[index - 1]))

    def _onName(self) -> None:
        self.context.parameters.modelName = self.ui.modelNameEdit.text.strip()


def _file(recipe: str) -> Path:
    """A recipe's file: of a shipped one's name, or the path itself; "" is the first shipped one."""
    shipped = {path.stem: path for path in recipes.shipped_recipes()}
    if recipe in shipped:
        return shipped[recipe]
    return Path(recipe) if recipe else next(iter(shipped.values()), Path())


def _architectures(task: str) -> list[str]:
    from EchoODELib.engine.models.registry import ARCHITECTURES, OF_WHOLE_CLIPS

    return sorted(set(ARCHITECTURES) - OF_WHOLE_CLIPS if task == recipes.SEGMENTATION else OF_WHOLE_CLIPS)


def _size(size: Any) -> str:
    return f"{size[0]} × {size[1]}"


def _plain(name: str) -> str:
    """A name that is a file name, too."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name.strip()).strip("-.")
