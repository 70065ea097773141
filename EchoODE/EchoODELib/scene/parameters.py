"""What the panel's widgets hold, saved with the scene."""

# No postponed annotations: Slicer's wrapper reads the types themselves.
import enum
import pathlib
from typing import Annotated

from slicer import vtkMRMLSequenceBrowserNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper


class Device(enum.Enum):
    """Where the engine runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"

    def label(self) -> str:
        """As people read it."""
        return {"auto": "Automatic", "cpu": "Processor (CPU)", "cuda": "Graphics card (CUDA)"}[self.value]


class Preset(enum.Enum):
    """How carefully the motion is found."""

    FAST = "fast"
    FINE = "fine"
    PAPER = "paper"

    def label(self) -> str:
        """As people read it."""
        return {"fast": "Fast", "fine": "Fine", "paper": "As in the paper (minutes)"}[self.value]


class MaskStyle(enum.Enum):
    """How masks are drawn over the echo."""

    CONTOUR = "contour"
    FILL = "fill"
    BOTH = "both"

    def label(self) -> str:
        """As people read it."""
        return {"contour": "Contour", "fill": "Fill", "both": "Contour and fill"}[self.value]


class CurveQuantity(enum.Enum):
    """What the curve shows."""

    VOLUME = "volume"
    AREA = "area"

    def label(self) -> str:
        """As people read it."""
        return {"volume": "LV volume", "area": "LV area"}[self.value]


@parameterNodeWrapper
class EchoODEParameterNode:
    """Fields are named as the widgets' dynamic property ``SlicerParameterName`` names them.

    ``model`` and ``efModel`` are empty for the default ones.
    """

    browser: vtkMRMLSequenceBrowserNode
    model: str = ""
    device: Device = Device.AUTO
    preset: Preset = Preset.FAST
    esGuide: bool = True
    anchors: bool = True
    showMasks: bool = True
    contour: MaskStyle = MaskStyle.CONTOUR
    maskOpacity: Annotated[float, WithinRange(0, 1)] = 0.4
    showGrid: bool = False
    showArrows: bool = False
    showStrain: bool = False
    showLines: bool = False
    gridSpacingMm: Annotated[float, WithinRange(1, 30)] = 5.0
    curveQuantity: CurveQuantity = CurveQuantity.VOLUME
    overlayClips: bool = False
    biplaneBrowser: vtkMRMLSequenceBrowserNode
    efModel: str = ""
    showHeat: bool = False
    showMap: bool = False
    exportFolder: pathlib.Path
    exportTables: bool = True
    exportXlsx: bool = True
    exportJson: bool = True
    exportMasks: bool = True
    exportMotion: bool = False
    exportPictures: bool = True
    exportVideo: bool = True
    exportScene: bool = False
    includeNames: bool = False
