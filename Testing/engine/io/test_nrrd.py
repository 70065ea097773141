"""NRRD as Slicer writes it, in any order of axes and any orientation."""

from __future__ import annotations

import nrrd
import numpy as np
import pytest
from EchoODELib.engine.errors import UnreadableClip
from EchoODELib.engine.io import read_clip

NONE = [np.nan] * 3


def directions(flip=(1, 1), spacing=(0.3, 0.6)):
    """Column, row and slice direction for (row, column) spacing."""
    return [[flip[0] * spacing[1], 0, 0], [0, flip[1] * spacing[0], 0], [0, 0, 1]]


def write_sequence(
    path, frames, *, list_first=False, space="left-posterior-superior", flip=(1, 1), encoding="gzip", **extra
):
    """As Slicer's sequences are stored: I, J, K = 1 and the list axis."""
    data = frames.transpose(2, 1, 0)[:, :, None]
    header = {
        "space": space,
        "space directions": np.array([*directions(flip), NONE]),
        "space origin": [0, 0, 0],
        "kinds": ["domain", "domain", "domain", "list"],
        "labels": ["", "", "", "time"],
        "encoding": encoding,
        "axis 3 index type": "numeric",
        "axis 3 index values": " ".join(f"{0.02 * t:g}" for t in range(len(frames))),
    }
    if list_first:
        data = np.moveaxis(data, -1, 0)
        for key in ("space directions", "kinds", "labels"):
            header[key] = [header[key][3], *header[key][:3]]
        header["space directions"] = np.array(header["space directions"])
        header = {key.replace("axis 3", "axis 0"): value for key, value in header.items()}
    nrrd.write(str(path), np.asfortranarray(data), header | extra, index_order="F")
    return path


@pytest.mark.parametrize("list_first", [False, True])
@pytest.mark.parametrize("space", ["left-posterior-superior", "right-anterior-superior"])
@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (-1, -1)])
def test_a_mark_in_a_corner_stays_in_its_corner(speckled_fan, tmp_path, list_first, space, flip):
    path = write_sequence(tmp_path / "clip.seq.nrrd", speckled_fan, list_first=list_first, space=space, flip=flip)
    clip = read_clip(path)
    assert np.array_equal(clip.frames, speckled_fan)
    assert clip.spacing == pytest.approx((0.3, 0.6))
    assert clip.frame_rate == pytest.approx(50)


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2"])
def test_encodings(speckled_fan, tmp_path, encoding):
    path = write_sequence(tmp_path / "clip.seq.nrrd", speckled_fan, encoding=encoding)
    assert np.array_equal(read_clip(path).frames, speckled_fan)


@pytest.mark.parametrize("axis", [0, 1])
def test_colour_components(speckled_fan, tmp_path, axis):
    """Vector volumes: the components come before I, J, K, the list before or after."""
    data = np.repeat(speckled_fan.transpose(2, 1, 0)[None, :, :, None], 3, axis=0)
    kinds, ways = ["vector", "domain", "domain", "domain", "list"], [NONE, *directions(), NONE]
    if axis:
        data, kinds, ways = np.moveaxis(data, -1, 0), [kinds[-1], *kinds[:-1]], [ways[-1], *ways[:-1]]
    header = {"space": "left-posterior-superior", "space directions": np.array(ways), "kinds": kinds}
    if not axis:  # Slicer numbers the list axis as if the components were none
        header["axis 3 index values"] = " ".join(str(t / 40) for t in range(8))
    nrrd.write(str(tmp_path / "clip.nrrd"), data, header, index_order="F")
    clip = read_clip(tmp_path / "clip.nrrd", frame_rate=40 if axis else None)
    assert np.array_equal(clip.frames, speckled_fan) and clip.frame_rate == pytest.approx(40)


@pytest.mark.parametrize(
    ("extra", "rate"),
    [
        ({"axis 3 index values": " ".join(str(20 * t) for t in range(8))}, 50),
        ({"axis 3 index values": " ".join(str(20 * t) for t in range(8)), "units": ["mm", "mm", "mm", "ms"]}, 50),
        ({"axis 3 index type": "text", "axis 3 index values": "a b c d e f g h"}, 30),
        ({"labels": ["", "", "", "frame"], "axis 3 index values": "0 1 2 3 4 5 6 7"}, 30),
    ],
)
def test_index_values(speckled_fan, tmp_path, extra, rate):
    assert read_clip(write_sequence(tmp_path / "clip.seq.nrrd", speckled_fan, **extra)).frame_rate == pytest.approx(
        rate
    )


def test_plain_files(speckled_fan, tmp_path):
    """A volume whose slices are frames, one image, and files that name no kinds."""
    header = {"space": "left-posterior-superior", "space directions": np.array(directions()), "kinds": ["domain"] * 3}
    nrrd.write(str(tmp_path / "volume.nrrd"), speckled_fan.transpose(2, 1, 0), header, index_order="F")
    assert np.array_equal(read_clip(tmp_path / "volume.nrrd").frames, speckled_fan)
    nrrd.write(str(tmp_path / "bare.nrrd"), speckled_fan.transpose(2, 1, 0), {}, index_order="F")
    bare = read_clip(tmp_path / "bare.nrrd")
    assert np.array_equal(bare.frames, speckled_fan) and bare.spacing is None
    nrrd.write(str(tmp_path / "image.nrrd"), speckled_fan[0].T, {}, index_order="F")
    assert np.array_equal(read_clip(tmp_path / "image.nrrd").frames, speckled_fan[:1])


def test_volumes_over_time_are_refused(tmp_path):
    data = np.zeros((20, 20, 5, 4), np.uint8)
    nrrd.write(str(tmp_path / "v.nrrd"), data, {"kinds": ["domain", "domain", "domain", "list"]}, index_order="F")
    with pytest.raises(UnreadableClip, match="2D"):
        read_clip(tmp_path / "v.nrrd")


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.6, 0.95])
def test_truncated(speckled_fan, tmp_path, encoding, share):
    path = write_sequence(tmp_path / "clip.seq.nrrd", speckled_fan, encoding=encoding)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(UnreadableClip):
        read_clip(path)


def test_wrong_number_of_index_values(speckled_fan, tmp_path):
    path = write_sequence(tmp_path / "clip.seq.nrrd", speckled_fan, **{"axis 3 index values": "0 1"})
    with pytest.raises(UnreadableClip):
        read_clip(path)
