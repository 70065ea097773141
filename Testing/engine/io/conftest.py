"""Hand-made clips and the files that carry them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
    UltrasoundMultiFrameImageStorage,
    generate_uid,
)

WriteDicom = Callable[..., Path]


@pytest.fixture(scope="session")
def speckled_fan() -> NDArray[np.uint8]:
    """Eight frames of 96x128 with a speckled fan that moves, and a bright mark in the top left corner."""
    rng = np.random.default_rng(7)
    row, column = np.mgrid[:96, :128]
    fan = (np.abs(column - 64) < 0.7 * row) & (np.hypot(row, column - 64) < 90)
    speckle = rng.gamma(2.0, 40.0, (96, 160))
    frames = np.stack([np.where(fan, np.clip(speckle[:, 2 * t : 2 * t + 128], 12, 255), 0) for t in range(8)])
    frames[:, 2:10, 3:7] = 250
    return frames.astype(np.uint8)


def region(**changes: object) -> Dataset:
    """An ultrasound region of tissue, 0.1 cm a pixel over a box that fits 96x128."""
    item = Dataset()
    values = {
        "RegionSpatialFormat": 1,
        "RegionDataType": 1,
        "RegionFlags": 0,
        "RegionLocationMinX0": 4,
        "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": 123,
        "RegionLocationMaxY1": 91,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.1,
        "PhysicalDeltaY": 0.1,
    } | changes
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


@pytest.fixture(scope="session")
def make_region() -> Callable[..., Dataset]:
    """Makes ultrasound regions."""
    return region


@pytest.fixture
def write_dicom(tmp_path: Path) -> WriteDicom:
    """Writes frames (T, H, W) or (T, H, W, 3) as DICOM in a transfer syntax, with any tags."""

    def write(
        frames: NDArray[np.generic], syntax: str = "1.2.840.10008.1.2.1", name: str = "clip", **tags: object
    ) -> Path:
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = UltrasoundMultiFrameImageStorage, generate_uid()
        dataset.Modality = "US"
        dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames.shape[:3]
        colour = frames.ndim == 4
        dataset.SamplesPerPixel = 3 if colour else 1
        dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
        if colour:
            dataset.PlanarConfiguration = 0
        dataset.BitsAllocated = dataset.BitsStored = 8 * frames.dtype.itemsize
        dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
        dataset.FrameTime, dataset.FrameIncrementPointer = 20.0, 0x00181063
        for keyword, value in tags.items():
            if value is None:
                delattr(dataset, keyword)
            else:
                setattr(dataset, keyword, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
        planar = np.moveaxis(frames, -1, 1) if tags.get("PlanarConfiguration") == 1 else frames
        dataset.PixelData = planar.astype(
            planar.dtype.newbyteorder(">" if syntax.endswith(".1.2.2") else "<")
        ).tobytes()
        dataset["PixelData"].VR = "OB" if frames.dtype.itemsize == 1 else "OW"
        if syntax in (RLELossless, JPEGLSLossless):
            dataset.compress(syntax, generate_instance_uid=False)
        elif syntax in (JPEGBaseline8Bit, JPEG2000Lossless):
            kind = {"format": "JPEG", "quality": 95} if syntax == JPEGBaseline8Bit else {"format": "JPEG2000"}
            coded = []
            for frame in frames:
                buffer = BytesIO()
                Image.fromarray(frame).save(buffer, **kind)
                coded.append(buffer.getvalue())
            dataset.PixelData = encapsulate(coded)
            dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = syntax
        path = tmp_path / f"{name}.dcm"
        implicit, little = syntax == "1.2.840.10008.1.2", not syntax.endswith(".1.2.2")
        dataset.save_as(path, enforce_file_format=True, implicit_vr=implicit, little_endian=little)
        return path

    return write


@pytest.fixture
def write_video(tmp_path: Path) -> Callable[..., Path]:
    """Writes frames (T, H, W) or (T, H, W, 3) as a video."""

    def write(frames: NDArray[np.uint8], name: str, codec: str, pixels: str, rate: int = 25) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=rate)
            stream.height, stream.width, stream.pix_fmt = frames.shape[1], frames.shape[2], pixels
            stream.bit_rate = 4_000_000
            for frame in frames:
                colour = frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=2)
                for packet in stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(colour), format="rgb24")):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
        return path

    return write
