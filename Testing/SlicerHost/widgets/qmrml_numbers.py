"""qMRML's widgets for numbers: ctk's, with a scene and the units of a quantity."""

from __future__ import annotations

from PySide6 import QtCore

from ..pythonqt.emulation import emulated, stored
from ..pythonqt.scene_widget import scene_widget
from .ctk_numbers import ctkDoubleSpinBox, ctkSliderWidget
from .ctk_ranges import ctkRangeWidget


def _show_unit(widget, quantity=""):
    """Show the unit that the scene's selection node prescribes for the quantity."""
    scene = widget._d.__dict__.get("scene")
    selection = scene.GetNodeByID("vtkMRMLSelectionNodeSingleton") if scene is not None else None
    unit = selection.GetUnitNode(widget.quantity) if selection is not None and widget.quantity else None
    if unit is not None and hasattr(type(widget), "suffix"):
        widget.suffix = unit.GetSuffix() or ""


@emulated
@scene_widget
class qMRMLSliderWidget(ctkSliderWidget):
    """A slider with a unit."""

    quantity = stored(str, "", _show_unit)
    unitAwareProperties = stored(int, 0)
    orientation = stored(int, int(QtCore.Qt.Horizontal))

    def _scene_set(self):
        _show_unit(self)

    def setQuantity(self, quantity, /):
        """Name of the quantity, such as "length"."""
        self.quantity = quantity


@emulated
@scene_widget
class qMRMLSpinBox(ctkDoubleSpinBox):
    """A spin box with a unit."""

    quantity = stored(str, "", _show_unit)
    unitAwareProperties = stored(int, 0)

    def _scene_set(self):
        _show_unit(self)

    def setQuantity(self, quantity, /):
        """Name of the quantity, such as "length"."""
        self.quantity = quantity


@emulated
@scene_widget
class qMRMLRangeWidget(ctkRangeWidget):
    """A range with a unit."""

    quantity = stored(str, "", _show_unit)

    def _scene_set(self):
        _show_unit(self)

    def setQuantity(self, quantity, /):
        """Name of the quantity, such as "length"."""
        self.quantity = quantity
