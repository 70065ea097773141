"""An example of a scripted module: browse a clip, edit a mask on its frames, measure the mask's area over time."""

from typing import Annotated, Any

import numpy as np
import slicer
import vtk
from slicer import vtkMRMLSequenceBrowserNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

LAYOUT = 601
LAYOUT_XML = """
<layout type="horizontal" split="true">
  <item splitSize="600"><view class="vtkMRMLSliceNode" singletontag="Red">
    <property name="orientation" action="default">Axial</property>
    <property name="viewlabel" action="default">E</property>
    <property name="viewcolor" action="default">#F34A33</property></view></item>
  <item splitSize="400"><layout type="vertical" split="true">
    <item><view class="vtkMRMLPlotViewNode" singletontag="PlotView1">
      <property name="viewlabel" action="default">P</property></view></item>
    <item><view class="vtkMRMLTableViewNode" singletontag="TableView1">
      <property name="viewlabel" action="default">T</property></view></item>
  </layout></item>
</layout>
"""


class ClipEditor(ScriptedLoadableModule):
    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("Clip editor")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        parent.helpText = _("Edit a mask on the frames of a clip.")


@parameterNodeWrapper
class ClipEditorParameterNode:
    browser: vtkMRMLSequenceBrowserNode
    fill: bool = True
    opacity: Annotated[float, WithinRange(0, 1)] = 0.5


class ClipEditorWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.parameters = self.connection = None
        self.events: list[str] = []

    def setup(self) -> None:
        ScriptedLoadableModuleWidget.setup(self)
        panel = slicer.util.loadUI(self.resourcePath("UI/ClipEditor.ui"))
        self.layout.addWidget(panel)
        self.ui = slicer.util.childWidgetVariables(panel)
        panel.setMRMLScene(slicer.mrmlScene)
        self.logic = ClipEditorLogic()
        self.ui.measureButton.connect("clicked(bool)", self.onMeasure)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.initialize()

    def initialize(self) -> None:
        self.ui.editor.setMRMLSegmentEditorNode(
            slicer.mrmlScene.GetSingletonNode("ClipEditor", "vtkMRMLSegmentEditorNode") or self._newEditorNode()
        )
        self.ui.editor.setMRMLScene(slicer.mrmlScene)
        self.parameters = ClipEditorParameterNode(self.logic.getParameterNode())
        self.connection = self.parameters.connectGui(self.ui)
        self.addObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
        self.onParameters()

    def _newEditorNode(self) -> Any:
        node = slicer.vtkMRMLSegmentEditorNode()
        node.SetSingletonTag("ClipEditor")
        return slicer.mrmlScene.AddNode(node)

    def cleanup(self) -> None:
        self.events.append("cleanup")
        self.removeObservers()

    def enter(self) -> None:
        self.events.append("enter")
        layout = slicer.app.layoutManager()
        layout.layoutLogic().GetLayoutNode().AddLayoutDescription(LAYOUT, LAYOUT_XML)
        layout.setLayout(LAYOUT)
        layout.plotWidget(0).plotView().connect("dataSelected(vtkStringArray*,vtkCollection*)", self.onPointClicked)
        self.ui.editor.setupViewObservations()
        self.ui.editor.installKeyboardShortcuts()

    def exit(self) -> None:
        self.events.append("exit")
        view = slicer.app.layoutManager().plotWidget(0).plotView()
        view.disconnect("dataSelected(vtkStringArray*,vtkCollection*)", self.onPointClicked)
        self.ui.editor.setActiveEffect(None)
        self.ui.editor.removeViewObservations()
        self.ui.editor.uninstallKeyboardShortcuts()

    def onSceneStartClose(self, caller: Any, event: Any) -> None:
        self.parameters.disconnectGui(self.connection)
        self.removeObserver(self.parameters, vtk.vtkCommand.ModifiedEvent, self.onParameters)
        self.parameters = None

    def onSceneEndClose(self, caller: Any, event: Any) -> None:
        self.initialize()

    def onParameters(self, caller: Any = None, event: Any = None) -> None:
        volume, mask = self.logic.proxies(self.parameters.browser)
        self.ui.editor.setSegmentationNode(mask)
        self.ui.editor.setSourceVolumeNode(volume)
        if mask is not None and mask.GetDisplayNode() is not None:
            mask.GetDisplayNode().SetVisibility2DFill(self.parameters.fill)
            mask.GetDisplayNode().SetOpacity2DFill(self.parameters.opacity)

    def onMeasure(self) -> None:
        with slicer.util.tryWithErrorDisplay(_("Measuring failed"), waitCursor=True):
            self.logic.measure(self.parameters.browser)

    def onPointClicked(self, seriesIds: Any, selections: Any) -> None:
        if selections.GetNumberOfItems() and selections.GetItemAsObject(0).GetNumberOfValues():
            self.parameters.browser.SetSelectedItemNumber(int(selections.GetItemAsObject(0).GetValue(0)))


class ClipEditorLogic(ScriptedLoadableModuleLogic):
    def loadClip(self, frames: np.ndarray, spacing: float, rate: float) -> Any:
        """Frames (T, H, W) as a sequence with an empty mask on every frame; returns the browser."""
        scene = slicer.mrmlScene
        clip = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Clip")
        masks = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Masks")
        for sequence in (clip, masks):
            sequence.SetIndexName("time")
            sequence.SetIndexUnit("s")
        volume = slicer.vtkMRMLScalarVolumeNode()
        volume.SetName("Clip")
        volume.SetSpacing(spacing, spacing, 1.0)
        volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
        mask = slicer.vtkMRMLSegmentationNode()
        mask.SetName("Masks")
        mask.GetSegmentation().AddEmptySegment("LV", "LV", (0.85, 0.2, 0.2))
        for index, frame in enumerate(frames):
            slicer.util.updateVolumeFromArray(volume, frame[np.newaxis])
            if index == 0:
                mask.SetReferenceImageGeometryParameterFromVolumeNode(volume)
            clip.SetDataNodeAtValue(volume, f"{index / rate:.4f}")
            masks.SetDataNodeAtValue(mask, f"{index / rate:.4f}")
        browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Clip browser")
        browser.SetAndObserveMasterSequenceNodeID(clip.GetID())
        browser.AddSynchronizedSequenceNode(masks)
        browser.SetSaveChanges(masks, True)
        browser.SetPlaybackRateFps(rate)
        browser.SetSelectedItemNumber(0)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        volume, mask = self.proxies(browser)
        for proxy in (volume, mask):
            proxy.CreateDefaultDisplayNodes()
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        return browser

    def proxies(self, browser: Any) -> tuple[Any, Any]:
        """Volume and mask of the current frame."""
        if browser is None:
            return None, None
        nodes = vtk.vtkCollection()
        browser.GetAllProxyNodes(nodes)
        found = [nodes.GetItemAsObject(i) for i in range(nodes.GetNumberOfItems())]
        return tuple(
            next((node for node in found if node.IsA(kind)), None)
            for kind in ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")
        )

    def area(self, browser: Any) -> float:
        """Area of the mask on the current frame, mm2."""
        volume, mask = self.proxies(browser)
        pixels = slicer.util.arrayFromSegmentBinaryLabelmap(mask, "LV", volume)
        return float(np.count_nonzero(pixels)) * volume.GetSpacing()[0] * volume.GetSpacing()[1]

    def measure(self, browser: Any) -> Any:
        """Area of the mask on every frame, as table and plot; returns the table node."""
        before, times, areas = browser.GetSelectedItemNumber(), [], []
        for index in range(browser.GetNumberOfItems()):
            browser.SetSelectedItemNumber(index)
            times.append(float(browser.GetMasterSequenceNode().GetNthIndexValue(index)))
            areas.append(self.area(browser))
        browser.SetSelectedItemNumber(before)
        table = slicer.util.getFirstNodeByClassByName("vtkMRMLTableNode", "Areas")
        table = table or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Areas")
        slicer.util.updateTableFromArray(table, (np.array(times), np.array(areas)), ["time", "area"])
        table.SetColumnUnitLabel("area", "mm2")
        series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", "Area")
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName("time")
        series.SetYColumnName("area")
        series.SetPlotType(series.PlotTypeScatter)
        chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", "Area chart")
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
        selection = slicer.app.applicationLogic().GetSelectionNode()
        selection.SetActivePlotChartID(chart.GetID())
        selection.SetActiveTableID(table.GetID())
        slicer.app.applicationLogic().PropagatePlotChartSelection()
        slicer.app.applicationLogic().PropagateTableSelection()
        return table


class ClipEditorFileReader:
    """Clips as arrays (T, H, W) in .clip.npy files; Slicer registers it for its name."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent

    def description(self) -> str:
        return "Clip"

    def fileType(self) -> str:
        return "ClipEditorClip"

    def extensions(self) -> list[str]:
        return ["Clip (*.clip.npy)"]

    def load(self, properties: dict[str, Any]) -> bool:
        frames = np.load(properties["fileName"])
        if frames.ndim != 3:
            message = f"{properties['fileName']} has {frames.ndim} dimensions, a clip has 3."
            self.parent.userMessages().AddMessage(vtk.vtkCommand.ErrorEvent, message)
            return False
        browser = ClipEditorLogic().loadClip(frames, 0.5, 40.0)
        self.parent.loadedNodes = [browser.GetID()]
        return True


class ClipEditorTest(ScriptedLoadableModuleTest):
    def test_an_empty_mask_has_no_area(self) -> None:
        logic = ClipEditorLogic()
        browser = logic.loadClip(np.zeros((2, 16, 16), np.uint8), 1.0, 50.0)
        self.assertEqual(logic.area(browser), 0.0)
