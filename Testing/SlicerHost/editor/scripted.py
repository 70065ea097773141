"""Draw, Threshold, Smoothing and Islands: the effects that are scripted in Slicer, with their parameters' names."""

from __future__ import annotations

import vtk
from PySide6 import QtWidgets

from ..pythonqt.emulation import emulated, private
from ..widgets.ctk_numbers import ctkSliderWidget
from ..widgets.ctk_ranges import ctkRangeWidget
from .effect import qSlicerSegmentEditorAbstractEffect
from .geometry import voxels

SMOOTHING_METHODS = {
    "MEDIAN": "Median",
    "MORPHOLOGICAL_OPENING": "Opening (remove extrusions)",
    "MORPHOLOGICAL_CLOSING": "Closing (fill holes)",
    "GAUSSIAN": "Gaussian",
}
ISLAND_OPERATIONS = {
    "KEEP_LARGEST_ISLAND": "Keep largest island",
    "REMOVE_SMALL_ISLANDS": "Remove small islands",
    "KEEP_SELECTED_ISLAND": "Keep the island that is clicked",
    "REMOVE_SELECTED_ISLAND": "Remove the island that is clicked",
}


@emulated
class qSlicerSegmentEditorScriptedEffect(qSlicerSegmentEditorAbstractEffect):  # noqa: N801
    """An effect written in Python; `self()` is the part with `onApply`."""

    def self(self, /):
        """The Python part: `onApply` and its like."""
        return ScriptedPart(self)

    def _apply(self):
        """Do what the effect does."""

    def _apply_button(self, form):
        button = private(self).apply = QtWidgets.QPushButton("Apply")
        button.setObjectName(f"{self._effect_name}ApplyButton")
        button.clicked.connect(lambda *_: self._apply())
        form.addRow(button)

    def _combo(self, form, label, name, items):
        """A combo box bound to a parameter whose values are the keys of `items`."""
        combo = QtWidgets.QComboBox()
        combo.setObjectName(f"{self._effect_name}{name}")
        for key, text in items.items():
            combo.addItem(text, key)
        combo.activated.connect(lambda index: self.setParameter(name, combo.itemData(index)))
        form.addRow(label, combo)
        return combo

    def _set_labelmap(self, image):
        """Make the selected segment what an image says, within the masks, and undoable."""
        self.saveStateForUndo()
        labelmap = self.defaultModifierLabelmap()
        voxels(labelmap)[:] = voxels(image) != 0
        labelmap.Modified()
        self.modifySelectedSegmentByLabelmap(labelmap, self.ModificationModeSet)


class ScriptedPart:
    """What `effect.self()` gives: the methods that scripts call."""

    def __init__(self, effect: qSlicerSegmentEditorScriptedEffect) -> None:
        self.scriptedEffect = effect

    def onApply(self) -> None:  # noqa: N802
        """Press Apply."""
        self.scriptedEffect._apply()


class _Threshold(qSlicerSegmentEditorScriptedEffect):
    _effect_name = "Threshold"
    _help = "Fill the segment by grey values. 'Use for masking' lets the other effects change only such voxels."
    _defaults = {"MinimumThreshold": 0.0, "MaximumThreshold": 255.0}

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

    def updateGUIFromMRML(self, /):  # noqa: N802
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


class _Smoothing(qSlicerSegmentEditorScriptedEffect):
    _effect_name = "Smoothing"
    _help = "Make the border smoother: median, opening and closing by a kernel, or a Gaussian."
    _defaults = {"SmoothingMethod": "MEDIAN", "KernelSizeMm": 3.0, "GaussianStandardDeviationMm": 3.0}

    def _build_options(self, form):
        state = private(self)
        state.method = self._combo(form, "Method:", "SmoothingMethod", SMOOTHING_METHODS)
        state.kernel, state.deviation = ctkSliderWidget(), ctkSliderWidget()
        for slider, label, name in (
            (state.kernel, "Kernel size [mm]:", "KernelSizeMm"),
            (state.deviation, "Standard deviation [mm]:", "GaussianStandardDeviationMm"),
        ):
            slider.minimum, slider.maximum, slider.singleStep = 0.0, 30.0, 0.5
            slider.setObjectName(name)
            slider.valueChanged.connect(lambda value, name=name: self.setParameter(name, value))
            form.addRow(label, slider)
        self._apply_button(form)

    def updateGUIFromMRML(self, /):  # noqa: N802
        """Show method and sizes."""
        state = self._d
        state.method.setCurrentIndex(state.method.findData(self.parameter("SmoothingMethod")))
        for slider, name in ((state.kernel, "KernelSizeMm"), (state.deviation, "GaussianStandardDeviationMm")):
            slider.blockSignals(True)
            slider.setValue(self.doubleParameter(name))
            slider.blockSignals(False)

    def _apply(self):
        source = self.selectedSegmentLabelmap()
        method = self.parameter("SmoothingMethod")
        # The filters count voxels; an even kernel would shift the border.
        kernel = [int(round((self.doubleParameter("KernelSizeMm") / step + 1) / 2) * 2 - 1) for step in source.GetSpacing()]
        if method == "GAUSSIAN":
            self._set_labelmap(_gaussian(source, self.doubleParameter("GaussianStandardDeviationMm")))
            return
        size = [max(1, min(k, n)) if n > 1 else 1 for k, n in zip(kernel, source.GetDimensions(), strict=True)]
        if method == "MEDIAN":
            smooth = vtk.vtkImageMedian3D()
            smooth.SetKernelSize(*size)
        else:
            smooth = vtk.vtkImageOpenClose3D()
            opening = method == "MORPHOLOGICAL_OPENING"
            smooth.SetOpenValue(1 if opening else 0)
            smooth.SetCloseValue(0 if opening else 1)
            smooth.SetKernelSize(*size)
        smooth.SetInputData(source)
        smooth.Update()
        self._set_labelmap(smooth.GetOutput())


def _gaussian(image, deviation):
    """Blur, and cut at one half; the border stays where it was on a straight edge."""
    to_float = vtk.vtkImageCast()
    to_float.SetInputData(image)
    to_float.SetOutputScalarTypeToFloat()
    blur = vtk.vtkImageGaussianSmooth()
    blur.SetInputConnection(to_float.GetOutputPort())
    blur.SetRadiusFactor(4.0)
    blur.SetStandardDeviations(*[deviation / step for step in image.GetSpacing()])
    cut = vtk.vtkImageThreshold()
    cut.SetInputConnection(blur.GetOutputPort())
    cut.ThresholdByUpper(0.5)
    cut.SetInValue(1)
    cut.SetOutValue(0)
    cut.SetOutputScalarTypeToUnsignedChar()
    cut.Update()
    return cut.GetOutput()


class _Islands(qSlicerSegmentEditorScriptedEffect):
    _effect_name = "Islands"
    _help = "Keep or remove parts of a segment that don't touch each other."
    _defaults = {"Operation": "KEEP_LARGEST_ISLAND", "MinimumSize": 1000}

    def _build_options(self, form):
        state = private(self)
        state.operation = self._combo(form, "Operation:", "Operation", ISLAND_OPERATIONS)
        state.size = QtWidgets.QSpinBox()
        state.size.setRange(0, 1_000_000_000)
        state.size.setObjectName("IslandsMinimumSize")
        state.size.setSuffix(" voxels")
        state.size.valueChanged.connect(lambda size: self.setParameter("MinimumSize", size))
        form.addRow("Minimum size:", state.size)
        self._apply_button(form)

    def updateGUIFromMRML(self, /):  # noqa: N802
        """Show operation and size."""
        self._d.operation.setCurrentIndex(self._d.operation.findData(self.parameter("Operation")))
        self._d.size.blockSignals(True)
        self._d.size.setValue(self.integerParameter("MinimumSize"))
        self._d.size.blockSignals(False)

    def _connectivity(self):
        find = vtk.vtkImageConnectivityFilter()
        find.SetInputData(self.selectedSegmentLabelmap())
        find.SetScalarRange(1, 255)
        find.SetLabelScalarTypeToInt()
        find.SetLabelModeToSizeRank()
        return find

    def _apply(self):
        find = self._connectivity()
        if self.parameter("Operation") == "REMOVE_SMALL_ISLANDS":
            find.SetExtractionModeToAllRegions()
            find.SetSizeRange(self.integerParameter("MinimumSize"), 2**31 - 1)
        else:
            find.SetExtractionModeToLargestRegion()
        find.Update()
        self._set_labelmap(find.GetOutput())

    def _press(self, view, xy):
        operation = self.parameter("Operation")
        if "SELECTED" not in operation:
            return False
        find = self._connectivity()
        find.SetExtractionModeToAllRegions()
        find.Update()
        regions, place = voxels(find.GetOutput()), [0, 0, 0]
        logic = self._d.logic
        logic.XyToIjk([float(xy[0]), float(xy[1])], place, view.mrmlSliceNode(), logic.GetSelectedSegmentLabelmap())
        first = logic.GetSelectedSegmentLabelmap().GetExtent()[::2]
        index = tuple(at - start for at, start in zip(reversed(place), reversed(first), strict=True))
        if all(0 <= at < size for at, size in zip(index, regions.shape, strict=True)) and regions[index]:
            chosen = regions == regions[index]
            regions[:] = chosen if operation.startswith("KEEP") else (regions != 0) & ~chosen
            self._set_labelmap(find.GetOutput())
        return True


class _Draw(qSlicerSegmentEditorScriptedEffect):
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


SCRIPTED_EFFECTS = (_Draw, _Threshold, _Smoothing, _Islands)
