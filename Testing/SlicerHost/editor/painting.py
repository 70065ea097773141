"""Paint and Erase: a round brush, as large as the user wants."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import vtk
from PySide6 import QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..widgets.ctk_numbers import ctkSliderWidget
from .effect import qSlicerSegmentEditorAbstractEffect
from .geometry import paint_capsule

CIRCLE_SIDES = 48
WHEEL_FACTOR = 1.2


class BrushOutline:
    """The circle that shows where the brush is."""

    def __init__(self) -> None:
        self.source = vtk.vtkRegularPolygonSource()
        self.source.SetNumberOfSides(CIRCLE_SIDES)
        self.source.GeneratePolygonOff()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputConnection(self.source.GetOutputPort())
        self.actor = vtk.vtkActor2D()
        self.actor.SetMapper(mapper)
        self.actor.GetProperty().SetColor(0.9, 0.9, 0.1)
        self.view = None

    def show(self, view, xy, radius_pixels):
        """Draw the circle around a place of a view."""
        if view is not self.view:
            self.hide()
            self.view = view
            view._d.renderer.AddViewProp(self.actor)
        self.source.SetRadius(max(1.0, radius_pixels))
        self.actor.SetPosition(*xy)
        view.scheduleRender()

    def hide(self):
        """Take the circle away."""
        if self.view is not None:
            self.view._d.renderer.RemoveViewProp(self.actor)
            self.view.scheduleRender()
            self.view = None


@emulated
class qSlicerSegmentEditorAbstractLabelEffect(qSlicerSegmentEditorAbstractEffect):
    """An effect that changes labelmaps in slice views."""


@emulated
class qSlicerSegmentEditorPaintEffect(qSlicerSegmentEditorAbstractLabelEffect):
    """Adds what the brush goes over to the selected segment."""

    _effect_name = "Paint"
    _help = "Hold the left button and paint. Shift and wheel change the size of the brush."
    _defaults: ClassVar = {
        "BrushAbsoluteDiameter": 5.0,
        "BrushRelativeDiameter": 3.0,
        "BrushSphere": 0,
        "BrushUseAbsoluteSize": 0,
    }
    _adds = True
    delayedPaint = stored(bool, False)

    def _build_options(self, form):
        state = private(self)
        state.outline, state.last, state.updating = BrushOutline(), None, False
        state.size = ctkSliderWidget()
        state.size.setObjectName(f"{self._effect_name}DiameterSlider")
        state.size.minimum, state.size.maximum, state.size.decimals = 0.1, 100.0, 1
        state.size.singleStep = 0.5
        state.absolute = QtWidgets.QCheckBox("Size in mm, not in % of the view")
        state.sphere = QtWidgets.QCheckBox("Sphere brush")
        form.addRow("Diameter:", state.size)
        form.addRow(state.absolute)
        form.addRow(state.sphere)
        state.size.valueChanged.connect(lambda *_: self.updateMRMLFromGUI())
        for box in (state.absolute, state.sphere):
            box.toggled.connect(lambda *_: self.updateMRMLFromGUI())

    def updateGUIFromMRML(self, /):
        """Show brush size and kind."""
        state = self._d
        state.updating = True
        state.absolute.setChecked(bool(self.integerParameter("BrushUseAbsoluteSize")))
        state.sphere.setChecked(bool(self.integerParameter("BrushSphere")))
        state.size.setValue(self.doubleParameter(self._size_name()))
        state.updating = False

    def updateMRMLFromGUI(self, /):
        """Keep brush size and kind, for Paint and Erase alike."""
        state = self._d
        if state.updating:
            return
        size, kind = state.size.value, int(state.absolute.checked)
        changed_kind = kind != self.integerParameter("BrushUseAbsoluteSize")
        self.setCommonParameter("BrushUseAbsoluteSize", kind)
        self.setCommonParameter("BrushSphere", int(state.sphere.checked))
        if changed_kind:
            self.updateGUIFromMRML()
        else:
            self.setCommonParameter(self._size_name(), size)

    def _size_name(self):
        absolute = self.integerParameter("BrushUseAbsoluteSize")
        return "BrushAbsoluteDiameter" if absolute else "BrushRelativeDiameter"

    def _radius(self, view):
        """Radius of the brush in mm; a relative size is a percentage of the view's smaller side."""
        size = self.doubleParameter(self._size_name())
        if self.integerParameter("BrushUseAbsoluteSize"):
            return size / 2
        return size / 100 * min(view.mrmlSliceNode().GetFieldOfView()[:2]) / 2

    def _outline(self, view, xy):
        node = view.mrmlSliceNode()
        self._d.outline.show(view, xy, self._radius(view) * node.GetDimensions()[0] / node.GetFieldOfView()[0])

    def _press(self, view, xy):
        self.saveStateForUndo()
        self._d.last = None
        self._stroke(view, xy)
        return True

    def _move(self, view, xy):
        self._outline(view, xy)
        if self._d.last is None:
            return False
        self._stroke(view, xy)
        return True

    def _release(self, view, xy):
        painted, self._d.last = self._d.last is not None, None
        return painted

    def _wheel(self, view, direction):
        size = self._d.size
        size.setValue(min(size.maximum, max(size.minimum, size.value * WHEEL_FACTOR**direction)))
        if self._d.outline.view is not None:
            self._outline(view, self._d.outline.actor.GetPosition())
        return True

    def _stroke(self, view, xy):
        """Paint from the last place to this one, so that a fast hand leaves no gaps."""
        here = np.array(view.convertXYZToRAS(view.convertDeviceToXYZ(xy)))
        labelmap = self.defaultModifierLabelmap()
        to_ras = view.mrmlSliceNode().GetSliceToRAS()
        normal = np.array([to_ras.GetElement(row, 2) for row in range(3)])
        normal /= np.linalg.norm(normal)
        sphere = bool(self.integerParameter("BrushSphere"))
        last = self._d.last if self._d.last is not None else here
        self._d.last = here
        if paint_capsule(labelmap, last, here, self._radius(view), None if sphere else normal):
            labelmap.Modified()
            mode = self.ModificationModeAdd if self._adds else self.ModificationModeRemove
            self.modifySelectedSegmentByLabelmap(labelmap, mode)

    def deactivate(self, /):
        """Take the outline away."""
        super().deactivate()
        self._d.outline.hide()
        self._d.last = None


@emulated
class qSlicerSegmentEditorEraseEffect(qSlicerSegmentEditorPaintEffect):
    """Removes what the brush goes over from the selected segment."""

    _effect_name = "Erase"
    _help = "Hold the left button and erase. Shift and wheel change the size of the brush."
    _adds = False
