"""How chart and series nodes look: their styles, given to VTK's chart."""

from __future__ import annotations

from typing import Any

import vtk


def style_series(plot: Any, series: Any, table: Any) -> None:
    """Colour, line, markers and labels of one series."""
    plot.SetLabel(series.GetName())
    plot.SetColorF(*series.GetColor())
    plot.GetPen().SetOpacityF(series.GetOpacity())
    plot.SetWidth(series.GetLineWidth())
    plot.GetPen().SetLineType(series.GetLineStyle())
    if isinstance(plot, vtk.vtkPlotPoints):
        plot.SetMarkerStyle(series.GetMarkerStyle())
        plot.SetMarkerSize(series.GetMarkerSize())
    labels = table.GetColumnByName(series.GetLabelColumnName() or "")
    if isinstance(labels, vtk.vtkStringArray):
        plot.SetIndexedLabels(labels)
        plot.SetTooltipLabelFormat("%i: %x, %y")


def style_axes(chart: Any, node: Any) -> None:
    """Titles, legend, ranges, grid and fonts of a chart node."""
    chart.SetTitle(node.GetTitle() if node.GetTitleVisibility() and node.GetTitle() else "")
    chart.GetTitleProperties().SetFontSize(node.GetTitleFontSize())
    chart.SetShowLegend(bool(node.GetLegendVisibility()))
    chart.GetLegend().GetLabelProperties().SetFontSize(node.GetLegendFontSize())
    for place, name in ((vtk.vtkAxis.BOTTOM, "X"), (vtk.vtkAxis.LEFT, "Y")):
        axis = chart.GetAxis(place)
        read = {
            key: getattr(node, f"Get{name}Axis{key}")()
            for key in ("TitleVisibility", "Title", "LogScale", "RangeAuto", "Range")
        }
        axis.SetTitle(read["Title"] if read["TitleVisibility"] and read["Title"] else "")
        axis.SetLogScale(bool(read["LogScale"]))
        axis.SetGridVisible(bool(node.GetGridVisibility()))
        axis.GetTitleProperties().SetFontSize(node.GetAxisTitleFontSize())
        axis.GetLabelProperties().SetFontSize(node.GetAxisLabelFontSize())
        axis.SetBehavior(vtk.vtkAxis.AUTO if read["RangeAuto"] else vtk.vtkAxis.FIXED)
        if not read["RangeAuto"]:
            axis.SetUnscaledRange(read["Range"])
