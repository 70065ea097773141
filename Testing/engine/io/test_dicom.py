"""DICOM: every syntax and colour space gives the same gray; times, regions and bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from EchoODELib.engine.errors import EchoODEError, UnreadableClip
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.sequence import View
from pydicom import dcmread

IMPLICIT, EXPLICIT, DEFLATED, BIG = (f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2"))
JPEG, JPEG_LS, JPEG_2000, RLE = (f"1.2.840.10008.1.2.{end}" for end in ("4.50", "4.80", "4.90", "5"))

STEPS = [20, 40, 20, 40, 20, 40, 20]  # ms


def coloured(frames):
    return np.repeat(frames[..., None], 3, axis=-1)


def ybr(frames):
    return np.stack([frames, np.full_like(frames, 128), np.full_like(frames, 128)], axis=-1)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, RLE, JPEG_LS, JPEG_2000, JPEG])
@pytest.mark.parametrize("colour", ["mono", "rgb"])
def test_every_transfer_syntax_gives_the_same_gray(speckled_fan, write_dicom, syntax, colour):
    tags = {}
    if syntax == JPEG and colour == "rgb":
        tags = {"PhotometricInterpretation": "YBR_FULL_422"}
    if syntax == JPEG_2000 and colour == "rgb":
        tags = {"PhotometricInterpretation": "YBR_RCT"}
    clip = read_clip(write_dicom(speckled_fan if colour == "mono" else coloured(speckled_fan), syntax, **tags))
    assert clip.frames.shape == speckled_fan.shape
    error = np.abs(clip.frames.astype(int) - speckled_fan)
    assert error.mean() < 3 if syntax == JPEG else error.max() == 0
    assert clip.frame_rate == pytest.approx(50)
    assert not clip.source.colour_doppler


@pytest.mark.parametrize(
    ("frames", "tags"),
    [
        (lambda clip: 255 - clip, {"PhotometricInterpretation": "MONOCHROME1"}),
        (ybr, {"PhotometricInterpretation": "YBR_FULL"}),
        (coloured, {"PlanarConfiguration": 1}),
    ],
)
@pytest.mark.parametrize("syntax", [EXPLICIT, RLE])
def test_colour_spaces_and_planes(speckled_fan, write_dicom, frames, tags, syntax):
    if syntax == RLE and "PlanarConfiguration" in tags:
        pytest.skip("RLE is planar by itself")
    assert np.array_equal(read_clip(write_dicom(frames(speckled_fan), syntax, **tags)).frames, speckled_fan)


@pytest.mark.parametrize("stretch", [257, 256, 1])
def test_palettes_of_any_depth(speckled_fan, write_dicom, stretch):
    """Entries over 16 bits, shifted to 16 bits, or 8-bit values that were never stretched."""
    table = (np.arange(256)[::-1] * stretch).astype("<u2").tobytes()  # a palette that inverts
    tags = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{name}PaletteColorLookupTableData"] = table
    clip = read_clip(write_dicom(255 - speckled_fan, RLE, **tags))
    assert np.array_equal(clip.frames, speckled_fan)


def test_deep_gray_follows_the_window(speckled_fan, write_dicom):
    deep = speckled_fan.astype(np.uint16) * 16
    windowed = read_clip(write_dicom(deep, WindowCenter="2040", WindowWidth="4080", BitsStored=12, HighBit=11))
    assert np.array_equal(windowed.frames, speckled_fan)
    assert read_clip(write_dicom(deep, BitsStored=12, HighBit=11)).frames.max() == 255


@pytest.mark.parametrize(
    ("tags", "times"),
    [
        ({"FrameTime": 25.0}, np.arange(8) * 0.025),
        ({"FrameTime": None, "FrameIncrementPointer": None, "CineRate": 40}, np.arange(8) / 40),
        ({"FrameTime": None, "FrameIncrementPointer": None, "RecommendedDisplayFrameRate": 20}, np.arange(8) / 20),
        ({"FrameTime": 0.0, "CineRate": 50}, np.arange(8) / 50),
        ({"FrameTime": None, "FrameTimeVector": [0, *STEPS], "FrameIncrementPointer": 0x00181065},
         np.cumsum([0, *STEPS]) / 1000),
        ({"FrameTime": None, "FrameTimeVector": [33.3, *STEPS], "FrameIncrementPointer": None},
         np.cumsum([0, *STEPS]) / 1000),
        ({"FrameTime": None, "FrameTimeVector": STEPS, "FrameIncrementPointer": 0x00181065},
         np.cumsum([0, *STEPS]) / 1000),
        ({"FrameTime": None, "FrameIncrementPointer": None}, np.arange(8) / 30),
    ],
)  # fmt: skip
def test_frame_times(speckled_fan, write_dicom, tags, times):
    clip = read_clip(write_dicom(speckled_fan, **tags))
    assert clip.times == pytest.approx(times)
    assert any("frame rate" in note for note in clip.source.notes) == (len(tags) == 2 and set(tags.values()) == {None})


def test_a_zero_step_is_mended_and_said(speckled_fan, write_dicom):
    steps = [0, 20, 20, 0, 20, 20, 20, 20]
    clip = read_clip(write_dicom(speckled_fan, FrameTime=None, FrameTimeVector=steps, FrameIncrementPointer=0x00181065))
    assert clip.times == pytest.approx(np.arange(8) * 0.02)
    assert any("did not increase" in note for note in clip.source.notes)


def test_hand_given_rate_goes_first(speckled_fan, write_dicom):
    assert read_clip(write_dicom(speckled_fan), frame_rate=80).frame_rate == pytest.approx(80)


@pytest.mark.parametrize(
    ("changes", "spacing", "word"),
    [
        ({}, (1.0, 1.0), ""),
        ({"PhysicalDeltaX": -0.1}, (1.0, 1.0), "negative"),
        ({"PhysicalDeltaX": -0.05, "PhysicalDeltaY": -0.1}, (1.0, 0.5), "not square"),
        ({"RegionLocationMaxX1": 128, "RegionLocationMaxY1": 96}, (1.0, 1.0), ""),
        ({"RegionLocationMaxX1": 300}, None, "does not fit"),
        ({"RegionLocationMinX0": 90, "RegionLocationMaxX1": 20}, None, "does not fit"),
        ({"PhysicalDeltaX": 0.0}, None, "zero"),
        ({"PhysicalDeltaY": float("nan")}, None, "not a number"),
        ({"PhysicalDeltaY": float("inf")}, None, "not a number"),
        ({"PhysicalDeltaX": 2.0, "PhysicalDeltaY": 2.0}, None, "deep"),
        ({"PhysicalDeltaX": 0.001, "PhysicalDeltaY": 0.001}, None, "deep"),
        ({"PhysicalDeltaX": 0.01}, None, "stretched"),
        ({"PhysicalUnitsXDirection": 0, "PhysicalUnitsYDirection": 0}, None, "cm"),
        ({"RegionSpatialFormat": 2}, None, "no region"),
        ({"RegionDataType": 10}, None, "no region"),
    ],
)
def test_regions_calibrate_or_say_why_not(speckled_fan, write_dicom, make_region, changes, spacing, word):
    clip = read_clip(write_dicom(speckled_fan, SequenceOfUltrasoundRegions=[make_region(**changes)]))
    if spacing is None:
        assert clip.spacing is None
        assert "uncalibrated" in " ".join(clip.source.notes)
    else:
        assert clip.spacing == pytest.approx(spacing)
        row0, row1, column0, column1 = clip.source.region
        assert (row0, column0) == (0, 4)
        assert row1 in (92, 96) and column1 in (124, 128)
    assert word in " ".join(clip.source.notes)


def test_ecg_and_bars_are_left_out_of_the_tissue(speckled_fan, write_dicom, make_region):
    ecg = make_region(RegionSpatialFormat=4, RegionDataType=10, RegionLocationMinY0=80, RegionLocationMaxY1=95)
    bar = make_region(RegionSpatialFormat=5, RegionDataType=13, RegionLocationMinX0=120, RegionLocationMaxX1=127)
    clip = read_clip(write_dicom(speckled_fan, SequenceOfUltrasoundRegions=[ecg, make_region(), bar]))
    assert clip.source.region == (0, 92, 4, 124)
    assert clip.source.overlays == ((80, 96, 4, 124), (0, 92, 120, 128))


def test_two_images_side_by_side_are_said(speckled_fan, write_dicom, make_region):
    pair = [make_region(RegionLocationMaxX1=63), make_region(RegionLocationMinX0=66)]
    clip = read_clip(write_dicom(speckled_fan, SequenceOfUltrasoundRegions=pair))
    assert clip.source.region == (0, 92, 4, 64)
    assert any("side by side" in note for note in clip.source.notes)


@pytest.mark.parametrize(("pixels", "spacing"), [([0.5, 0.4], (0.5, 0.4)), ([1, 1], None), ([0.001, 0.001], None)])
def test_pixel_spacing_without_regions(speckled_fan, write_dicom, pixels, spacing):
    clip = read_clip(write_dicom(speckled_fan, PixelSpacing=pixels))
    assert clip.spacing == (None if spacing is None else pytest.approx(spacing))


def test_nothing_names_the_patient(speckled_fan, write_dicom):
    named = read_clip(write_dicom(speckled_fan, name="doe_jane_0815", PatientName="Doe^Jane", PatientID="0815"))
    assert not {"doe", "jane", "0815"} & set(str(named.source).lower().replace("'", " ").replace("_", " ").split())
    assert read_clip(write_dicom(speckled_fan, name="a4c", PatientName="Doe^Jane")).source.name == "a4c.dcm"


@pytest.mark.parametrize(
    ("tags", "view"),
    [
        ({"SeriesDescription": "PS LAX MR & AI"}, View.PLAX),
        ({"ViewName": "Apical 4 chamber"}, View.A4C),
        ({"ProtocolName": "A2C zoom"}, View.A2C),
        ({"SeriesDescription": "A4C and A2C"}, View.UNKNOWN),
        ({}, View.UNKNOWN),
    ],
)
def test_view_by_description(speckled_fan, write_dicom, tags, view):
    assert read_clip(write_dicom(speckled_fan, **tags)).view is view
    assert read_clip(write_dicom(speckled_fan, **tags), view="A3C").view is View.A3C


@pytest.mark.parametrize(
    ("tags", "rate"), [({"HeartRate": "61"}, 61), ({"HeartRate": "0"}, None), ({"RWaveTimeVector": [40.0, 1040.0]}, 60)]
)
def test_heart_rate(speckled_fan, write_dicom, tags, rate):
    assert read_clip(write_dicom(speckled_fan, **tags)).source.heart_rate == (rate and pytest.approx(rate))


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, DEFLATED, RLE, JPEG_LS, JPEG])
def test_truncated_files_are_refused(speckled_fan, write_dicom, tmp_path, syntax):
    """Anywhere: in the header, in the first frame, in the last."""
    whole = write_dicom(speckled_fan, syntax).read_bytes()
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        part = tmp_path / "part.dcm"
        part.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(UnreadableClip):
            read_clip(part)


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG])
def test_damaged_bytes_never_surprise(speckled_fan, write_dicom, tmp_path, syntax):
    """Whatever is flipped, a clip or one of our sentences comes out."""
    whole = write_dicom(speckled_fan, syntax).read_bytes()
    rng = np.random.default_rng(3)
    head = whole.find(b"\xe0\x7f\x10\x00")
    for _ in range(80):
        damaged = bytearray(whole)
        for place in rng.integers(128, head + 12, 4):
            damaged[place] = rng.integers(256)
        path = tmp_path / "damaged.dcm"
        path.write_bytes(damaged)
        try:
            read_clip(path)
        except EchoODEError as error:
            assert str(error).endswith(".") and "\n" not in str(error)


@pytest.mark.parametrize(
    "tags",
    [
        {"NumberOfFrames": 2_000_000_000},
        {"NumberOfFrames": 9},
        {"Rows": 65535, "Columns": 65535},
        {"Rows": 0},
        {"Rows": None},
        {"PixelData": None},
    ],
)
@pytest.mark.parametrize("syntax", [EXPLICIT, RLE])
def test_headers_that_promise_too_much(speckled_fan, write_dicom, tags, syntax):
    path = write_dicom(speckled_fan, syntax)
    dataset = dcmread(path)
    for keyword, value in tags.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)
    with pytest.raises(UnreadableClip, match=r"\.$"):
        read_clip(path)


def test_an_unknown_compression_is_named(speckled_fan, write_dicom):
    path = write_dicom(speckled_fan, JPEG)
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.102"  # one that may be written, of the same length
    dataset.save_as(path)
    path.write_bytes(path.read_bytes().replace(b"10008.1.2.4.102", b"10008.1.2.4.112"))
    with pytest.raises(UnreadableClip, match="JPEG-XL"):
        read_clip(path)


def test_a_bare_data_set_without_preamble(speckled_fan, write_dicom, tmp_path):
    dataset = dcmread(write_dicom(speckled_fan, IMPLICIT))
    bare = tmp_path / "bare.bin"
    del dataset.file_meta
    dataset.preamble = None
    dataset.save_as(bare, implicit_vr=True, little_endian=True, enforce_file_format=False)
    assert np.array_equal(read_clip(bare).frames, speckled_fan)


def test_a_single_frame_is_read(speckled_fan, write_dicom):
    clip = read_clip(write_dicom(speckled_fan[:1], NumberOfFrames=None, FrameIncrementPointer=None))
    assert len(clip) == 1 and clip.frame_rate == 0


def test_the_wheels_a4c_cine(a4c_cine: Path):
    clip = read_clip(a4c_cine)
    assert clip.frames.shape == (30, 240, 320)
    assert clip.frame_rate == pytest.approx(30, rel=1e-3)
    assert clip.spacing is None and clip.source.region is None and clip.source.heart_rate is None
    assert any("does not fit" in note and "uncalibrated" in note for note in clip.source.notes)
    assert not clip.source.colour_doppler


@pytest.mark.parametrize(
    ("name", "shape", "rate", "spacing", "flow", "heart_rate"),
    [
        ("fo-dicom_DIRW0007.dcm", (65, 456, 576), 30.0, 0.52478, False, 61),
        ("US-PAL-8-10x-echo.dcm", (10, 430, 600), 1 / 0.076, None, True, None),
        ("jpeg-ls-Palette.dcm", (10, 430, 600), 1 / 0.076, None, True, None),
        ("IM00001.implicit_little_endian.dcm", (8, 240, 320), 20.0, None, True, 150),
        ("IM00001.jpeg_baseline.dcm", (8, 240, 320), 20.0, None, True, 150),
    ],
)
def test_real_clips(shared_data, name, shape, rate, spacing, flow, heart_rate):
    clip = read_clip(shared_data / "dicom" / name)
    assert clip.frames.shape == shape
    assert clip.frame_rate == pytest.approx(rate, rel=1e-3)
    assert clip.spacing == (spacing if spacing is None else pytest.approx((spacing, spacing), rel=1e-4))
    assert clip.source.colour_doppler is flow
    assert any("Doppler" in note for note in clip.source.notes) is flow
    assert clip.source.heart_rate == heart_rate


def test_the_same_loop_in_two_compressions(shared_data):
    first, second = (read_clip(shared_data / "dicom" / n) for n in ("US-PAL-8-10x-echo.dcm", "jpeg-ls-Palette.dcm"))
    assert np.array_equal(first.frames, second.frames)


def test_real_jpeg_xl_is_refused(shared_data):
    with pytest.raises(UnreadableClip, match="JPEG-XL"):
        read_clip(shared_data / "dicom" / "will-jxl.dcm")
