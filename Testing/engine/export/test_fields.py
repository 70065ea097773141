"""Displacement fields as ITK, Slicer and numpy read them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from EchoODELib.engine.errors import OutputError
from EchoODELib.engine.export.fields import write_field
from EchoODELib.engine.sequence import SegmentedSequence


@pytest.mark.parametrize("direction", ["displacement", "pull_back"])
@pytest.mark.parametrize("calibrated", [True, False])
def test_vectors_come_back(
    a_segmented_clip: SegmentedSequence, tmp_path: Path, direction: str, calibrated: bool
) -> None:
    clip = a_segmented_clip.sequence.with_spacing((0.6, 0.4) if calibrated else None)
    segmented = replace(a_segmented_clip, sequence=clip)
    path = write_field(tmp_path / "f.seq.nrrd", segmented, direction)  # type: ignore[arg-type]
    values, header = nrrd.read(str(path), index_order="C")
    column, row = (0.4, 0.6) if calibrated else (1.0, 1.0)
    expected = getattr(segmented, direction) * np.array([column, row], np.float32)
    np.testing.assert_allclose(values[:, 0, ..., :2], expected, atol=1.01 / 64)
    assert (values[..., 2] == 0).all()
    assert header["displacement unit"] == ("mm" if calibrated else "px")
    assert header["reference frame"] == "0"
    assert header["kinds"] == ["vector", "domain", "domain", "domain", "list"]
    assert header["DataNodeClassName"] == "vtkMRMLVectorVolumeNode"


def test_itk_moves_points_with_it(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    """One frame's file is an ITK displacement field: a point of the reference frame goes where its tissue went."""
    assert a_segmented_clip.displacement is not None
    path = write_field(tmp_path / "f.nrrd", a_segmented_clip, "displacement", frame=6)
    image = sitk.ReadImage(str(path), sitk.sitkVectorFloat64)
    row, column = 40, 48
    point = image.TransformIndexToPhysicalPoint((column, row, 0))
    transform = sitk.DisplacementFieldTransform(image)  # takes the image over
    moved = np.array(transform.TransformPoint(point))
    dx, dy = a_segmented_clip.displacement[6, row, column]
    np.testing.assert_allclose(moved[:2], [(column + dx) * 0.4, (row + dy) * 0.6], atol=0.01)


@pytest.mark.parametrize(
    ("name", "frame", "says"), [("f.txt", None, "ending"), ("f.nrrd", 99, "no frame 99"), ("f.nrrd", -1, "no frame")]
)
def test_what_cannot_be_written(
    a_segmented_clip: SegmentedSequence, tmp_path: Path, name: str, frame: int | None, says: str
) -> None:
    with pytest.raises(OutputError, match=says):
        write_field(tmp_path / name, a_segmented_clip, "displacement", frame=frame)


def test_without_motion(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    still = replace(a_segmented_clip, displacement=None, pull_back=None, reference_frame=None)
    with pytest.raises(OutputError, match="propagate a mask first"):
        write_field(tmp_path / "f.nrrd", still, "pull_back")


def test_the_same_result_is_the_same_file(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    one, other = (write_field(tmp_path / name, a_segmented_clip, "pull_back") for name in ("a.nrrd", "b.nrrd"))
    assert one.read_bytes() == other.read_bytes()
