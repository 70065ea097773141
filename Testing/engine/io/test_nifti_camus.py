"""NIfTI, MetaImage and the layout of the CAMUS data set."""

from __future__ import annotations

import gzip
import shutil

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from EchoODELib.engine.errors import UnreadableClip, UnsuitableMask
from EchoODELib.engine.io import read_clip, read_mask
from EchoODELib.engine.sequence import View


def write_itk(values, path, spacing=(0.3, 0.6), step=None):
    """Rows and columns of ``values`` as ITK's second and first axis; spacing is (row, column)."""
    image = sitk.GetImageFromArray(values)
    steps = (spacing[1], spacing[0]) if values.ndim == 2 else (spacing[1], spacing[0], step or 1.0)
    image.SetSpacing(steps)
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture
def camus_folder(speckled_fan, tmp_path):
    """A patient's folder as the public release has it, A4C and A2C, ED first and the half sequence of six frames."""
    folder = tmp_path / "patient0007"
    folder.mkdir()
    labels = (speckled_fan // 80).clip(0, 3)
    for view, shift in (("4CH", 0), ("2CH", 1)):
        clip, masks = np.roll(speckled_fan[:6], shift, axis=2), np.roll(labels[:6], shift, axis=2)
        base = folder / f"patient0007_{view}"
        for part, values in (("ED", 0), ("ES", 5), ("half_sequence", slice(None))):
            write_itk(clip[values], f"{base}_{part}.nii.gz")
            write_itk(masks[values], f"{base}_{part}_gt.nii.gz")
        (folder / f"Info_{view}.cfg").write_text(
            "ED: 1\nES: 6\nNbFrame: 6\nSex: F\nAge: 56\nImageQuality: Good\nEF: 54\nFrameRate: 48.4\n"
        )
    return folder


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "mha", "mhd"])
@pytest.mark.parametrize("frames", [1, 8])
def test_pixels_stay_where_the_file_has_them(speckled_fan, tmp_path, ending, frames):
    values = speckled_fan[0] if frames == 1 else speckled_fan
    clip = read_clip(write_itk(values, tmp_path / f"clip.{ending}"))
    assert np.array_equal(clip.frames, speckled_fan[:frames])
    assert clip.spacing == pytest.approx((0.3, 0.6))


@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_orientation_in_the_header_moves_nothing(speckled_fan, tmp_path, flip):
    affine = np.diag([flip[0] * 0.5, flip[1] * 0.5, 1.0, 1.0])
    image = nibabel.Nifti1Image(speckled_fan.transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm", "msec")
    image.header.set_zooms((0.5, 0.5, 20.0))
    nibabel.save(image, tmp_path / "clip.nii.gz")
    clip = read_clip(tmp_path / "clip.nii.gz")
    assert np.array_equal(clip.frames, speckled_fan)
    assert clip.spacing == pytest.approx((0.5, 0.5))
    assert clip.frame_rate == pytest.approx(50)


@pytest.mark.parametrize(("step", "unit"), [(0.025, "sec"), (25.0, "msec")])
def test_time_as_the_fourth_axis(speckled_fan, tmp_path, step, unit):
    image = nibabel.Nifti1Image(speckled_fan.transpose(2, 1, 0)[:, :, None], np.diag([0.5, 0.5, 1, 1]))
    image.header.set_zooms((0.5, 0.5, 1, step))
    image.header.set_xyzt_units("mm", unit)
    nibabel.save(image, tmp_path / "clip.nii")
    clip = read_clip(tmp_path / "clip.nii")
    assert np.array_equal(clip.frames, speckled_fan) and clip.frame_rate == pytest.approx(40)


@pytest.mark.parametrize(
    ("spacing", "unit", "word"),
    [
        (1.0, "mm", "stands for unknown"),
        (1.0, "unknown", "stands for unknown"),
        (0.5, "unknown", "no unit"),
        (0.5, "meter", "deep"),
        (0.001, "mm", "deep"),
    ],
)
def test_doubtful_pixel_sizes(speckled_fan, tmp_path, spacing, unit, word):
    image = nibabel.Nifti1Image(speckled_fan.transpose(2, 1, 0), np.diag([spacing, spacing, 1, 1]))
    image.header.set_xyzt_units(unit, "sec")
    nibabel.save(image, tmp_path / "clip.nii")
    clip = read_clip(tmp_path / "clip.nii")
    assert (clip.spacing is None) == (word != "no unit")
    assert any(word in note for note in clip.source.notes)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0, -0.5])
def test_pixel_sizes_that_are_no_size(speckled_fan, tmp_path, bad):
    path = tmp_path / "clip.nii"
    write_itk(speckled_fan, path)
    raw = bytearray(path.read_bytes())
    raw[80:84] = raw[84:88] = np.float32(bad).tobytes()  # pixdim[1], pixdim[2]
    raw[252:256] = bytes(4)  # neither qform nor sform
    path.write_bytes(raw)
    clip = read_clip(path)
    assert clip.spacing is None or (bad == -0.5 and clip.spacing == (0.5, 0.5))


@pytest.mark.parametrize(
    "values",
    [lambda clip: clip.astype(np.float32) / 255, lambda clip: clip.astype(np.int16), lambda clip: clip.astype(float)],
)
def test_number_types(speckled_fan, tmp_path, values):
    clip = read_clip(write_itk(values(speckled_fan), tmp_path / "clip.nii.gz"))
    assert np.abs(clip.frames.astype(int) - speckled_fan).max() <= 1
    assert any("mapped to 8 bits" in note for note in clip.source.notes)


@pytest.mark.parametrize("name", ["clip.dcm", "clip", "clip.nii"])
def test_zipped_nifti_of_any_ending(speckled_fan, tmp_path, name):
    zipped = write_itk(speckled_fan, tmp_path / "right.nii.gz")
    shutil.move(zipped, tmp_path / name)
    assert np.array_equal(read_clip(tmp_path / name).frames, speckled_fan)


@pytest.mark.parametrize("ending", ["nii", "nii.gz", "mha"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
def test_truncated(speckled_fan, tmp_path, ending, share):
    whole = write_itk(speckled_fan, tmp_path / f"whole.{ending}").read_bytes()
    part = tmp_path / f"part.{ending}"
    part.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UnreadableClip):
        read_clip(part)


def test_a_header_without_its_raw_file(speckled_fan, tmp_path):
    write_itk(speckled_fan, tmp_path / "clip.mhd")
    (tmp_path / "clip.raw").unlink()
    with pytest.raises(UnreadableClip):
        read_clip(tmp_path / "clip.mhd")


@pytest.mark.parametrize("place", [40, 42, 44, 70, 76, 108])
def test_damaged_headers(speckled_fan, tmp_path, place):
    raw = bytearray(write_itk(speckled_fan, tmp_path / "clip.nii").read_bytes())
    raw[place : place + 2] = b"\xff\x7f"
    (tmp_path / "bad.nii.gz").write_bytes(gzip.compress(bytes(raw)))
    try:
        read_clip(tmp_path / "bad.nii.gz")
    except UnreadableClip as error:
        assert str(error).endswith(".")


def test_a_patients_folder(camus_folder, speckled_fan):
    clip = read_clip(camus_folder)
    assert np.array_equal(clip.frames, speckled_fan[:6])
    assert clip.view is View.A4C and clip.frame_rate == pytest.approx(48.4)
    assert (clip.source.ed_frame, clip.source.es_frame) == (0, 5)
    assert clip.spacing == pytest.approx((0.3, 0.6))
    masks = read_mask(camus_folder, shape=clip.frames.shape)
    assert np.array_equal(masks, (speckled_fan[:6] // 80).clip(0, 3))


def test_the_other_view_of_the_folder(camus_folder, speckled_fan):
    clip = read_clip(camus_folder, view="A2C")
    assert clip.view is View.A2C and np.array_equal(clip.frames, np.roll(speckled_fan[:6], 1, axis=2))
    assert not np.array_equal(
        read_mask(camus_folder, shape=clip.frames.shape, view=View.A2C),
        read_mask(camus_folder, shape=clip.frames.shape),
    )
    with pytest.raises(UnreadableClip, match="A4C, A2C"):
        read_clip(camus_folder, view="PLAX")


def test_ed_and_es_alone(camus_folder, speckled_fan):
    for path in camus_folder.glob("*half_sequence*"):
        path.unlink()
    clip = read_clip(camus_folder)
    assert np.array_equal(clip.frames, speckled_fan[[0, 5]])
    assert clip.times == pytest.approx([0, 5 / 48.4])
    assert (clip.source.ed_frame, clip.source.es_frame) == (0, 1)
    assert read_mask(camus_folder, shape=clip.frames.shape).shape == clip.frames.shape
    (camus_folder / "Info_4CH.cfg").unlink()
    assert any("is assumed" in note for note in read_clip(camus_folder).source.notes)


def test_reversed_half_sequence(camus_folder):
    """In some patients ES comes first."""
    (camus_folder / "Info_4CH.cfg").write_text("ED: 6\nES: 1\nFrameRate: 50\n")
    source = read_clip(camus_folder).source
    assert (source.ed_frame, source.es_frame) == (5, 0)


def test_single_files_of_the_layout(camus_folder):
    sequence = read_clip(camus_folder / "patient0007_2CH_half_sequence.nii.gz")
    assert sequence.view is View.A2C and sequence.frame_rate == pytest.approx(48.4)
    assert (sequence.source.ed_frame, sequence.source.es_frame) == (0, 5)
    assert read_clip(camus_folder / "patient0007_4CH_ES.nii.gz").source.es_frame == 0


def test_the_older_layout_in_metaimage(camus_folder, speckled_fan, tmp_path):
    folder = tmp_path / "patient0008"
    folder.mkdir()
    for part, frame in (("ED", 0), ("ES", 5)):
        write_itk(speckled_fan[frame][None], folder / f"patient0008_4CH_{part}.mhd", step=1.0)
    write_itk(speckled_fan, folder / "patient0008_4CH_sequence.mhd")
    clip = read_clip(folder)
    assert np.array_equal(clip.frames, speckled_fan) and clip.view is View.A4C


def test_a_damaged_info_file_is_passed_over(camus_folder):
    (camus_folder / "Info_4CH.cfg").write_bytes(b"ED: first\nES\nFrameRate: nan\n\xff\xfe")
    clip = read_clip(camus_folder)
    assert (clip.source.ed_frame, clip.source.es_frame) == (0, 5) and clip.frame_rate == pytest.approx(30)


def test_real_patients_stand_apex_up(camus_patients):
    """The probe is at the top: the fan is narrow there, and the LV lies above the LA."""
    for folder in camus_patients[::10]:
        clip = read_clip(folder)
        masks = read_mask(folder, shape=clip.frames.shape)
        assert len(clip) == 2 and clip.view is View.A4C and clip.spacing == pytest.approx((0.7, 0.7))
        rows = np.arange(clip.shape[0])
        lit = (clip.frames[0] > 20).sum(axis=1)
        assert lit[: len(rows) // 4].mean() < 0.5 * lit[len(rows) // 2 :].mean()
        centre = [(rows[:, None] * (masks[0] == label)).sum() / (masks[0] == label).sum() for label in (1, 3)]
        assert centre[0] < centre[1]


def test_masks_of_another_patient_do_not_fit(camus_patients):
    clip = read_clip(camus_patients[0])
    other = next(folder for folder in camus_patients if read_clip(folder).shape != clip.shape)
    with pytest.raises(UnsuitableMask, match="pixels"):
        read_mask(other, shape=clip.frames.shape)
