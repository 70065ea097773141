"""Smoothing and Islands, with the names that their parameters have in Slicer."""

from __future__ import annotations

from typing import ClassVar

import vtk
from PySide6 import QtWidgets

from ..pythonqt.emulation import private
from ..widgets.ctk_numbers import ctkSliderWidget
from .geometry import voxels
from .scripted import qSlicerSegmentEditorScriptedEffect

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


class Smoothing(qSlicerSegmentEditorScriptedEffect):
    """Makes borders smoother."""

    _effect_name = "Smoothing"
    _help = "Make the border smoother: median, opening and closing by a kernel, or a Gaussian."
    _defaults: ClassVar = {"SmoothingMethod": "MEDIAN", "KernelSizeMm": 3.0, "GaussianStandardDeviationMm": 3.0}

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

    def updateGUIFromMRML(self, /):
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
        kernel = [
            int(round((self.doubleParameter("KernelSizeMm") / step + 1) / 2) * 2 - 1) for step in source.GetSpacing()
        ]
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


class Islands(qSlicerSegmentEditorScriptedEffect):
    """Keeps or removes parts that do not touch."""

    _effect_name = "Islands"
    _help = "Keep or remove parts of a segment that don't touch each other."
    _defaults: ClassVar = {"Operation": "KEEP_LARGEST_ISLAND", "MinimumSize": 1000}

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

    def updateGUIFromMRML(self, /):
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
