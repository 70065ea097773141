"""The simulated echo through its public door: what it claims as truth must be true."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
from EchoODELib.engine.errors import EchoODEError, RunCancelled, UnsuitableClip
from EchoODELib.engine.phantom import QUALITIES, PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.phantom.anatomy import draw_anatomy
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sequence import Label, View

VIEWS = (View.A4C, View.A2C, View.A3C, View.PLAX)


def small(**changes: object) -> PhantomSettings:
    """A beat that is quick to simulate."""
    return PhantomSettings(**({"frames": 20, "frame_rate": 25.0, "size": 128} | changes))  # type: ignore[arg-type]


@pytest.fixture(
    scope="module", params=[(View.A4C, 3, 60.0), (View.A2C, 1, 45.0), (View.PLAX, 2, 65.0), (View.A4C, 5, 80.0)]
)
def a_clip(request: pytest.FixtureRequest) -> PhantomClip:
    view, seed, fraction = request.param
    return simulate(PhantomSettings(view=view, seed=seed, ejection_fraction=fraction, frames=16, frame_rate=20.0))


def sample(image: np.ndarray, field: np.ndarray, how: int = cv2.INTER_LINEAR) -> np.ndarray:
    rows, columns = field.shape[:2]
    x, y = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    return cv2.remap(image, x + field[..., 0], y + field[..., 1], how, borderMode=cv2.BORDER_REPLICATE)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / max(a.sum() + b.sum(), 1))


def jacobian(field: np.ndarray) -> np.ndarray:
    xx, xy = np.gradient(field[..., 0], axis=-1), np.gradient(field[..., 0], axis=-2)
    yx, yy = np.gradient(field[..., 1], axis=-1), np.gradient(field[..., 1], axis=-2)
    return (1 + xx) * (1 + yy) - xy * yx


def test_gives_what_it_promises(a_clip: PhantomClip) -> None:
    frames = a_clip.settings.frames
    assert a_clip.sequence.frames.shape == a_clip.masks.shape == (frames, 256, 256)
    assert a_clip.displacement.shape == a_clip.pull_back.shape == (frames, 256, 256, 2)
    assert a_clip.displacement.dtype == a_clip.pull_back.dtype == np.float32
    assert a_clip.sequence.calibrated
    assert a_clip.sequence.view is a_clip.settings.view
    assert a_clip.sequence.source.ed_frame == a_clip.ed_frames[0] == 0
    assert a_clip.ed_frames[-1] == frames - 1
    assert set(np.unique(a_clip.masks)) == set(Label)
    assert not a_clip.sequence.frames[:, ~a_clip.sector].any()
    assert not a_clip.masks[:, ~a_clip.sector].any()


def test_reference_mask_is_carried_to_every_frame(a_clip: PhantomClip) -> None:
    reference = a_clip.ed_frames[0]
    for t in range(len(a_clip.masks)):
        # Only where the tissue was inside the sector at the reference can its label be carried.
        seen = sample(a_clip.sector.astype(np.float32), a_clip.pull_back[t]) > 0.999
        for label in (Label.LV, Label.MYOCARDIUM, Label.LA):
            soft = sample((a_clip.masks[reference] == label).astype(np.float32), a_clip.pull_back[t])
            truth = a_clip.masks[t] == label
            # The carried mask is rounded twice, along a border that is long for a thin ring.
            least = 0.97 if label == Label.MYOCARDIUM else 0.985
            assert dice((soft > 0.5) & seen & a_clip.sector, truth & seen) > least


def test_fields_are_inverse_of_each_other_and_do_not_fold(a_clip: PhantomClip) -> None:
    for t in range(len(a_clip.masks)):
        back = a_clip.pull_back[t]
        round_trip = back + sample(a_clip.displacement[t], back)
        from_inside = sample(np.pad(np.ones((252, 252), np.float32), 2), back) > 0.999
        assert np.abs(round_trip[from_inside]).max() < 0.05
        assert from_inside.mean() > 0.9
    assert jacobian(a_clip.displacement).min() > 0.05
    assert jacobian(a_clip.pull_back).min() > 0.05


def test_reference_frame_does_not_move(a_clip: PhantomClip) -> None:
    assert np.abs(a_clip.displacement[a_clip.ed_frames[0]]).max() == 0
    assert np.abs(a_clip.pull_back[a_clip.ed_frames[0]]).max() < 1e-6


def test_volumes_phases_and_fraction_agree(a_clip: PhantomClip) -> None:
    volumes, ed, es = a_clip.volumes_ml, a_clip.ed_frames, a_clip.es_frames
    assert 40 < volumes[ed[0]] < 180
    assert volumes.argmin() == es[0]
    assert volumes[ed[0]] > 0.98 * volumes.max()
    assert a_clip.ejection_fraction == pytest.approx(100 * (1 - volumes[es[0]] / volumes[ed[0]]))
    assert a_clip.ejection_fraction == pytest.approx(a_clip.settings.ejection_fraction, abs=0.1)


def test_volume_agrees_with_the_mask(a_clip: PhantomClip) -> None:
    if a_clip.settings.view is View.PLAX:
        pytest.skip("the apex lies outside the sector in PLAX")
    step = a_clip.sequence.spacing[0]
    for t in (a_clip.ed_frames[0], a_clip.es_frames[0]):
        (bx, by), (ax, ay) = a_clip.landmarks["long_axis"][t]
        length = np.hypot(ax - bx, ay - by) * step
        area = (a_clip.masks[t] == Label.LV).sum() * step**2
        # Area-length: exact for an ellipsoid, within 10 % for a bullet.
        assert 8 * area**2 / (3 * np.pi * length) / 1000 == pytest.approx(a_clip.volumes_ml[t], rel=0.10)


def test_the_image_shows_what_the_mask_says(a_clip: PhantomClip) -> None:
    for t in (0, a_clip.es_frames[0]):
        frame, mask = a_clip.sequence.frames[t], a_clip.masks[t]
        assert frame[mask == Label.MYOCARDIUM].mean() > frame[mask == Label.LV].mean() + 12


def test_landmarks_follow_the_tissue(a_clip: PhantomClip) -> None:
    reference = a_clip.ed_frames[0]
    for name in ("mitral_annulus", "IVS", "LVID", "LVPW"):
        if name not in a_clip.landmarks:
            continue
        start = a_clip.landmarks[name][reference]
        for t in range(len(a_clip.masks)):
            moved = cv2.remap(
                a_clip.displacement[t],
                start[None, :, 0],
                start[None, :, 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )[0]
            inside = (start > 1).all() and (start < 254).all()
            if inside:
                np.testing.assert_allclose(a_clip.landmarks[name][t], start + moved, atol=0.05)


def test_parasternal_walls_thicken_and_stand_on_the_mask_borders() -> None:
    clip = simulate(PhantomSettings(view=View.PLAX, seed=7, frames=20, frame_rate=25.0))
    assert {"IVS", "LVID", "LVPW"} <= set(clip.landmarks)
    lengths = {
        name: np.linalg.norm(np.diff(clip.landmarks[name], axis=1)[:, 0], axis=-1) * clip.sequence.spacing[0]
        for name in ("IVS", "LVID", "LVPW")
    }
    ed, es = clip.ed_frames[0], clip.es_frames[0]
    assert lengths["IVS"][es] > 1.1 * lengths["IVS"][ed]
    assert lengths["LVPW"][es] > 1.1 * lengths["LVPW"][ed]
    assert lengths["LVID"][es] < 0.85 * lengths["LVID"][ed]
    assert 6 < lengths["IVS"][ed] < 15
    assert 36 < lengths["LVID"][ed] < 58
    for t in (ed, es):
        near, far = clip.landmarks["LVID"][t]
        line = near + np.linspace(0.05, 0.95, 20)[:, None] * (far - near)
        assert (clip.masks[t][line[:, 1].round().astype(int), line[:, 0].round().astype(int)] == Label.LV).all()
        near, far = clip.landmarks["IVS"][t]
        line = near + np.linspace(0.2, 0.8, 8)[:, None] * (far - near)
        assert (clip.masks[t][line[:, 1].round().astype(int), line[:, 0].round().astype(int)] == Label.MYOCARDIUM).all()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("fraction", [10.0, 35.0, 55.0, 80.0])
def test_meets_the_fraction_asked_for_without_folds(view: View, fraction: float) -> None:
    clip = simulate(small(view=view, ejection_fraction=fraction, seed=int(fraction), size=96))
    assert clip.ejection_fraction == pytest.approx(fraction, abs=0.5)
    assert jacobian(clip.displacement).min() > 0.05


@pytest.mark.parametrize("quality", QUALITIES)
def test_same_seed_same_bytes_other_seed_other_heart(quality: str) -> None:
    first, again = (simulate(small(quality=quality, seed=4, frames=8, beats=0.4)) for _ in range(2))
    other = simulate(small(quality=quality, seed=5, frames=8, beats=0.4))
    assert first.sequence.frames.tobytes() == again.sequence.frames.tobytes()
    assert first.masks.tobytes() == again.masks.tobytes()
    assert first.displacement.tobytes() == again.displacement.tobytes()
    assert first.pull_back.tobytes() == again.pull_back.tobytes()
    assert (first.masks[0] != other.masks[0]).mean() > 0.02


def test_quality_changes_the_image_and_not_the_heart() -> None:
    good, poor = (simulate(small(quality=q, seed=4, frames=4, beats=0.2)) for q in ("good", "poor"))
    np.testing.assert_array_equal(good.masks, poor.masks)

    def contrast(clip: PhantomClip) -> float:
        frame, mask = clip.sequence.frames[0].astype(float), clip.masks[0]
        return frame[mask == Label.MYOCARDIUM].mean() - frame[mask == Label.LV].mean()

    assert contrast(good) > contrast(poor)


def test_speckle_moves_with_the_tissue_and_decorrelates() -> None:
    clip = simulate(PhantomSettings(seed=6, frames=24, frame_rate=50.0, beats=0.6))
    frames = clip.sequence.frames.astype(np.float32)
    fine = frames - np.stack([cv2.GaussianBlur(f, (0, 0), 6) for f in frames])
    wall = clip.masks[0] == Label.MYOCARDIUM

    def alike(t: int, follow: bool) -> float:
        field = clip.displacement[t] * (1.0 if follow else 0.0)
        return float(np.corrcoef(sample(fine[t], field)[wall], fine[0][wall])[0, 1])

    still = 5
    fast = clip.es_frames[0] // 2
    assert alike(still, True) > 0.5
    assert alike(fast, True) > alike(fast, False) + 0.1
    assert alike(clip.es_frames[0], True) < alike(still, True)


def test_systole_takes_a_third_of_the_cycle_at_rest() -> None:
    clip = simulate(small(frames=51, frame_rate=50.0, size=64))  # 60 beats a minute
    assert clip.sequence.source.heart_rate == pytest.approx(60)
    assert 0.30 < clip.es_frames[0] / 50 < 0.40
    volume = clip.volumes_ml
    stroke = volume[0] - volume[clip.es_frames[0]]
    filled = (volume - volume.min()) / stroke
    es = clip.es_frames[0]
    assert filled[es + 3] < 0.10  # isovolumic relaxation
    early, late = np.diff(filled)[es:].argmax() + es, np.diff(filled)[-9:].max()
    assert early < es + 14  # rapid filling comes first
    assert np.diff(filled)[early + 7 : -8].min() < 0.5 * late  # diastasis lies before the atrial kick
    assert filled[-8] < 0.86  # the kick brings a fifth


def test_speed_of_frames_does_not_change_the_heart() -> None:
    slow, fast = (simulate(small(frames=int(r) + 1, frame_rate=r, size=64, seed=9)) for r in (20.0, 60.0))
    np.testing.assert_allclose(slow.volumes_ml[0], fast.volumes_ml[0])
    assert slow.ejection_fraction == pytest.approx(fast.ejection_fraction, abs=0.2)


def test_several_regular_beats_are_alike() -> None:
    clip = simulate(small(frames=61, frame_rate=20.0, beats=3, size=64))
    assert clip.ed_frames == (0, 20, 40, 60)
    assert len(clip.es_frames) == 3
    assert np.ptp(clip.beat_ejection_fractions) < 1.5


def test_arrhythmic_beats_differ_and_meet_the_fraction_on_average() -> None:
    clip = simulate(small(frames=100, frame_rate=20.0, beats=5, size=64, arrhythmia=0.25, seed=3))
    assert len(clip.es_frames) >= 4
    assert np.ptp(np.diff(clip.ed_frames)) >= 4
    assert np.ptp(clip.beat_ejection_fractions) > 3
    assert clip.ejection_fraction == pytest.approx(58.0, abs=1.0)
    for ed, es in zip(clip.ed_frames, clip.es_frames, strict=False):
        assert clip.volumes_ml[es] == clip.volumes_ml[ed : es + 4].min()


def test_clip_may_begin_anywhere_in_the_cycle() -> None:
    clip = simulate(small(frames=40, frame_rate=20.0, beats=2, size=64, start=0.5))
    assert 8 <= clip.ed_frames[0] <= 12
    assert np.abs(clip.displacement[clip.ed_frames[0]]).max() == 0
    assert np.abs(clip.displacement[0]).max() > 0.5


def test_clip_that_ends_in_systole_has_no_end_systole() -> None:
    clip = simulate(small(frames=5, frame_rate=25.0, beats=0.16, size=64))
    assert clip.ed_frames == (0,)
    assert clip.es_frames == ()
    assert clip.ejection_fraction == 58.0
    assert (np.diff(clip.volumes_ml) < 0).all()


def test_overlays_are_static_but_for_the_cursor() -> None:
    plain, burnt = (simulate(small(size=256, frames=6, beats=0.3, overlays=o)) for o in (False, True))
    np.testing.assert_array_equal(plain.masks, burnt.masks)
    added = burnt.sequence.frames != plain.sequence.frames
    assert added[:, ~plain.sector].any()
    always = added.all(0) & ~plain.sector
    assert always.sum() > 0.7 * added[0][~plain.sector].sum()
    assert (burnt.sequence.frames >= plain.sequence.frames)[:, :200].all()


def test_the_aorta_lies_on_the_septal_side_in_both_long_axes() -> None:
    for view, away in ((View.A3C, np.array([1, 0])), (View.PLAX, np.array([0, -1]))):  # right, and towards the probe
        anatomy = draw_anatomy(view, np.random.default_rng(4))
        atrium, aorta = (anatomy.outline(name).mean(0) for name in ("la", "aorta"))
        assert (aorta - atrium) @ away > 10
        assert "ra" not in anatomy.outlines
    apical = draw_anatomy(View.A3C, np.random.default_rng(4))
    assert apical.outline("la").mean(0)[1] > apical.outline("lv").mean(0)[1] > apical.apex[1]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"view": View.OTHER}, "A4C"),
        ({"frames": 1}, "frames"),
        ({"frame_rate": 15.0}, "frame rate"),
        ({"frame_rate": float("nan")}, "frame rate"),
        ({"size": 32}, "rows"),
        ({"ejection_fraction": 5.0}, "ejection fraction"),
        ({"ejection_fraction": 90.0}, "ejection fraction"),
        ({"quality": "superb"}, "quality"),
        ({"beats": 0}, "beats"),
        ({"beats": 30}, "heart rate"),
        ({"arrhythmia": -0.1}, "arrhythmia"),
        ({"depth": 20.0}, "depth"),
        ({"seed": -1}, "seed"),
    ],
)
def test_says_what_it_can_not_simulate(changes: dict[str, object], word: str) -> None:
    with pytest.raises(UnsuitableClip, match=word) as caught:
        PhantomSettings(**changes)  # type: ignore[arg-type]
    assert isinstance(caught.value, EchoODEError)


@pytest.mark.parametrize("size", [(128, 192), (192, 128), 64])
def test_any_shape_of_image(size: int | tuple[int, int]) -> None:
    clip = simulate(small(size=size, frames=2, beats=0.1))
    assert clip.sequence.shape == clip.settings.shape
    rows, columns = np.nonzero(clip.sector)
    assert max(np.ptp(rows) / clip.settings.shape[0], np.ptp(columns) / clip.settings.shape[1]) > 0.93


def test_reports_progress_and_can_be_cancelled() -> None:
    seen = []
    monitor = Monitor(report=lambda p: (seen.append(p.fraction), monitor.cancel() if p.done >= 3 else None))
    with pytest.raises(RunCancelled):
        simulate(small(size=64), monitor=monitor)
    assert seen[0] == 0
    assert max(seen) < 1


@pytest.mark.long
def test_is_quick() -> None:
    simulate(small(frames=2, beats=0.1))
    start = time.perf_counter()
    simulate(PhantomSettings())
    assert time.perf_counter() - start < 6


def test_less_than_a_beat_that_starts_just_after_an_end_diastole_still_shows_one():
    clip = simulate(small(frames=20, frame_rate=20.0, beats=0.9, size=64, start=0.02))
    assert list(clip.ed_frames) == [19]
    assert np.isfinite(clip.displacement).all()
