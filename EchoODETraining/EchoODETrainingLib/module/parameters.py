"""What the panel's widgets hold, saved with the scene."""

# No postponed annotations: Slicer's wrapper reads the types themselves.
import enum
from typing import Annotated

from EchoODELib.scene.parameters import Device
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from .data import KIND_NAMES


class DataKind(enum.Enum):
    """Kinds of data sets, the value as recipes name them."""

    CAMUS = "camus"
    PSEUDO_CAMUS = "pseudo_camus"
    ECHONET_DYNAMIC = "echonet_dynamic"
    ECHONET_LVH = "echonet_lvh"
    HMC_QU = "hmc_qu"
    TED = "ted"
    EXPORTS = "exports"
    VIEW_FOLDER = "view_folder"
    PHANTOM = "phantom"

    def label(self) -> str:
        """As people read it."""
        return KIND_NAMES[self.value]


class Limit(enum.Enum):
    """What ends a run."""

    RECIPE = "recipe"
    EPOCHS = "epochs"
    MINUTES = "minutes"

    def label(self) -> str:
        """As people read it."""
        return {"recipe": "As in the recipe", "epochs": "Epochs", "minutes": "Minutes"}[self.value]


class Split(enum.Enum):
    """Which part of the data sets is evaluated on."""

    VALID = "valid"
    TEST = "test"

    def label(self) -> str:
        """As people read it."""
        return {"valid": "Validation", "test": "Test"}[self.value]


@parameterNodeWrapper
class TrainingParameterNode:
    """Fields are named as the widgets' dynamic property ``SlicerParameterName`` names them.

    ``dataSets`` holds ``KIND=FOLDER`` of each that was added. ``recipe`` is the path of a file of one's own or the
    name of a shipped one, "" the first of these. ``architecture`` and ``size`` (``ROWSxCOLUMNS``) are "", ``batch``
    and ``clipFrames`` are 0 where they are as the recipe says.
    """

    dataKind: DataKind = DataKind.CAMUS
    dataFolder: str = ""
    dataSets: list[str]
    recipe: str = ""
    architecture: str = ""
    size: str = ""
    limit: Limit = Limit.RECIPE
    limitCount: Annotated[int, WithinRange(1, 100000)] = 10
    batch: Annotated[int, WithinRange(0, 1024)] = 0
    clipFrames: Annotated[int, WithinRange(0, 512)] = 0
    device: Device = Device.AUTO
    modelName: str = ""
    split: Split = Split.VALID
