"""Motion in the scene: the right way round, in the right places, and back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.sequence import EchoSequence
from EchoODELib.scene.geometry import clipAxes
from EchoODELib.scene.motion import motionNode, referenceFrame
from EchoODELib.scene.study import Study
from scipy.ndimage import map_coordinates


def resampled(study: Study, source: int, transform: Any) -> np.ndarray:
    """A frame, resampled through a transform that leads from output to input, (H, W)."""
    item = study.clipSequenceNode.GetNthDataNode(source)
    height, width = study.sequence().shape
    axes = clipAxes(item)
    y, x = np.mgrid[0:height, 0:width]
    places = axes.toRas(np.stack([x, y], -1).reshape(-1, 2))
    points, out = vtk.vtkPoints(), vtk.vtkPoints()
    points.SetData(vtk.util.numpy_support.numpy_to_vtk(places, deep=True))
    transform.TransformPoints(points, out)
    found = axes.toPixels(vtk.util.numpy_support.vtk_to_numpy(out.GetData()))
    image = study.sequence().frames[source].astype(float)
    return map_coordinates(image, found.T[::-1], order=1).reshape(height, width)


def transforms() -> list[Any]:
    """The transform nodes that are ours; Slicer has its own for handles."""
    return [node for node in slicer.util.getNodesByClass("vtkMRMLTransformNode") if "A4C" in node.GetName()]


def test_the_transform_makes_the_reference_frame_fall_on_the_one_in_view(
    a_moving_study: Study, a_phantom: PhantomClip
) -> None:
    es = a_phantom.es_frames[0]
    a_moving_study.setFrame(es)
    # "From parent" is what resampling reads: it leads from a place in the result to the place in the moved image.
    carried = resampled(a_moving_study, 0, motionNode(a_moving_study).GetTransformFromParent())
    frames = a_phantom.sequence.frames.astype(float)
    inside = a_phantom.masks[es] > 0
    before, after = (np.abs(one - frames[es])[inside].mean() for one in (frames[0], carried))
    assert after < 0.75 * before
    y, x = np.mgrid[0:128, 0:128]
    back = a_phantom.pull_back[es]
    expected = map_coordinates(frames[0], (y + back[..., 1], x + back[..., 0]), order=1)
    assert np.abs(carried - expected)[inside].mean() < 1.0


def test_hardening_it_on_the_reference_frame_does_the_same(a_moving_study: Study, a_phantom: PhantomClip) -> None:
    es = a_phantom.es_frames[0]
    a_moving_study.setFrame(es)
    points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode")
    axes = clipAxes(a_moving_study.clipNode)
    column, row = (int(v) for v in a_phantom.landmarks["long_axis"][0, 1])
    points.AddControlPoint(vtk.vtkVector3d(*axes.toRas(np.array([column, row]))))
    points.SetAndObserveTransformNodeID(motionNode(a_moving_study).GetID())
    points.HardenTransform()
    found = axes.toPixels(np.array(points.GetNthControlPointPosition(0)))
    assert found == pytest.approx((column, row) + a_phantom.displacement[es, row, column], abs=0.1)


def test_motion_comes_back_in_pixels(a_moving_study: Study, a_phantom: PhantomClip, reload: Callable[[], None]) -> None:
    for again in (False, True):
        if again:
            reload()
        motion = Study.all()[0].motion()
        assert motion is not None
        assert motion.referenceFrame == 0
        assert np.abs(motion.displacement - a_phantom.displacement).max() < 0.1
        assert np.abs(motion.pullBack - a_phantom.pull_back).max() < 0.1
    node = motionNode(Study.all()[0])
    assert transforms() == [node]
    Study.all()[0].setFrame(3)
    assert transforms() == [motionNode(Study.all()[0])] == [node]


def test_the_two_directions_undo_each_other(a_moving_study: Study) -> None:
    a_moving_study.setFrame(7)
    node = motionNode(a_moving_study)
    there, back = node.GetTransformToParent(), node.GetTransformFromParent()
    axes = clipAxes(a_moving_study.clipNode)
    for place in axes.toRas(np.array([[40, 50], [64, 64], [80, 70]])):
        assert back.TransformPoint(there.TransformPoint(place)) == pytest.approx(tuple(place), abs=0.01)


def test_pixels_need_not_be_square(a_study: Study, an_echo: EchoSequence) -> None:
    y, x = np.mgrid[0:48, 0:64].astype(np.float32)
    field = (
        np.stack([2 + 0 * x, 3 * np.sin(y / 12)], -1)[None]
        * np.linspace(0, 1, 12, dtype=np.float32)[:, None, None, None]
    )
    a_study.setMotion(field, -field, 4)
    motion = a_study.motion()
    assert referenceFrame(a_study) == motion.referenceFrame == 4
    assert np.abs(motion.displacement - field).max() < 0.05
    a_study.setFrame(11)
    moved = motionNode(a_study).GetTransformFromParent().TransformPoint(0.0, 0.0, 0.0)
    assert moved[:2] == pytest.approx((2 * 0.8, 0.0), abs=1e-3)  # 2 columns to the left: towards +R


def test_a_calibration_does_not_change_the_motion_in_pixels(a_moving_study: Study) -> None:
    before = a_moving_study.motion().displacement
    a_moving_study.setCalibration((0.31, 0.27))
    assert np.abs(a_moving_study.motion().displacement - before).max() < 0.05


def test_it_follows_the_clip_item_by_item(a_moving_study: Study) -> None:
    sequence = a_moving_study.browserNode.GetNodeReference("EchoODE.Motion")
    clip = a_moving_study.clipSequenceNode
    assert [sequence.GetNthIndexValue(n) for n in range(24)] == [clip.GetNthIndexValue(n) for n in range(24)]
    node = motionNode(a_moving_study)
    places = []
    for frame in (0, 8):
        a_moving_study.setFrame(frame)
        places.append(
            node.GetTransformFromParent().TransformPoint(*clipAxes(a_moving_study.clipNode).toRas(np.array([64, 80])))
        )
    assert places[0] != pytest.approx(places[1], abs=0.1)


def test_it_goes_away_without_a_trace(a_moving_study: Study) -> None:
    a_moving_study.removeMotion()
    assert a_moving_study.motion() is None
    assert referenceFrame(a_moving_study) is None
    assert transforms() == []
    assert a_moving_study.masks() is not None
