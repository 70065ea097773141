"""Bad input ends with one clear sentence on stderr, nothing on stdout, its own exit code and nothing half written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from EchoODELib.engine.phantom import PhantomClip
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage, generate_uid

UNREADABLE, UNSUITABLE_CLIP, UNSUITABLE_MASK, WEIGHTS, OUTPUT, DEVICE, WRONG_USE = 3, 4, 5, 7, 8, 9, 2


def dicom(path: Path, frames: np.ndarray, syntax: str = ExplicitVRLittleEndian, data: bytes | None = None) -> Path:
    """A small ultrasound multi-frame file of (T, H, W) or (T, H, W, 3) frames."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UltrasoundMultiFrameImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.Modality, file.PatientName = "US", "Doe^Jane"
    file.NumberOfFrames, file.Rows, file.Columns = frames.shape[:3]
    file.SamplesPerPixel = frames.shape[3] if frames.ndim == 4 else 1
    file.PhotometricInterpretation = "RGB" if frames.ndim == 4 else "MONOCHROME2"
    file.BitsAllocated = file.BitsStored = 8
    file.HighBit, file.PixelRepresentation = 7, 0
    if frames.ndim == 4:
        file.PlanarConfiguration = 0
    file.FrameTime = "40"
    file.PixelData = frames.tobytes() if data is None else data
    if data is None:
        file.save_as(path, enforce_file_format=True)
    else:  # a transfer syntax that pydicom does not know
        file["PixelData"].is_undefined_length = True
        pydicom.dcmwrite(path, file, implicit_vr=False, little_endian=True, force_encoding=True)
    return path


@pytest.fixture
def gray_frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (6, 96, 112)).astype(np.uint8)


def truncated_dicom(folder: Path, frames: np.ndarray) -> Path:
    path = dicom(folder / "cut.dcm", frames)
    path.write_bytes(path.read_bytes()[: -frames.size // 2])
    return path


def truncated_nifti(folder: Path, frames: np.ndarray) -> Path:
    import SimpleITK as sitk  # noqa: N813

    path = folder / "cut.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(frames), str(path))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def truncated_nrrd(folder: Path, frames: np.ndarray) -> Path:
    import nrrd

    path = folder / "cut.seq.nrrd"
    nrrd.write(str(path), frames, {"kinds": ["list", "domain", "domain"]}, index_order="C")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def empty(folder: Path, frames: np.ndarray) -> Path:
    path = folder / "empty.dcm"
    path.touch()
    return path


def text(folder: Path, frames: np.ndarray) -> Path:
    path = folder / "letter.dcm"
    path.write_text("Dear colleague, thank you for referring this patient.")
    return path


def missing(folder: Path, frames: np.ndarray) -> Path:
    return folder / "nowhere.dcm"


def empty_folder(folder: Path, frames: np.ndarray) -> Path:
    path = folder / "study"
    path.mkdir()
    return path


def jpeg_xl(folder: Path, frames: np.ndarray) -> Path:
    data = encapsulate([b"\xff\x0a" + bytes(64)] * len(frames))
    return dicom(folder / "jxl.dcm", frames, "1.2.840.10008.1.2.4.112", data)


def one_frame(folder: Path, frames: np.ndarray) -> Path:
    path = folder / "still.png"
    Image.fromarray(frames[0]).save(path)
    return path


def colour_doppler(folder: Path, frames: np.ndarray) -> Path:
    """Red and blue flow that changes from frame to frame, over gray tissue."""
    colour = np.repeat(frames[..., None], 3, axis=-1)
    strength = np.random.default_rng(1).uniform(0.4, 1.0, (len(frames), 30, 30, 1))
    colour[:, 30:60, 40:70] = strength * (230, 60, 20)
    colour[:, 45:60, 40:70] = strength[:, :15] * (20, 80, 240)
    return dicom(folder / "flow.dcm", colour)


CLIPS = [
    (truncated_dicom, UNREADABLE, "truncated"),
    (truncated_nifti, UNREADABLE, "truncated"),
    (truncated_nrrd, UNREADABLE, "truncated"),
    (empty, UNREADABLE, "empty"),
    (text, UNREADABLE, "no known kind"),
    (missing, UNREADABLE, "does not exist"),
    (empty_folder, UNREADABLE, "holds no"),
    (jpeg_xl, UNREADABLE, "JPEG-XL"),
    (one_frame, UNSUITABLE_CLIP, "single frame"),
    (colour_doppler, UNSUITABLE_CLIP, "colour Doppler"),
]


def check(outcome: object, code: int, says: str) -> None:
    """One sentence, on stderr only, with the class's exit code."""
    assert outcome.code == code, outcome.err
    assert outcome.out == ""
    problem = [line for line in outcome.err.splitlines() if not line.startswith("Note:") and not line.endswith(" ...")]
    assert len(problem) == 1, problem
    assert problem[0].startswith("Error: ")
    assert problem[0].endswith((".", "?"))
    assert says in problem[0]


@pytest.mark.parametrize(("make", "code", "says"), CLIPS, ids=[make.__name__ for make, _, _ in CLIPS])
@pytest.mark.parametrize("json", [False, True])
def test_bad_clips(
    echoode: Callable, tmp_path: Path, gray_frames: np.ndarray, make: Callable, code: int, says: str, json: bool
) -> None:
    clip = make(tmp_path, gray_frames)
    before = sorted(tmp_path.rglob("*"))
    check(echoode("run", clip, "-o", tmp_path / "results", *["--json"] * json), code, says)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("make", [empty, text, truncated_dicom, jpeg_xl])
def test_info_says_the_same(echoode: Callable, tmp_path: Path, gray_frames: np.ndarray, make: Callable) -> None:
    outcome = echoode("info", make(tmp_path, gray_frames))
    assert outcome.code == UNREADABLE
    assert outcome.out == ""


@pytest.mark.parametrize("option", ["--mask", "--guide"])
def test_empty_masks(
    echoode: Callable, clip_file: Path, mask_file: Path, empty_mask: Path, tmp_path: Path, option: str
) -> None:
    given = ("--mask", empty_mask) if option == "--mask" else ("--mask", mask_file, "--guide", f"3={empty_mask}")
    outcome = echoode("propagate", clip_file, *given, "-o", tmp_path / "m.nii.gz")
    check(outcome, UNSUITABLE_MASK, "empty")
    assert not (tmp_path / "m.nii.gz").exists()


@pytest.mark.parametrize("command", ["propagate", "measure", "export", "run"])
def test_masks_of_another_size(
    echoode: Callable, clip_file: Path, small_mask: Path, tmp_path: Path, command: str
) -> None:
    masks = {
        "propagate": ("--mask", small_mask, "-o", tmp_path / "m.nii.gz"),
        "measure": ("--masks", small_mask),
        "export": ("--masks", small_mask, "-o", tmp_path / "m.seq.nrrd"),
        "run": ("--correct", f"0={small_mask}", "-o", tmp_path / "results"),
    }
    check(echoode(command, clip_file, *masks[command]), UNSUITABLE_MASK, "40x50")


@pytest.mark.parametrize("spacing", ["nan", "0", "-0.3", "inf", "0.3,nan"])
def test_spacing_that_cannot_be(echoode: Callable, clip_file: Path, spacing: str) -> None:
    outcome = echoode("info", clip_file, f"--spacing={spacing}")
    check(outcome, UNSUITABLE_CLIP, "pixel size")


def test_nan_spacing_in_the_file_is_uncalibrated(echoode: Callable, tmp_path: Path, gray_frames: np.ndarray) -> None:
    path = dicom(tmp_path / "nan.dcm", gray_frames)
    file = pydicom.dcmread(path)
    region = pydicom.Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 111, 95
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = float("nan")
    file.SequenceOfUltrasoundRegions = [region]
    file.save_as(path)
    outcome = echoode("info", path, "--json")
    assert outcome.code == 0
    assert outcome.document["calibrated"] is False
    assert outcome.document["pixel_size"] is None


@pytest.mark.usefixtures("the_truth_as_segmenter", "quick_registration")
@pytest.mark.parametrize("command", ["run", "segment", "export", "phantom"])
def test_output_that_cannot_be_written(
    echoode: Callable, clip_file: Path, mask_file: Path, tmp_path: Path, command: str
) -> None:
    """A file stands where a folder would have to be: the root user, too, can't write there."""
    blocked = tmp_path / "file"
    blocked.write_text("keep me")
    arguments = {
        "run": ("run", clip_file, "--view", "A4C", "-o", blocked),
        "segment": ("segment", clip_file, "-o", blocked / "m.nii.gz"),
        "export": ("export", clip_file, "--masks", mask_file, "--view", "A4C", "-o", blocked / "o.mp4"),
        "phantom": ("phantom", "-o", blocked, "--frames", 20, "--frame-rate", 20, "--size", 64),
    }
    check(echoode(*arguments[command]), OUTPUT, "can't be written to")
    assert blocked.read_text() == "keep me"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--frame", "99"), OUTPUT, "frames 0 to 19"),
        (("--ed-frame", "99"), UNSUITABLE_CLIP, "frames from 0 to 19"),
        (("--view", "A7C"), UNSUITABLE_CLIP, "A4C"),
        (("--frame-rate", "nan"), UNSUITABLE_CLIP, "frame"),
    ],
)
def test_other_impossible_wishes(
    echoode: Callable,
    clip_file: Path,
    mask_file: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    outcome = echoode("export", clip_file, "--masks", mask_file, "-o", tmp_path / "m.nii.gz", *arguments)
    check(outcome, code, says)


def test_an_unknown_model(echoode: Callable, clip_file: Path, tmp_path: Path) -> None:
    outcome = echoode("segment", clip_file, "-o", tmp_path / "m.nii.gz", "--model", "no-such-model")
    check(outcome, WEIGHTS, "no-such-model")


def test_an_absent_device(echoode: Callable, clip_file: Path, mask_file: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    outcome = echoode("propagate", clip_file, "--mask", mask_file, "-o", tmp_path / "m.nii.gz", "--device", "cuda")
    check(outcome, DEVICE, "cuda")


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("info", "clip", "--spacing", "wide"),
        ("info", "clip", "--spacing", "1", "--calibrate", "1,2,3,4,5"),
        ("propagate", "clip", "--mask", "mask", "-o", "out.nii.gz", "--guide", "es.nii.gz"),
        ("run", "clip", "-o", "out", "--preset", "slow"),
        ("measure", "clip", "--masks", "mask", "--biplane", "clip"),
        ("no-such-command",),
    ],
)
def test_wrong_use_is_explained(
    echoode: Callable, clip_file: Path, mask_file: Path, arguments: tuple[str, ...]
) -> None:
    files = {"clip": clip_file, "mask": mask_file}
    outcome = echoode(*(files.get(argument, argument) for argument in arguments))
    assert outcome.code == WRONG_USE
    assert outcome.out == ""
    assert "Usage" in outcome.err


def test_a_defect_says_where_the_details_are(tmp_path: Path) -> None:
    """What nobody expected: no traceback on the terminal, but a log to send."""
    code = (
        "import sys; sys.argv = ['echoode', 'info', 'x'];"
        "import EchoODELib.engine.io as io; io.read_clip = lambda *a, **k: 1 / 0;"
        "from EchoODELib.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"TMPDIR": str(tmp_path)})
    assert done.returncode == 1
    assert done.stdout == ""
    (log,) = tmp_path.glob("echoode-*.log")
    assert str(log) in done.stderr
    assert "ZeroDivisionError" in log.read_text()
    assert "Traceback" not in done.stderr


def test_patients_are_not_named(echoode: Callable, tmp_path: Path, gray_frames: np.ndarray) -> None:
    outcome = echoode("info", dicom(tmp_path / "a.dcm", gray_frames), "--json")
    assert outcome.code == 0
    assert "Doe" not in outcome.out + outcome.err


def test_the_phantom_is_what_the_masks_say(a_phantom: PhantomClip) -> None:
    """The fixtures are sound: a clip of 20 frames, masks on all of them."""
    assert a_phantom.masks.shape == (20, 112, 112)
    assert a_phantom.masks.any(axis=(1, 2)).all()
