"""Small made-up copies of public data sets' layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

RNG = np.random.default_rng(0)


@pytest.fixture(scope="session")
def heart() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """`heart(count)` gives frames and masks (count, 72, 80): a fan with a cavity that shrinks to the middle frame."""

    def beat(count: int) -> tuple[np.ndarray, np.ndarray]:
        rows, columns = np.indices((72, 80)).astype(float)
        fan = (np.abs(columns - 40) < 0.6 * rows + 3) & (np.hypot(rows, columns - 40) < 70)
        masks = np.zeros((count, 72, 80), np.uint8)
        for frame, mask in enumerate(masks):
            size = 1 - 0.3 * np.sin(np.pi * frame / max(1, count - 1))
            mask[np.hypot((rows - 36) / 24, (columns - 40) / 17) < 1] = 2
            mask[np.hypot((rows - 37) / (18 * size), (columns - 40) / (11 * size)) < 1] = 1
            mask[np.hypot((rows - 63) / 5, (columns - 40) / 9) < 1] = 3
        shades = np.array([80, 25, 140, 30])
        frames = np.where(fan, shades[masks] + RNG.integers(-15, 15, masks.shape), 0)
        return frames.astype(np.uint8), masks

    return beat


@pytest.fixture(scope="session")
def write_nifti() -> Callable[..., None]:
    """`write_nifti(path, array)` with pixels of 0.5 mm."""

    def write(path: Path, array: np.ndarray) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        image = sitk.GetImageFromArray(array)
        image.SetSpacing((0.5, 0.5, 1.0)[: array.ndim])
        sitk.WriteImage(image, str(path))

    return write


@pytest.fixture(scope="session")
def write_video() -> Callable[..., None]:
    """`write_video(path, frames, rate)`: a lossless AVI."""

    def write(path: Path, frames: np.ndarray, rate: int = 50) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("ffv1", rate=rate)
            stream.width, stream.height, stream.pix_fmt = frames.shape[2], frames.shape[1], "gray"
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
            container.mux(stream.encode())

    return write


@pytest.fixture
def camus_folder(tmp_path: Path, heart: Callable, write_nifti: Callable) -> Path:
    """Three patients in the public layout: both views, half sequences in the first, splits from the archive's files."""
    root = tmp_path / "camus"
    frames, masks = heart(9)
    for patient in ("patient0001", "patient0002", "patient0003"):
        folder = root / "database_nifti" / patient
        for view in ("2CH", "4CH"):
            for part, frame in (("ED", 0), ("ES", 4)):
                write_nifti(folder / f"{patient}_{view}_{part}.nii.gz", frames[frame])
                write_nifti(folder / f"{patient}_{view}_{part}_gt.nii.gz", masks[frame])
            if patient == "patient0001":
                write_nifti(folder / f"{patient}_{view}_half_sequence.nii.gz", frames[:5])
                write_nifti(folder / f"{patient}_{view}_half_sequence_gt.nii.gz", masks[:5])
            (folder / f"Info_{view}.cfg").write_text("ED: 1\nES: 5\nNbFrame: 5\nEF: 55\nFrameRate: 40\n")
    splits = root / "database_split"
    splits.mkdir()
    (splits / "subgroup_training.txt").write_text("patient0001\n")
    (splits / "subgroup_validation.txt").write_text("patient0002\n")
    (splits / "subgroup_testing.txt").write_text("patient0003\n")
    return root
