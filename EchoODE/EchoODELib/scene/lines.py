"""Measurement lines on the echo, on every frame, that a person can drag.

Each kind is a sequence of markups lines that runs with the clip. A line that a person has dragged on a frame stays
as it is there, whatever is measured anew, and goes with the scene.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..engine.sequence import FrameSeries, Measurements, View
from .geometry import clipAxes
from .nodes import (
    PREFIX,
    addSequence,
    clearOthers,
    indexValues,
    proxyOf,
    readValue,
    storableModified,
    synchronize,
    writeValue,
)

if TYPE_CHECKING:
    from .study import Study

Ends = NDArray[np.float64]


@dataclass(frozen=True)
class LineKind:
    """A measurement line: its name as people read it, its colour, and the end (0 or 1) that its label is at."""

    name: str
    color: tuple[float, float, float]
    labelledEnd: int = 1


#: Kinds of lines by their keys; lengths of the first two are series of the measurements under the same keys.
LINES: Mapping[str, LineKind] = {
    "lv_length": LineKind("LV length", (1.0, 1.0, 1.0), labelledEnd=0),
    "lv_base_width": LineKind("Annulus", (0.78, 0.62, 1.0)),
    "IVS": LineKind("IVS", (1.0, 0.79, 0.34)),
    "LVID": LineKind("LVID", (1.0, 1.0, 1.0)),
    "LVPW": LineKind("LVPW", (0.55, 0.83, 0.62)),
}
_HANDS = "HandDrawn"


def showLines(
    study: Study, measurements: Measurements | None = None, landmarks: Mapping[str, Ends] | None = None
) -> dict[str, Any]:
    """Draw the measurement lines on all frames; lines that a person dragged stay.

    Parameters
    ----------
    measurements: what was measured; a PLAX clip, which has no long axis to the apex, gets no LV length.
    landmarks: key of :data:`LINES` to (T, 2, 2) px (x, y) of both ends, NaN where unknown; they come before what
        the masks tell.

    Returns
    -------
    The line node of each kind, which follows the clip's frame; empty if there is nothing to draw.
    """
    found = {**_measured(study), **(landmarks or {})}
    nodes = {}
    for key, ends in found.items():
        if key in LINES and np.isfinite(ends).any():
            nodes[key] = _writeLine(study, key, np.asarray(ends, float))
            nodes[key].GetDisplayNode().SetVisibility(True)
    return nodes


def hideLines(study: Study) -> None:
    """Hide the lines; what was dragged is kept."""
    for key in LINES:
        node = lineNode(study, key)
        if node is not None:
            node.GetDisplayNode().SetVisibility(False)


def lineNode(study: Study, key: str) -> Any:
    """The line of a kind at the frame in view, or None."""
    return proxyOf(study.browserNode, _sequenceOf(study, key))


def lineLengths(study: Study) -> dict[str, FrameSeries]:
    """Length (T,) of each kind of line as it is drawn, dragged or not: mm, or px in uncalibrated clips."""
    lengths = {}
    for key in LINES:
        sequence = _sequenceOf(study, key)
        if sequence is not None and sequence.GetNumberOfDataNodes() == study.frameCount:
            items = (sequence.GetNthDataNode(frame) for frame in range(study.frameCount))
            lengths[key] = FrameSeries(np.array([_lengthOf(study, item) for item in items]), _unit(study))
    return lengths


def draggedFrames(study: Study, key: str) -> tuple[int, ...]:
    """Frames on which a person dragged the line of a kind, increasing."""
    sequence = _sequenceOf(study, key)
    return () if sequence is None else tuple(readValue(sequence, _HANDS, []))


def releaseLine(study: Study, key: str, frame: int) -> None:
    """Let the next :func:`showLines` place the line of a frame anew."""
    sequence = _sequenceOf(study, key)
    if sequence is not None:
        writeValue(sequence, _HANDS, sorted(set(draggedFrames(study, key)) - {frame}) or None)


class LineWatcher:
    """Notices when a person drags a line: the label follows, the frame is kept, and ``onChanged(study, key)`` is told.

    The callback comes when the mouse lets go of an end.
    """

    def __init__(self, study: Study, onChanged: Callable[[Study, str], None]) -> None:
        self.study, self.onChanged = study, onChanged
        self._observed: list[tuple[Any, int]] = []
        self._held: set[str] = set()

    def begin(self) -> None:
        """Watch the lines that there are now; call again after new kinds were shown."""
        self.end()
        for key in LINES:
            node = lineNode(self.study, key)
            if node is None:
                continue
            for event, react in (
                (node.PointStartInteractionEvent, self._grabbed),
                (node.PointModifiedEvent, self._moved),
                (node.PointEndInteractionEvent, self._released),
            ):
                self._observed.append((node, node.AddObserver(event, self._bound(react, key))))

    def end(self) -> None:
        """Watch no longer."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        self._held.clear()

    def _bound(self, react: Callable[[str, Any], None], key: str) -> Callable[..., None]:
        return lambda node, event: react(key, node)

    def _grabbed(self, key: str, node: Any) -> None:
        self._held.add(key)

    def _moved(self, key: str, node: Any) -> None:
        if key in self._held:
            _label(self.study, key, node)

    def _released(self, key: str, node: Any) -> None:
        self._held.discard(key)
        keepDragged(self.study, key)
        self.onChanged(self.study, key)


def keepDragged(study: Study, key: str) -> None:
    """Keep the line of the frame in view as a person left it."""
    sequence, node = _sequenceOf(study, key), lineNode(study, key)
    _label(study, key, node)
    # Written here and not left to the browser, which saves changes only while it isn't playing.
    sequence.SetDataNodeAtValue(node, sequence.GetNthIndexValue(study.frame))
    storableModified(sequence)
    writeValue(sequence, _HANDS, sorted({*draggedFrames(study, key), study.frame}))


def _measured(study: Study) -> dict[str, Ends]:
    """The lines that are measured, px: a model's own on parasternal clips, else those that the masks tell."""
    masks = study.masks()
    if masks is None or not masks.any():
        return {}
    if study.view is View.PLAX:
        from ..engine.measure import plax_lines

        ends = plax_lines(masks, study.sequence().spacing, study.lines(), study.correctedFrames)
        return {key: ends[:, 2 * n : 2 * n + 2] for n, key in enumerate(("IVS", "LVID", "LVPW"))}
    from ..engine.measure import trace_lv

    shapes = trace_lv(masks, study.sequence().spacing)
    pixel = np.array([shapes.spacing[1], shapes.spacing[0]])
    return {
        "lv_length": np.stack([shapes.apex, shapes.axis_end], axis=1) / pixel,
        "lv_base_width": shapes.hinges / pixel,
    }


def _writeLine(study: Study, key: str, ends: Ends) -> Any:
    browser, clip, kind = study.browserNode, study.clipSequenceNode, LINES[key]
    sequence = _sequenceOf(study, key) or addSequence(browser, _role(key), f"{study.name} {kind.name}")
    kept = {frame for frame in draggedFrames(study, key) if frame < sequence.GetNumberOfDataNodes()}
    clearOthers(sequence, clip)
    axes = clipAxes(study.clipNode)
    node = slicer.vtkMRMLMarkupsLineNode()
    node.SetName(f"{study.name} {kind.name}")
    for index, value in enumerate(indexValues(clip)):
        if index in kept:
            continue
        node.RemoveAllControlPoints()
        if np.isfinite(ends[index]).all():
            for place in axes.toRas(ends[index]):
                node.AddControlPoint(vtk.vtkVector3d(*place))
            _label(study, key, node)
        sequence.SetDataNodeAtValue(node, value)
    storableModified(sequence)
    if browser.IsSynchronizedSequenceNode(sequence):
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        line = proxyOf(browser, sequence)
    else:
        line = synchronize(browser, sequence, saveChanges=True)
    if line.GetDisplayNode() is None:
        line.CreateDefaultDisplayNodes()
    _style(line.GetDisplayNode(), kind)
    return line


def _style(display: Any, kind: LineKind) -> None:
    display.SetSelectedColor(*kind.color)
    display.SetColor(*kind.color)
    display.SetActiveColor(1.0, 0.55, 0.2)
    display.SetGlyphType(display.Circle2D)
    display.SetGlyphScale(1.7)
    display.SetUseGlyphScale(True)
    display.SetCurveLineSizeMode(display.UseLineThickness)
    display.SetLineThickness(0.4)
    display.SetTextScale(3.0)
    display.SetPropertiesLabelVisibility(False)  # it would say "mm" of uncalibrated clips too
    display.SetPointLabelsVisibility(True)
    display.SetVisibility3D(False)
    display.GetTextProperty().SetShadow(True)


def _label(study: Study, key: str, node: Any) -> None:
    """Write the length beside one end of the line."""
    length, kind = _lengthOf(study, node), LINES[key]
    for point in range(node.GetNumberOfControlPoints()):
        told = np.isfinite(length) and point == kind.labelledEnd
        text = f"{kind.name} {_spoken(length, _unit(study))}" if told else ""
        if node.GetNthControlPointLabel(point) != text:
            node.SetNthControlPointLabel(point, text)


def _spoken(length: float, unit: str) -> str:
    return f"{length:.0f} {unit}" if length >= 20 else f"{length:.1f} {unit}"


def _lengthOf(study: Study, node: Any) -> float:
    """Length of a line node in :func:`_unit`; NaN without both ends."""
    if node.GetNumberOfDefinedControlPoints() < 2:
        return float("nan")
    first, second = (np.array(node.GetNthControlPointPosition(point)) for point in (0, 1))
    if study.sequence().calibrated:
        return float(np.linalg.norm(second - first))
    return float(np.linalg.norm(clipAxes(study.clipNode).vectorsToPixels(second - first)))


def _unit(study: Study) -> str:
    return "mm" if study.sequence().calibrated else "px"


def _role(key: str) -> str:
    return f"{PREFIX}Line.{key}"


def _sequenceOf(study: Study, key: str) -> Any:
    return study.browserNode.GetNodeReference(_role(key))


def linesOf(study: Study) -> Iterable[str]:
    """Kinds of lines that the clip has."""
    return [key for key in LINES if _sequenceOf(study, key) is not None]
