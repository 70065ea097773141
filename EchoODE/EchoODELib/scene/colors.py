"""Colours of what is drawn over the echo, and their legends."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer

GRID_COLOR = (0.80, 0.97, 0.52)  # lime: apart from the structures' cyan, amber and pink, and from gray tissue
_LENGTH = ("#3f6bc4", "#4dd0e1", "#d7f5a0", "#ffe082", "#ff8c42")
# As on the screens of strain packages: red where tissue shortens, blue where it lengthens, pale in between.
_HEAT = ("#000000", "#5c0a02", "#b32800", "#f06a00", "#ffd24a")
_STRAIN = ("#8e0b1e", "#e0352f", "#f7a58a", "#f3eee8", "#93c0ee", "#2f6fd6", "#10307f")


def lengthColors() -> Any:
    """The colour node of displacement lengths, dark for still tissue."""
    return _colors("EchoODE displacement", _LENGTH)


def strainColors() -> Any:
    """The diverging colour node of strain."""
    return _colors("EchoODE strain", _STRAIN)


def heatColors() -> Any:
    """The colour node of heat, black where it is cold: to be added to the echo's grays."""
    return _colors("EchoODE heat", _HEAT)


def showLegend(node: Any, unit: str, numbers: str) -> None:
    """Show the legend of a displayable node's colours in the echo's view, with its unit above it."""
    logic = slicer.vtkSlicerColorLogic
    legend = logic.GetColorLegendDisplayNode(node)
    if legend is None:
        legend = logic.AddDefaultColorLegendDisplayNode(node)
        legend.SetSaveWithScene(node.GetSaveWithScene())
        legend.SetVisibility3D(False)
        legend.SetSize(0.075, 0.28)  # the text's size follows from it, whatever the text properties say
        legend.SetPosition(0.985, 0.06)
        legend.SetNumberOfLabels(5)
        for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
            text.SetFontFamilyToArial()
            text.SetBold(False)
            text.SetItalic(False)
            text.SetShadow(True)
            text.SetColor(0.91, 0.93, 0.95)
    legend.SetTitleText(unit)
    legend.SetLabelFormat(numbers)
    legend.SetVisibility(True)


def removeLegend(node: Any) -> None:
    """Take a node's legend away."""
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node)
    if legend is not None:
        slicer.mrmlScene.RemoveNode(legend)


def _colors(name: str, anchors: tuple[str, ...], count: int = 256) -> Any:
    """A colour table between evenly spaced anchors, made at first use; it is made again rather than saved."""
    node = slicer.mrmlScene.GetFirstNodeByName(name)
    if node is not None and node.IsA("vtkMRMLColorTableNode"):
        return node
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLColorTableNode", name)
    node.SetTypeToUser()
    node.SetNumberOfColors(count)
    node.SetHideFromEditors(True)
    stops = np.array([[int(anchor[i : i + 2], 16) / 255 for i in (1, 3, 5)] for anchor in anchors])
    at = np.linspace(0, len(anchors) - 1, count)
    for index in range(count):
        red, green, blue = (float(np.interp(at[index], np.arange(len(anchors)), stops[:, k])) for k in range(3))
        node.SetColor(index, f"{index}", red, green, blue, 1.0)
    return node
