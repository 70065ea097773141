"""Folders of images, single images, pages of a TIFF."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.errors import UnreadableClip
from EchoODELib.engine.io import read_clip
from PIL import Image


def save(frames, folder, ending="png", **options):
    folder.mkdir(exist_ok=True)
    for index, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"frame{index + 1}.{ending}", **options)
    return folder


@pytest.mark.parametrize(
    ("ending", "options", "tolerance"),
    [("png", {}, 0), ("bmp", {}, 0), ("tiff", {"compression": "tiff_lzw"}, 0), ("jpg", {"quality": 95}, 3)],
)
@pytest.mark.parametrize("colour", [False, True])
def test_folders_in_natural_order(speckled_fan, tmp_path, ending, options, tolerance, colour):
    frames = np.concatenate([speckled_fan, speckled_fan[:4] // 2])  # twelve: frame10 comes after frame9
    shown = np.repeat(frames[..., None], 3, axis=-1) if colour else frames
    folder = save(shown, tmp_path / "clip", ending, **options)
    (folder / "notes.txt").write_text("not an image")
    (folder / ".hidden.png").write_bytes(b"")
    clip = read_clip(folder, frame_rate=40)
    assert clip.frames.shape == frames.shape and clip.frame_rate == pytest.approx(40)
    assert np.abs(clip.frames.astype(int) - frames).mean() <= tolerance


def test_without_a_rate_it_is_said(speckled_fan, tmp_path):
    clip = read_clip(save(speckled_fan, tmp_path / "clip"))
    assert clip.frame_rate == pytest.approx(30)
    assert any("30 Hz is assumed" in note for note in clip.source.notes)


def test_endings_do_not_matter(speckled_fan, tmp_path):
    folder = save(speckled_fan, tmp_path / "clip")
    for path in list(folder.iterdir()):
        path.rename(path.with_suffix(""))
    assert np.array_equal(read_clip(folder).frames, speckled_fan)


def test_pages_of_a_tiff_and_one_image(speckled_fan, tmp_path):
    images = [Image.fromarray(frame) for frame in speckled_fan]
    images[0].save(tmp_path / "pages.tif", save_all=True, append_images=images[1:])
    assert np.array_equal(read_clip(tmp_path / "pages.tif").frames, speckled_fan)
    images[0].save(tmp_path / "one.png")
    assert np.array_equal(read_clip(tmp_path / "one.png").frames, speckled_fan[:1])


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "1", "I;16", "F"])
def test_modes(speckled_fan, tmp_path, mode):
    if mode == "I;16":
        image = Image.fromarray(speckled_fan[0].astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(speckled_fan[0].astype(np.float32) / 255)
    else:
        image = Image.fromarray(speckled_fan[0]).convert(mode)
    path = tmp_path / ("image.tiff" if mode == "F" else "image.png")
    image.save(path)
    frame = read_clip(path).frames[0].astype(int)
    if mode == "1":
        assert set(np.unique(frame)) == {0, 255}
    else:
        assert np.abs(frame - speckled_fan[0]).max() <= 1


def test_frames_of_different_size(speckled_fan, tmp_path):
    folder = save(speckled_fan, tmp_path / "clip")
    Image.fromarray(speckled_fan[0, :50]).save(folder / "frame4.png")
    with pytest.raises(UnreadableClip, match="differ in size"):
        read_clip(folder)


@pytest.mark.parametrize("ending", ["png", "jpg", "tiff", "bmp"])
def test_truncated_images(speckled_fan, tmp_path, ending):
    folder = save(speckled_fan, tmp_path / "clip", ending)
    path = folder / f"frame3.{ending}"
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UnreadableClip, match="truncated"):
        read_clip(folder)
