"""Draw and Threshold, with the names that their parameters have in Slicer."""

from __future__ import annotations

from typing import ClassVar

import vtk
from PySide6 import QtWidgets

from ..pythonqt.emulation import private
from ..widgets.ctk_ranges import ctkRangeWidget
from .geometry import voxels
from .scripted import qSlicerSegmentEditorScriptedEffect


class Threshold(qSlicerSegmentEditorScriptedEffect):
    """Fills by grey value, or makes a mask of grey values."""

    _effect_name = "Threshold"
    _help = "Fill the segment by grey values. 'Use for masking' lets the other effects change only such voxels."
    _defaults: ClassVar = {"MinimumThreshold": 0.0, "MaximumThreshold": 255.0}

    def _build_options(self, form):
        state = private(self)
        state.range = ctkRangeWidget()
        state.range.setObjectName("ThresholdRange")
        state.updating = False
        state.range.connect("valuesChanged(double,double)", self._range_changed)
        form.addRow("Range:", state.range)
        state.mask = QtWidgets.QPushButton("Use for masking")
        state.mask.setObjectName("ThresholdUseForMaskButton")
        state.mask.clicked.connect(lambda *_: self._use_for_masking())
        form.addRow(state.mask)
        self._apply_button(form)

    def _range_changed(self, low, high):
        if not self._d.updating:
            self.setParameter("MinimumThreshold", low)
            self.setParameter("MaximumThreshold", high)

    def activate(self, /):
        """Offer the values of the source volume; at first its brighter half."""
        source = self._d.logic.GetSourceVolumeNode()
        if source is not None and source.GetImageData() is not None:
            low, high = source.GetImageData().GetScalarRange()
            self._d.updating = True
            self._d.range.setRange(low, high)
            self._d.updating = False
            self.setParameterDefault("MinimumThreshold", low + (high - low) / 2)
            self.setParameterDefault("MaximumThreshold", high)
        super().activate()

    def updateGUIFromMRML(self, /):
        """Show the range."""
        self._d.updating = True
        self._d.range.setValues(self.doubleParameter("MinimumThreshold"), self.doubleParameter("MaximumThreshold"))
        self._d.updating = False

    def _apply(self):
        source = self.sourceVolumeImageData()
        low, high = self.doubleParameter("MinimumThreshold"), self.doubleParameter("MaximumThreshold")
        values = voxels(source)
        self.saveStateForUndo()
        labelmap = self.defaultModifierLabelmap()
        voxels(labelmap)[:] = (values >= low) & (values <= high)
        labelmap.Modified()
        self.modifySelectedSegmentByLabelmap(labelmap, self.ModificationModeSet)
        self.selectEffect("")

    def _use_for_masking(self):
        node = self.parameterSetNode()
        node.SetSourceVolumeIntensityMaskRange(
            self.doubleParameter("MinimumThreshold"), self.doubleParameter("MaximumThreshold")
        )
        node.SourceVolumeIntensityMaskOn()
        self.selectEffect("Paint")


class Draw(qSlicerSegmentEditorScriptedEffect):
    """Fills an outline that is drawn in a slice view."""

    _effect_name = "Draw"
    _help = "Draw an outline with the left button, point by point or in one go. Right button or Enter fills it."

    def _build_options(self, form):
        state = private(self)
        state.points, state.view, state.dragging = [], None, False
        state.outline = vtk.vtkPolyData()
        mapper = vtk.vtkPolyDataMapper2D()
        mapper.SetInputData(state.outline)
        state.actor = vtk.vtkActor2D()
        state.actor.SetMapper(mapper)
        state.actor.GetProperty().SetColor(1, 1, 0)

    def _show(self):
        points, line = vtk.vtkPoints(), vtk.vtkCellArray()
        line.InsertNextCell(len(self._d.points))
        for x, y in self._d.points:
            line.InsertCellPoint(points.InsertNextPoint(x, y, 0))
        self._d.outline.SetPoints(points)
        self._d.outline.SetLines(line)
        if self._d.view is not None:
            self._d.view.scheduleRender()

    def _press(self, view, xy):
        if view is not self._d.view:
            self._forget()
            self._d.view = view
            view._d.renderer.AddViewProp(self._d.actor)
        self._d.dragging = True
        self._d.points.append(tuple(xy))
        self._show()
        return True

    def _move(self, view, xy):
        if not self._d.dragging or view is not self._d.view:
            return False
        self._d.points.append(tuple(xy))
        self._show()
        return True

    def _release(self, view, xy):
        dragged, self._d.dragging = self._d.dragging, False
        return dragged

    def _right(self, view, xy):
        self._apply()
        return True

    def _key_pressed(self, view, key):
        if key in ("Return", "KP_Enter", "a"):
            self._apply()
            return True
        if key in ("BackSpace", "x") and self._d.points:
            self._d.points.pop()
            self._show()
            return True
        return False

    def _apply(self):
        """Fill the outline."""
        state = self._d
        if len(state.points) < 3 or state.view is None:
            self._forget()
            return
        polygon, points = vtk.vtkPolyData(), vtk.vtkPoints()
        border = vtk.vtkCellArray()
        border.InsertNextCell(len(state.points) + 1)
        for x, y in state.points:
            border.InsertCellPoint(points.InsertNextPoint(x, y, 0))
        border.InsertCellPoint(0)
        polygon.SetPoints(points)
        polygon.SetLines(border)
        self.saveStateForUndo()
        labelmap = self.defaultModifierLabelmap()
        state.logic.AppendPolyMask(labelmap, polygon, state.view.mrmlSliceNode(), state.logic.GetSegmentationNode())
        self.modifySelectedSegmentByLabelmap(labelmap, self.ModificationModeAdd)
        self._forget()

    def _forget(self):
        state = self._d
        state.points, state.dragging = [], False
        self._show()
        if state.view is not None:
            state.view._d.renderer.RemoveViewProp(state.actor)
            state.view = None

    def deactivate(self, /):
        """Forget an outline that wasn't filled."""
        super().deactivate()
        self._forget()
