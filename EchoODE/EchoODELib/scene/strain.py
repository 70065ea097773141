"""Strain of the myocardium as colours over the echo, frame by frame.

Longitudinal strain is how much the tissue has lengthened along the wall since the reference frame, the Lagrangian
|F t| - 1 with t the direction that the endocardium has next to it (F is the deformation gradient); the convention is
that of Voigt et al., Eur Heart J Cardiovasc Imaging 2015;16:1-11, shortening negative. Area strain is det F - 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..engine.sequence import Label
from .colors import removeLegend, showLegend, strainColors
from .motion import Motion, readMotion
from .nodes import PREFIX, addSequence, clearOthers, indexValues, proxyOf, storableModified, synchronize

if TYPE_CHECKING:
    from .study import Study

Kind = Literal["longitudinal", "area"]

STRAIN = PREFIX + "Strain"
_LEGEND = PREFIX + "StrainLegend"
LIMIT = 30.0  # % at both ends of the colours
# So far below all strain that what is interpolated between tissue and none falls below the threshold at once.
_NONE, _LEAST, _MOST = -30000.0, -99.0, 400.0
_STEADY = 1.5  # px, smoothing of the field before its gradient is taken
_OPACITY = 0.6
_SLICE_VIEW = "Red"


def strainOf(motion: Motion, masks: NDArray[np.uint8], spacing: tuple[float, float], kind: Kind) -> NDArray[np.float32]:
    """Strain of the myocardium on every frame.

    Parameters
    ----------
    motion: of the clip.
    masks: (T, H, W) of labels.
    spacing: (row, column) of a pixel; only the ratio counts.
    kind: "longitudinal" or "area".

    Returns
    -------
    (T, H, W) float32 %, NaN outside of the myocardium.
    """
    from scipy.ndimage import gaussian_filter, map_coordinates

    row, column = spacing
    along = _alongWall(masks[motion.referenceFrame] == Label.LV, spacing)
    result = np.full(masks.shape, np.nan, np.float32)
    for frame, mask in enumerate(masks):
        field = gaussian_filter(motion.displacement[frame], (_STEADY, _STEADY, 0))
        (dyx, dxx), (dyy, dxy) = np.gradient(field[..., 0]), np.gradient(field[..., 1])
        # In mm: x derivatives of x and of y as they are for square pixels, scaled for others.
        xx, xy, yx, yy = 1 + dxx, dyx * column / row, dxy * row / column, 1 + dyy
        if kind == "area":
            still = xx * yy - xy * yx - 1
        else:
            still = np.hypot(xx * along[..., 0] + xy * along[..., 1], yx * along[..., 0] + yy * along[..., 1]) - 1
        rows, columns = np.nonzero(mask == Label.MYOCARDIUM)
        back = motion.pullBack[frame, rows, columns]
        places = (rows + back[:, 1], columns + back[:, 0])
        result[frame, rows, columns] = 100 * map_coordinates(still, places, order=1, mode="nearest")
    return result


def showStrain(study: Study, kind: Kind = "longitudinal") -> Any:
    """Colour the myocardium by its strain since the reference frame, in front of the echo in its slice view.

    Returns
    -------
    The volume node that follows the clip's frame, or None if the clip has no motion or no masks.
    """
    motion, masks = readMotion(study), study.masks()
    if motion is None or masks is None:
        return None
    if kind == "longitudinal" and not (masks[motion.referenceFrame] == Label.LV).any():
        kind = "area"
    values = strainOf(motion, masks, study.sequence().spacing or (1.0, 1.0), kind)
    browser = study.browserNode
    sequence = browser.GetNodeReference(STRAIN) or addSequence(browser, STRAIN, f"{study.name} strain")
    clearOthers(sequence, study.clipSequenceNode)
    node = slicer.vtkMRMLScalarVolumeNode()
    node.CopyOrientation(study.clipNode)
    node.SetName(f"{study.name} {kind} strain (%)")
    shown = np.where(np.isfinite(values), values, _NONE).astype(np.float32)
    for frame, index in zip(shown, indexValues(study.clipSequenceNode), strict=True):
        slicer.util.updateVolumeFromArray(node, frame[np.newaxis])
        sequence.SetDataNodeAtValue(node, index)
    storableModified(sequence)
    if browser.IsSynchronizedSequenceNode(sequence):
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        proxy = proxyOf(browser, sequence)
    else:
        proxy = synchronize(browser, sequence, saveChanges=False)
    if proxy.GetDisplayNode() is None:
        proxy.CreateDefaultDisplayNodes()
    display = proxy.GetDisplayNode()
    display.SetAndObserveColorNodeID(strainColors().GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(2 * LIMIT, 0.0)
    display.SetThreshold(_LEAST, _MOST)
    display.SetApplyThreshold(True)
    overlayComposite().SetForegroundVolumeID(proxy.GetID())
    overlayComposite().SetForegroundOpacity(_OPACITY)
    _showLegend(study)
    return proxy


def strainNode(study: Study) -> Any:
    """The volume of the strain at the frame in view, or None."""
    return proxyOf(study.browserNode, study.browserNode.GetNodeReference(STRAIN))


def hideStrain(study: Study) -> None:
    """Take the strain out of the view and out of the scene: it follows from masks and motion."""
    sequence, node = study.browserNode.GetNodeReference(STRAIN), strainNode(study)
    holder = study.browserNode.GetNodeReference(_LEGEND)
    if holder is not None:
        removeLegend(holder)
        slicer.mrmlScene.RemoveNode(holder)
        study.browserNode.RemoveNodeReferenceIDs(_LEGEND)
    if node is not None and overlayComposite().GetForegroundVolumeID() == node.GetID():
        overlayComposite().SetForegroundVolumeID(None)
    if sequence is not None:
        study.browserNode.RemoveSynchronizedSequenceNode(sequence.GetID())
        slicer.mrmlScene.RemoveNode(sequence)
    if node is not None and node.GetScene() is not None:
        slicer.mrmlScene.RemoveNode(node)
    study.browserNode.RemoveNodeReferenceIDs(STRAIN)


def _showLegend(study: Study) -> None:
    """Show the legend, held by a model without a surface: a volume that follows the frames loses it at the next one."""
    holder = study.browserNode.GetNodeReference(_LEGEND)
    if holder is None:
        holder = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", f"{study.name} strain legend")
        holder.SetSaveWithScene(False)
        holder.SetHideFromEditors(True)
        holder.SetAndObserveMesh(vtk.vtkPolyData())
        holder.CreateDefaultDisplayNodes()
        display = holder.GetDisplayNode()
        display.SetSaveWithScene(False)
        display.SetVisibility3D(False)
        display.SetVisibility2D(True)
        display.SetAndObserveColorNodeID(strainColors().GetID())
        display.SetScalarRangeFlag(display.UseManualScalarRange)
        display.SetScalarRange(-LIMIT, LIMIT)
        display.SetScalarVisibility(True)
        study.browserNode.SetNodeReferenceID(_LEGEND, holder.GetID())
    showLegend(holder, "%", "%.0f")


def _alongWall(cavity: NDArray[np.bool_], spacing: tuple[float, float]) -> NDArray[np.float64]:
    """(H, W, 2) unit vectors (x, y) in mm along the endocardium: across the way that leads away from the cavity."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    away = distance_transform_edt(~cavity, sampling=spacing) - distance_transform_edt(cavity, sampling=spacing)
    # Smoothed over a tenth of the cavity: the outline's staircase is no direction.
    down, right = np.gradient(gaussian_filter(away, 0.1 * float(np.sqrt(cavity.sum()))), *spacing)
    length = np.maximum(np.hypot(down, right), 1e-9)
    return np.stack([-down / length, right / length], axis=-1)


def overlayComposite() -> Any:
    """The node that says which volumes the echo's slice view shows; one volume at a time lies over the echo."""
    for node in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode"):
        if node.GetLayoutName() == _SLICE_VIEW:
            return node
    node = slicer.vtkMRMLSliceCompositeNode()
    node.SetLayoutName(_SLICE_VIEW)
    return slicer.mrmlScene.AddNode(node)
