"""A recipe: everything that decides a training run, in one YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from EchoODELib.engine.models.registry import ARCHITECTURES, OF_WHOLE_CLIPS
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from .errors import RecipeError
from .schedule import Optimiser, Schedule
from .value_recipe import Answers, Clips

RECIPES = Path(__file__).parent / "recipes"

Size = tuple[Annotated[int, Field(ge=16, le=2048)], Annotated[int, Field(ge=16, le=2048)]]
Share = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Part):
    """One data set of a run.

    Attributes
    ----------
    kind: as :func:`.datasets.base.open_data_set` names it.
    folder: where it lies; left out where the command line says it, or where none is needed.
    split: "valid" is for choosing, the others are learned from.
    share: of the examples learned from, relative to the other sources'; None: as many as it has clips.
    options: what the kind takes besides.
    between: masks on frames between those that experts annotated, to learn from: "none", or "linear", see
        :mod:`.datasets.between`.
    """

    kind: str
    folder: Path | None = None
    split: Literal["train", "valid", "test"] = "train"
    share: Share | None = None
    options: dict[str, Any] = Field(default_factory=dict)
    between: Literal["none", "linear"] = "none"


class Stage(_Part):
    """A part of a run at another, usually smaller, input size."""

    size: Size
    epochs: Annotated[int, Field(ge=1)]


class Window(_Part):
    """How much of a clip an example shows, see :class:`.windows.WindowSampler`; one input and output: single frames."""

    inputs: Annotated[int, Field(ge=1)] = 1
    outputs: Annotated[int, Field(ge=1)] = 1
    stride: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (1.0, 3.0)
    static: Annotated[float, Field(ge=0, le=1)] = 0.05
    reverse: Annotated[float, Field(ge=0, le=1)] = 0.0


class Losses(_Part):
    """Weights of the loss's parts, see :mod:`.losses`; ``temporal_threshold`` is paper 002's c.

    In the aggregation loss of paper 004 lambda_s weighs cross entropy and Dice of the masks, lambda_c is ``view``.
    """

    cross_entropy: Share = 1.0
    dice: Share = 1.0
    squared: bool = True
    background: bool = False
    deep: Share = 0.5
    reconstruction: Share = 10.0
    heat_maps: Share = 1.0
    heat_map_sigma: Annotated[float, Field(gt=0)] = 2.0
    view: Share = 0.1
    temporal: Share = 0.0
    temporal_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.01


class Validation(_Part):
    """When and on what the network is judged while it learns.

    Attributes
    ----------
    every_epochs: epochs between two looks.
    clips: at most this many of each source, spread over it.
    frames: at most this many labelled frames of each clip, spread over it.
    patience: looks without a better figure after which the run ends early; 0 for never.
    """

    every_epochs: Annotated[int, Field(ge=1)] = 1
    clips: Annotated[int, Field(ge=1)] = 100
    frames: Annotated[int, Field(ge=1)] = 4
    patience: Annotated[int, Field(ge=0)] = 0


class Recipe(_Part):
    """How a network is trained.

    Attributes
    ----------
    name: of the model that comes out.
    task: what it is for, see ``EchoODELib.engine.weights.TASKS``.
    architecture, configuration: as ``build_model`` takes them.
    size: (rows, columns) of the network's input.
    before: stages at other sizes that come first.
    data: what is learned from and chosen on.
    window, augmentation: how examples are cut out of clips and changed.
    clips, answers: for tasks other than segmentation, in place of ``window`` and ``losses``.
    optimiser, schedule, losses: what is done with them.
    epochs, steps: how long; one of both.
    head_epochs: the last of the epochs, in which only the network's head learns; the schedule begins anew for them.
    epoch_examples: examples in an epoch; None for the number of clips learned from.
    max_minutes: the run is shortened, learning rate and all, to end in this time; None for no limit.
    batch: examples a step, over all processes.
    precision: as Lightning Fabric names it.
    seed: of weights, order and random changes.
    average: decay per step of the weights' exponential moving average, which is what is kept.
    validation: when and on what the network is judged.
    start_from: a model's name to continue from, or a safetensors file of published weights, or "".
    start_parts: the network's parts that are taken from there; all, if none is named.
    labels: class names in the order of the network's channels.
    lines: names of the lines whose end points the network's heat maps mark, in order.
    use: what its card says on how it is best used.
    card: texts of the model card (training_data, licence, citation, intended_use, limits, views).
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    task: Literal["segmentation", "ejection_fraction", "infarction"] = "segmentation"
    architecture: str
    configuration: dict[str, Any] = Field(default_factory=dict)
    size: Size
    before: tuple[Stage, ...] = ()
    data: Annotated[tuple[Source, ...], Field(min_length=1)]
    window: Window = Window()
    clips: Clips = Clips()
    answers: Answers = Answers()
    augmentation: dict[str, Any] = Field(default_factory=dict)
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    losses: Losses = Losses()
    epochs: Annotated[int, Field(ge=1)] | None = None
    steps: Annotated[int, Field(ge=1)] | None = None
    head_epochs: Annotated[int, Field(ge=0)] = 0
    epoch_examples: Annotated[int, Field(ge=1)] | None = None
    max_minutes: Annotated[float, Field(gt=0)] | None = None
    batch: Annotated[int, Field(ge=1)] = 8
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "bf16-mixed"
    seed: Annotated[int, Field(ge=0)] = 0
    average: Annotated[float, Field(ge=0, lt=1)] = 0.999
    validation: Validation = Validation()
    start_from: str = ""
    start_parts: tuple[str, ...] = ()
    labels: Annotated[tuple[str, ...], Field(min_length=2)] = ("background", "lv", "myocardium", "la")
    lines: tuple[str, ...] = ()
    use: dict[str, Any] = Field(default_factory=dict)
    card: dict[str, Any]

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ARCHITECTURES:
            raise ValueError(f"there is no architecture “{value}”; choose one of: {', '.join(sorted(ARCHITECTURES))}")
        return value

    @field_validator("card")
    @classmethod
    def _said(cls, value: dict[str, Any]) -> dict[str, Any]:
        needed = {"views", "training_data", "licence", "citation", "intended_use", "limits"}
        for problem, names in (("lacks", needed - set(value)), ("has unknown", set(value) - needed)):
            if names:
                raise ValueError(f"it {problem} {', '.join(sorted(names))}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give one of epochs and steps")
        if self.steps is not None and self.before:
            raise ValueError("stages before the last one count epochs: give epochs, not steps")
        if self.head_epochs > (self.epochs or 0):
            raise ValueError("head_epochs are the last of the epochs: give no more of them than epochs")
        if (self.task == "segmentation") == (self.architecture in OF_WHOLE_CLIPS):
            raise ValueError(f"the architecture {self.architecture} is not for {self.task}; change one of both")
        if not self.learned_from:
            raise ValueError("data: none of them is learned from; give one whose split is train")
        if sum(1.0 if s.share is None else s.share for s in self.learned_from) <= 0:
            raise ValueError("data: all shares are 0; give one a share")
        classes = self.configuration.get("classes", len(self.labels))
        if classes != len(self.labels):
            raise ValueError(f"configuration.classes is {classes}, but there are {len(self.labels)} labels")
        return self

    @property
    def learned_from(self) -> tuple[Source, ...]:
        """The sources to learn from."""
        return tuple(source for source in self.data if source.split != "valid")

    @property
    def chosen_on(self) -> tuple[Source, ...]:
        """The sources to choose on."""
        return tuple(source for source in self.data if source.split == "valid")

    def with_folders(self, folders: Mapping[str, Path]) -> Recipe:
        """The recipe with the folders of data set kinds filled in.

        Raises
        ------
        RecipeError: a kind that the recipe doesn't have.
        """
        kinds = sorted({source.kind for source in self.data})
        for kind in folders:
            if kind not in kinds:
                raise RecipeError(f"The recipe {self.name} takes no data {kind}; it takes {', '.join(kinds)}.")
        data = tuple(s.model_copy(update={"folder": folders.get(s.kind, s.folder)}) for s in self.data)
        return self.model_copy(update={"data": data})

    def with_fold(self, fold: int) -> Recipe:
        """The recipe for one part of a cross-validation; the model's name says which.

        Raises
        ------
        RecipeError: none of its data has folds.
        """
        if not any("fold" in source.options for source in self.data):
            raise RecipeError(f"The recipe {self.name} has no folds; give its data the option fold.")
        folded = [
            source.model_copy(update={"options": {**source.options, "fold": fold}})
            if "fold" in source.options
            else source
            for source in self.data
        ]
        return self.model_copy(update={"data": tuple(folded), "name": f"{self.name}-fold{fold}"})

    def changed(self, **changes: Any) -> Recipe:
        """The recipe with other values; None changes nothing.

        Raises
        ------
        RecipeError: a value that can't be.
        """
        wanted = {key: value for key, value in changes.items() if value is not None}
        if "epochs" in wanted:
            wanted["steps"] = None
        return make_recipe({**self.model_dump(mode="json"), **wanted}, self.name) if wanted else self

    def written(self) -> str:
        """As YAML that :func:`read_recipe` reads."""
        plain = self.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from ``path``, or from the shipped ones if there is no such file.

    Raises
    ------
    RecipeError: no such recipe, or one that can't be understood; the message names the field.
    """
    found = next((p for p in (path, RECIPES / path.name, RECIPES / f"{path.name}.yaml") if p.is_file()), None)
    if found is None:
        shipped = ", ".join(sorted(p.name for p in RECIPES.glob("*.yaml")))
        raise RecipeError(f"There is no recipe {path}; give a YAML file or one of: {shipped}.")
    try:
        content = yaml.safe_load(found.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"The recipe {found.name} can't be read as YAML ({error}); correct it.") from error
    if not isinstance(content, dict):
        raise RecipeError(f"The recipe {found.name} is not a list of fields; see the shipped ones.")
    return make_recipe(content, found.name)


def make_recipe(content: Mapping[str, Any], title: str = "of this run") -> Recipe:
    """A recipe from its fields.

    Raises
    ------
    RecipeError: it can't be understood; the message names the field.
    """
    try:
        return Recipe.model_validate(dict(content))
    except ValidationError as error:
        raise RecipeError(f"The recipe {title}: {_spoken(error)}.") from error


def _spoken(error: ValidationError) -> str:
    problems = []
    for one in error.errors():
        where = ".".join(str(part) for part in one["loc"])
        said = one["msg"].removeprefix("Value error, ")
        if one["type"] == "extra_forbidden":
            said = "there is no such field"
        elif one["type"] == "missing":
            said = "this field is missing"
        problems.append(f"{where}: {said}" if where else said)
    return "; ".join(problems[:3])
