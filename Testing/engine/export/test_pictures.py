"""Pictures and video: right place, right time, nothing that names the patient. Looks were judged by eye."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import matplotlib
import numpy as np
import pytest
from EchoODELib.engine.errors import OutputError, RunCancelled
from EchoODELib.engine.export.anatomy import STRUCTURES
from EchoODELib.engine.export.backdrop import Backdrop, backdrop
from EchoODELib.engine.export.calipers import calipers
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.export.contours import outlines
from EchoODELib.engine.export.curves import write_curves
from EchoODELib.engine.export.grid import write_grid
from EchoODELib.engine.export.strip import key_frames, write_strip
from EchoODELib.engine.export.video import write_video
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sector import Sector
from EchoODELib.engine.sequence import Beat, EchoSequence, Label, Measurements, SegmentedSequence, View
from matplotlib.path import Path as Polygon
from PIL import Image


@pytest.fixture
def behind(a_clip: EchoSequence) -> Backdrop:
    """The fan, without what is burned in at the top left."""
    mask = np.zeros(a_clip.shape, bool)
    mask[9:88, 10:110] = True
    return backdrop(a_clip, sector=Sector(mask, (9, 88, 10, 110)))


def test_outlines_enclose_their_structure(a_segmented_clip: SegmentedSequence) -> None:
    """The drawn line's inside is the mask but for half a pixel: neither shifted nor mirrored nor shrunk."""
    mask = a_segmented_clip.masks[0]
    found = outlines(mask)
    regions = {Label.LV: mask == 1, Label.MYOCARDIUM: (mask == 1) | (mask == 2), Label.LA: mask == 3}
    rows, columns = np.mgrid[: mask.shape[0], : mask.shape[1]]
    points = np.column_stack((columns.ravel(), rows.ravel()))
    assert set(found) == set(regions)
    for label, region in regions.items():
        (line,) = found[label]
        inside = Polygon(line).contains_points(points).reshape(mask.shape)
        assert 2 * (inside & region).sum() / (inside.sum() + region.sum()) > 0.97
        np.testing.assert_allclose(points[inside.ravel()].mean(0), points[region.ravel()].mean(0), atol=0.3)


def test_outlines_at_the_edge_are_closed() -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[:20, 30:] = 1
    (line,) = outlines(mask)[Label.LV]
    np.testing.assert_allclose(line[0], line[-1])
    assert outlines(np.zeros((40, 50), np.uint8)) == {}


def test_nothing_outside_the_sector_is_shown(a_clip: EchoSequence, behind: Backdrop) -> None:
    assert (behind.frames[:, :9, :40] == 0).all()
    np.testing.assert_array_equal(behind.frames[:, behind.inside], a_clip.frames[:, behind.inside])
    whole = backdrop(a_clip, sector=Sector(behind.inside, behind.box), whole_frame=True)
    np.testing.assert_array_equal(whole.frames, a_clip.frames)
    assert whole.box == (0, 90, 0, 118)


@pytest.mark.parametrize("whole", [True, False])
def test_every_picture_is_written(
    a_segmented_clip: SegmentedSequence, measured: Measurements, behind: Backdrop, tmp_path: Path, whole: bool
) -> None:
    """With everything there is, and with as little as there can be."""
    clip = a_segmented_clip.sequence
    if not whole:
        area = {"lv_area": measured.per_frame["lv_area"]}
        measured = replace(measured, beats=(), summary={}, per_frame=area, ed_frames=(), es_frames=(), flags=())
        clip = clip.with_spacing(None)
    segmented = replace(a_segmented_clip, sequence=clip)
    before = dict(matplotlib.rcParams)
    pictures = [
        write_curves(tmp_path / "c.png", clip, measured, segmentation=measured if whole else None),
        write_strip(tmp_path / "s.png", segmented, measured, behind=behind),
        write_grid(tmp_path / "g.png", segmented, 6, behind=behind),
    ]
    for path in pictures:
        with Image.open(path) as image:
            assert min(image.size) > 300
            assert len(image.convert("RGB").getcolors(1 << 24)) > 20
            assert set(image.info) <= {"Software", "dpi"}
    assert dict(matplotlib.rcParams) == before


def test_contours_are_drawn_in_their_colours(
    a_segmented_clip: SegmentedSequence, measured: Measurements, behind: Backdrop, tmp_path: Path
) -> None:
    pixels = np.asarray(Image.open(write_strip(tmp_path / "s.png", a_segmented_clip, measured, behind=behind)))
    for structure in STRUCTURES.values():
        near = np.abs(pixels[..., :3].astype(int) - structure.color).max(axis=-1) < 30
        assert near.sum() > 200


def test_key_frames(measured: Measurements) -> None:
    assert [name for name, _ in key_frames(measured, 12)] == ["ED", "Mid-systole", "ES", "Mid-diastole", "Next ED"]
    assert [frame for _, frame in key_frames(measured, 12)] == [0, 3, 6, 8, 11]
    unfinished = replace(measured, beats=(Beat(0, 6, None, {}),))
    assert key_frames(unfinished, 12)[-1] == ("Mid-diastole", 8)
    assert key_frames(replace(measured, beats=(Beat(9, 2, None, {}),)), 12)[0] == ("ES", 2)
    assert len(key_frames(replace(measured, beats=()), 3)) == 3


def test_without_motion_there_is_no_grid(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    still = replace(a_segmented_clip, displacement=None, pull_back=None, reference_frame=None)
    with pytest.raises(OutputError, match="propagate a mask first"):
        write_grid(tmp_path / "g.png", still, 6)


@pytest.mark.parametrize("with_numbers", [True, False])
def test_the_video_runs_at_the_clips_own_times(
    a_segmented_clip: SegmentedSequence, measured: Measurements, behind: Backdrop, tmp_path: Path, with_numbers: bool
) -> None:
    path = write_video(tmp_path / "o.mp4", a_segmented_clip, measured if with_numbers else None, behind=behind)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name in ("h264", "mpeg4")
        assert stream.width % 2 == 0
        assert stream.height % 2 == 0
        frames = list(container.decode(stream))
        assert not any("DOE" in value for value in container.metadata.values())
    np.testing.assert_allclose([frame.time for frame in frames], a_segmented_clip.sequence.times, atol=1e-4)
    pixels = frames[0].to_ndarray(format="rgb24")
    near = np.abs(pixels.astype(int) - STRUCTURES[Label.LV].color).max(axis=-1) < 60
    assert near.sum() > 100


def test_contours_lie_on_the_mask_in_the_video(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    """On a black clip the coloured line's middle is the LV's middle, in the video's enlarged pixels."""
    clip = replace(a_segmented_clip.sequence, frames=np.zeros_like(a_segmented_clip.sequence.frames))
    lv = np.where(a_segmented_clip.masks == 1, 1, 0).astype(np.uint8)
    box = (0, 90, 0, 118)
    behind = backdrop(clip, sector=Sector(np.ones(clip.shape, bool), box))
    path = write_video(tmp_path / "o.mp4", replace(a_segmented_clip, sequence=clip, masks=lv), behind=behind)
    with av.open(str(path)) as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    head, foot = 56, 26
    body = pixels[head : pixels.shape[0] - foot]
    rows, columns = np.nonzero(body.max(axis=-1) > 120)
    middle = np.array([rows.min() + rows.max(), columns.min() + columns.max()]) / 2
    found_rows, found_columns = np.nonzero(lv[0])
    expected = np.array([found_rows.min() + found_rows.max(), found_columns.min() + found_columns.max()]) / 2
    scale = np.array([body.shape[0] / 90, body.shape[1] / 118])
    np.testing.assert_allclose(middle, (expected + 0.5) * scale - 0.5, atol=3)
    assert scale[0] / scale[1] == pytest.approx(1.5, rel=0.02)  # pixels 0.6 high and 0.4 wide


def test_a_cancelled_video_leaves_nothing(
    a_segmented_clip: SegmentedSequence, behind: Backdrop, tmp_path: Path
) -> None:
    monitor = Monitor()
    monitor.report = lambda progress: monitor.cancel() if progress.done == 4 else None
    with pytest.raises(RunCancelled):
        write_video(tmp_path / "o.mp4", a_segmented_clip, behind=behind, monitor=monitor)
    assert not list(tmp_path.iterdir())


def test_video_needs_mp4(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.mp4"):
        write_video(tmp_path / "o.avi", a_segmented_clip)


def test_clips_come_back_from_sequences(a_clip: EchoSequence, tmp_path: Path) -> None:
    again = read_clip(write_clip(tmp_path / "c.seq.nrrd", a_clip))
    np.testing.assert_array_equal(again.frames, a_clip.frames)
    np.testing.assert_allclose(again.times, a_clip.times, atol=1e-5)
    assert again.spacing == pytest.approx(a_clip.spacing)


def test_clips_as_video(a_clip: EchoSequence, tmp_path: Path) -> None:
    again = read_clip(write_clip(tmp_path / "c.mp4", a_clip))
    assert again.frames.shape == a_clip.frames.shape
    np.testing.assert_allclose(again.times, a_clip.times, atol=1e-3)
    with pytest.raises(OutputError, match="ending"):
        write_clip(tmp_path / "c.txt", a_clip)


def test_a_parasternal_picture_shows_where_the_walls_are_measured(
    a_segmented_clip: SegmentedSequence, measured: Measurements, tmp_path: Path
) -> None:
    assert calipers(a_segmented_clip, 0) == []
    ends = np.float32([[60, 20], [60, 30], [60, 30], [60, 60], [np.nan, np.nan], [60, 70]])
    lines = np.tile(ends, (len(a_segmented_clip.masks), 1, 1))
    clip = replace(a_segmented_clip.sequence, view=View.PLAX)
    parasternal = replace(a_segmented_clip, sequence=clip, lines=lines, masks=np.zeros_like(a_segmented_clip.masks))
    septum, cavity = calipers(parasternal, 1)  # the wall's line lacks an end, and there is no mask to take it from
    np.testing.assert_allclose(np.concatenate([septum, cavity]), ends[:4])
    with_lines, without = tmp_path / "with.png", tmp_path / "without.png"
    write_strip(with_lines, parasternal, measured)
    write_strip(without, replace(parasternal, lines=None), measured)
    assert np.any(np.asarray(Image.open(with_lines)) != np.asarray(Image.open(without)))
