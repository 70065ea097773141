"""qMRMLPlotView and its widget: a chart node drawn by VTK, with the signal that a click on a point sends."""

from __future__ import annotations

from typing import Any

import vtk
from PySide6 import QtCore, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

from ..pythonqt.emulation import emulated, private
from ..pythonqt.scene_widget import scene_widget
from ..widgets.observing import Observer
from .canvas import VtkCanvas
from .chart_style import style_axes, style_series
from .view_widget import qMRMLAbstractViewWidget, qMRMLViewControllerBar

Mouse = vtk.vtkContextMouseEvent
# What the mouse does in each interaction mode of a plot view: button -> action of the chart.
ACTIONS = {
    "PanView": {Mouse.LEFT_BUTTON: vtk.vtkChart.PAN, Mouse.MIDDLE_BUTTON: vtk.vtkChart.ZOOM},
    "SelectPoints": {Mouse.LEFT_BUTTON: vtk.vtkChart.SELECT, Mouse.MIDDLE_BUTTON: vtk.vtkChart.PAN},
    "FreehandSelectPoints": {Mouse.LEFT_BUTTON: vtk.vtkChart.SELECT_POLYGON, Mouse.MIDDLE_BUTTON: vtk.vtkChart.PAN},
    "MovePoints": {Mouse.LEFT_BUTTON: vtk.vtkChart.CLICK_AND_DRAG, Mouse.MIDDLE_BUTTON: vtk.vtkChart.PAN},
}


@emulated
class ctkVTKChartView(VtkCanvas):
    """A widget with one VTK chart."""

    plotAdded = QtCore.Signal(object)
    plotRemoved = QtCore.Signal(object)
    boundsChanged = QtCore.Signal()

    def __init__(self, parent=None, /):
        context = vtk.vtkContextView()
        super().__init__(parent, context.GetRenderWindow())
        state = private(self)
        state.context = context
        context.SetInteractor(state.interactor)
        style = vtk.vtkContextInteractorStyle()  # the context gives its own only to the interactor that it made
        style.SetScene(context.GetScene())
        state.interactor.SetInteractorStyle(style)
        context.GetRenderer().SetBackground(1, 1, 1)
        state.chart = vtk.vtkChartXY()
        context.GetScene().AddItem(state.chart)
        state.changed = True
        context.GetScene().AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._note_change())

    def _note_change(self) -> None:
        self._d.changed = self._d.changed or self._d.context.GetScene().GetDirty()

    def _rendered(self) -> None:
        self._d.changed = False
        super()._rendered()

    def _render_asked(self) -> None:
        """The style asks some time after each change; it may have been drawn by then."""
        if self._d.changed:
            super()._render_asked()

    def chart(self, /):
        """The vtkChartXY."""
        return self._d.chart

    def scene(self, /):
        """The vtkContextScene."""
        return self._d.context.GetScene()

    def renderWindow(self, /):
        """The vtkRenderWindow."""
        return self._d.window

    def addPlot(self, plot, /):
        """Add a vtkPlot."""
        self._d.chart.AddPlot(plot)
        self.plotAdded.emit(plot)

    def removePlot(self, plot, /):
        """Remove a vtkPlot."""
        self._d.chart.RemovePlotInstance(plot)
        self.plotRemoved.emit(plot)

    def removeAllPlots(self, /):
        """Empty the chart."""
        self._d.chart.ClearPlots()

    title = QtCore.Property(str, lambda self: self._d.chart.GetTitle(), lambda self, text: self._d.chart.SetTitle(text))


def _plot_type(series: Any) -> int:
    bars = series.GetPlotType() in (series.PlotTypeBar, series.PlotTypeScatterBar)
    return vtk.vtkChart.BAR if bars else vtk.vtkChart.LINE


def _plot_class(series: Any) -> str:
    return "vtkPlotBar" if _plot_type(series) == vtk.vtkChart.BAR else "vtkPlotLine"


@emulated
@scene_widget
class qMRMLPlotView(ctkVTKChartView):
    """Draws the chart that a vtkMRMLPlotViewNode names."""

    mrmlSceneChanged = QtCore.Signal(object)
    dataSelected = QtCore.Signal(object, object)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node, state.observer, state.series_of_plot, state.redraw_pending = None, Observer(self), {}, False
        state.chart.AddObserver(vtk.vtkCommand.SelectionChangedEvent, lambda *_: self._emit_selection())
        state.chart.AddObserver(vtk.vtkCommand.InteractionEvent, lambda *_: self._keep_axis_ranges())

    def setMRMLPlotViewNode(self, node, /):
        """Show the chart of a view node."""
        self._d.node = node
        self._redraw()

    def fitToContent(self, /):
        """Show all points."""
        chart_node = self._chart_node()
        if chart_node is not None:
            chart_node.SetXAxisRangeAuto(True)
            chart_node.SetYAxisRangeAuto(True)
        self._d.chart.RecalculateBounds()
        self._schedule_render()

    def RemovePlotSelections(self, /):
        """Forget which points are selected."""
        self._d.chart.RemovePlotSelections()
        self._schedule_render()

    def saveAsSVG(self, path, /):
        """Write the chart as a vector picture."""
        exporter = vtk.vtkSVGExporter()
        exporter.SetRenderWindow(self._d.window)
        exporter.SetFileName(path)
        exporter.Write()

    def _chart_node(self) -> Any:
        scene, node = self._d.__dict__.get("scene"), self._d.node
        return scene.GetNodeByID(node.GetPlotChartNodeID() or "") if scene is not None and node is not None else None

    def _schedule_redraw(self) -> None:
        """Rebuild the chart when the event loop is next idle: a table of many columns tells of each change."""
        if not self._d.redraw_pending:
            self._d.redraw_pending = True
            QtCore.QTimer.singleShot(0, self._redraw)

    def _redraw(self) -> None:
        state = self._d
        state.redraw_pending = False
        state.observer.clear()
        if state.node is None:
            return
        state.observer.watch(state.node, self._schedule_redraw)
        mode = state.node.GetInteractionModeAsString(state.node.GetInteractionMode())
        for button, action in ACTIONS.get(mode, ACTIONS["PanView"]).items():
            state.chart.SetActionToButton(action, button)
        moving = mode == "MovePoints"
        state.chart.SetClickActionToButton(vtk.vtkChart.SELECT, Mouse.NO_BUTTON if moving else Mouse.LEFT_BUTTON)
        chart_node = self._chart_node()
        state.chart.SetVisible(chart_node is not None)
        series = []
        if chart_node is not None:
            state.observer.watch(chart_node, self._schedule_redraw)
            along = [state.node.GetEnablePointMoveAlongX() and chart_node.GetEnablePointMoveAlongX()]
            along += [state.node.GetEnablePointMoveAlongY() and chart_node.GetEnablePointMoveAlongY()]
            state.chart.SetDragPointAlongX(bool(along[0]))
            state.chart.SetDragPointAlongY(bool(along[1]))
            series = [chart_node.GetNthPlotSeriesNode(n) for n in range(chart_node.GetNumberOfPlotSeriesNodes())]
            series = [one for one in series if self._watch_series(one)]
        # Plots of the same series stay, as in Slicer: a point that is being dragged must not be lost.
        kept = [(one, plot) for plot, one in state.series_of_plot.items() if plot.IsA(_plot_class(one))]
        if [one for one, _ in kept] != series or len(kept) != len(state.series_of_plot):
            state.chart.ClearPlots()
            kept = [(one, state.chart.AddPlot(_plot_type(one))) for one in series]
            state.series_of_plot = {plot: one for one, plot in kept}
        for one, plot in kept:
            self._update_plot(plot, one)
        if chart_node is not None:
            style_axes(state.chart, chart_node)
            state.chart.RecalculateBounds()
        state.context.GetScene().SetDirty(True)
        self._schedule_render()

    def _watch_series(self, series: Any) -> bool:
        """Follow a series and its table; whether there is something to draw."""
        table_node = series.GetTableNode() if series is not None else None
        if table_node is None:
            return False
        self._d.observer.watch(series, self._schedule_redraw)
        self._d.observer.watch(table_node, self._schedule_redraw)
        table = table_node.GetTable()
        return table.GetColumnByName(series.GetYColumnName() or "") is not None and table.GetNumberOfRows() > 0

    def _update_plot(self, plot: Any, series: Any) -> None:
        table = series.GetTableNode().GetTable()
        y_name, x_name = series.GetYColumnName() or "", series.GetXColumnName() or ""
        scatter = series.GetPlotType() in (series.PlotTypeScatter, series.PlotTypeScatterBar)
        indexed = not scatter or table.GetColumnByName(x_name) is None
        plot.SetUseIndexForXSeries(indexed)
        plot.SetInputData(table, y_name if indexed else x_name, y_name)
        style_series(plot, series, table)

    def _emit_selection(self) -> None:
        ids, selections = vtk.vtkStringArray(), vtk.vtkCollection()
        for plot, series in self._d.series_of_plot.items():
            selection = plot.GetSelection()
            if selection is not None and selection.GetNumberOfValues() > 0:
                ids.InsertNextValue(series.GetID())
                selections.AddItem(selection)
        self._d.context.GetScene().SetDirty(True)
        self._schedule_render()
        self.dataSelected.emit(ids, selections)

    def _keep_axis_ranges(self) -> None:
        """After the user has panned or zoomed, the chart node says what is shown."""
        chart_node = self._chart_node()
        if chart_node is None:
            return
        was_modifying = chart_node.StartModify()
        for place, name in ((vtk.vtkAxis.BOTTOM, "X"), (vtk.vtkAxis.LEFT, "Y")):
            ends = [0.0, 0.0]
            self._d.chart.GetAxis(place).GetUnscaledRange(ends)
            getattr(chart_node, f"Set{name}AxisRange")(ends)
            getattr(chart_node, f"Set{name}AxisRangeAuto")(False)
        chart_node.EndModify(was_modifying)

    def _point_on_screen(self, series: Any, index: int) -> QtCore.QPoint:
        """Where a point of a series is drawn, in px of the widget; for tests that click it."""
        self._d.window.Render()
        plot = next(plot for plot, one in self._d.series_of_plot.items() if one is series)
        table = series.GetTableNode().GetTable()
        y = vtk_to_numpy(table.GetColumnByName(series.GetYColumnName()))[index]
        x = vtk_to_numpy(table.GetColumnByName(series.GetXColumnName()))[index] if series.GetXColumnName() else index
        chart, place = self._d.chart, []
        for axis, value in ((plot.GetXAxis(), x), (plot.GetYAxis(), y)):
            low, high = axis.GetMinimum(), axis.GetMaximum()
            first, last = axis.GetPoint1(), axis.GetPoint2()
            k = 0 if axis.GetPosition() in (vtk.vtkAxis.BOTTOM, vtk.vtkAxis.TOP) else 1
            place.append(first[k] + (value - low) / ((high - low) or 1.0) * (last[k] - first[k]))
        return (
            QtCore.QPoint(round(place[0]), self.height - 1 - round(place[1])) if chart.GetVisible() else QtCore.QPoint()
        )


@emulated
@scene_widget
class qMRMLPlotViewControllerWidget(qMRMLViewControllerBar):
    """Fit and interaction mode of a plot view."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node = state.view = None
        fit = QtWidgets.QToolButton()
        fit.setText("Fit")
        fit.clicked.connect(lambda *_: self.fitPlotToAxes())
        state.title = QtWidgets.QLabel()
        state.layout.addWidget(fit)
        state.layout.addWidget(state.title, 1)

    def setPlotView(self, view, /):
        """The view that is controlled."""
        self._d.view = view

    def setMRMLPlotViewNode(self, node, /):
        """Show the letter of a view node."""
        self._d.node = node
        self._show_node(node, (0.75, 0.75, 0.75))

    def mrmlPlotViewNode(self, /):
        """The vtkMRMLPlotViewNode."""
        return self._d.node

    def fitPlotToAxes(self, /):
        """Show all points."""
        if self._d.view is not None:
            self._d.view.fitToContent()


@emulated
@scene_widget
class qMRMLPlotWidget(qMRMLAbstractViewWidget):
    """A plot view with its controller bar."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        private(self).node = None
        self._arrange(qMRMLPlotViewControllerWidget(), qMRMLPlotView())
        self._d.controller.setPlotView(self._d.view)

    def _scene_set(self):
        self._d.view.setMRMLScene(self._d.scene)

    def setMRMLPlotViewNode(self, node, /):
        """Show the chart of a view node."""
        self._d.node = node
        self._d.view.setMRMLPlotViewNode(node)
        self._d.controller.setMRMLPlotViewNode(node)

    def setMRMLAbstractViewNode(self, node, /):
        """Show the chart of a view node."""
        self.setMRMLPlotViewNode(node)

    def mrmlPlotViewNode(self, /):
        """The vtkMRMLPlotViewNode."""
        return self._d.node

    def mrmlAbstractViewNode(self, /):
        """The vtkMRMLPlotViewNode."""
        return self._d.node

    def plotView(self, /):
        """The qMRMLPlotView."""
        return self._d.view

    def plotController(self, /):
        """The qMRMLPlotViewControllerWidget."""
        return self._d.controller
