"""`slicer.parameterNodeWrapper`: a class with typed fields over a vtkMRMLScriptedModuleNode.

    @parameterNodeWrapper
    class EchoParameterNode:
        clip: vtkMRMLSequenceBrowserNode
        opacity: Annotated[float, WithinRange(0, 1)] = 0.5

Fields may be bool, int, float, str, Enum, paths, qt.QColor, MRML nodes, FloatRange, unions and Optional of these, list,
tuple and dict of them, and classes made with `@parameterPack`. Values are kept in the node as Slicer keeps them, so a
scene that was saved here opens there.
"""

from __future__ import annotations

from .annotations import (
    Choice,
    Decimals,
    Default,
    Exclude,
    FloatRange,
    IsInstance,
    IsNone,
    Maximum,
    Minimum,
    NotNone,
    RangeBounds,
    SingleStep,
    Validator,
    WithinRange,
)
from .gui import SlicerParameterNamePropertyName, createGuiConnector
from .pack import isParameterPack, parameterPack
from .wrapper import isParameterNodeWrapper, parameterNodeWrapper

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "FloatRange",
    "IsInstance",
    "IsNone",
    "Maximum",
    "Minimum",
    "NotNone",
    "RangeBounds",
    "SingleStep",
    "SlicerParameterNamePropertyName",
    "Validator",
    "WithinRange",
    "createGuiConnector",
    "isParameterNodeWrapper",
    "isParameterPack",
    "parameterNodeWrapper",
    "parameterPack",
]
