"""The simulated examination: anatomy, motion, acoustics and the truth, put together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..progress import Monitor
from ..sequence import ClipSource, EchoSequence, Label, View
from .acoustics import Display, Probe, compress, form_envelope, make_display, make_probe
from .anatomy import Anatomy, Points, draw_anatomy
from .motion import Field, courses, disc_volumes, displacement_field, invert, modes
from .overlays import burn_in
from .settings import QUALITIES, Acoustics, PhantomClip, PhantomSettings
from .timing import Rhythm, make_rhythm
from .tissue import Atlas, draw_leaflets, draw_scatterers, leaflet_points, leaflet_strength, make_atlas

_PAD = 16  # pixels around the image, so that fields are right up to its border
_SCATTERERS = 90_000
_LEAFLET_SCATTERERS = 900
_LATE = 0.03  # s by which the lateral base lags
_WORKERS = 2


def simulate(settings: PhantomSettings | None = None, *, monitor: Monitor | None = None) -> PhantomClip:
    """Simulate a B-mode clip whose anatomy, motion and volumes are known exactly.

    Parameters
    ----------
    settings: what to simulate; the default is an A4C beat of 60 frames.
    monitor: progress and cancelling.

    Returns
    -------
    The clip and its truth; equal settings give equal bytes.

    Raises
    ------
    RunCancelled: the monitor was cancelled.
    """
    settings = PhantomSettings() if settings is None else settings
    streams = np.random.SeedSequence(settings.seed).spawn(6)
    rngs = [np.random.default_rng(s) for s in streams[:5]]
    anatomy = draw_anatomy(settings.view, rngs[0], settings.depth)
    times = np.arange(settings.frames) / settings.frame_rate
    rhythm = make_rhythm(settings, rngs[1])
    state = rhythm.state(times)
    late_state = rhythm.state(np.maximum(times - _LATE, rhythm.onsets[0]))
    course = courses(state, late_state, times, rhythm.first_frame, rngs[2])
    course = _solve(anatomy, course, rhythm, state, settings)

    pixels, spacing = _pixel_grid(anatomy, settings.shape)
    padded = displacement_field(course, modes(anatomy, pixels).astype(np.float32) / np.float32(spacing))
    volumes = _volumes(anatomy, course)
    ed, es = _phases(rhythm, volumes, times)
    stage = (monitor or Monitor()).stage("Simulating", settings.frames)

    atlas = make_atlas(anatomy, settings.shape[1] * spacing, rngs[3])
    inner = (slice(_PAD, -_PAD), slice(_PAD, -_PAD))
    probe = make_probe(anatomy, _machine(settings, rngs[4]), rngs[4])
    display = make_display(probe, pixels[inner], spacing)
    scanner = _Scanner(anatomy, atlas, probe, display, course, rhythm.valve(times), times, streams[5])

    back = np.empty((settings.frames, *settings.shape, 2), np.float32)
    frames = np.empty((settings.frames, *settings.shape), np.uint8)

    def undo(part: range) -> None:
        guess: Field | None = None
        for t in part:
            guess = invert(padded[t], guess)
            back[t] = guess[inner]

    def scan(t: int) -> None:
        frames[t] = scanner.frame(t)

    # Fixed parts, whatever the number of workers, so that the same settings give the same bytes.
    middle = settings.frames // 2
    with ThreadPoolExecutor(_WORKERS) as pool:
        for _ in pool.map(undo, (range(middle), range(middle, settings.frames))):
            pass
        for _ in pool.map(scan, range(settings.frames)):
            stage.advance()

    masks = _masks(atlas, pixels[inner], back, spacing)
    masks[:, ~display.sector] = Label.BACKGROUND
    displacement = np.ascontiguousarray(padded[:, _PAD:-_PAD, _PAD:-_PAD])
    fractions = tuple(100 * (1 - volumes[s] / volumes[d]) for d, s in zip(ed, es, strict=False))
    if settings.overlays:
        frames = burn_in(frames, times, rhythm.onsets, settings)
    heart_rate = 60.0 / float(np.mean(np.diff(rhythm.onsets[1:-1]))) if len(rhythm.onsets) > 3 else settings.heart_rate
    return PhantomClip(
        sequence=EchoSequence(
            frames=frames,
            times=times,
            spacing=(spacing, spacing),
            view=settings.view,
            source=ClipSource(
                name=f"phantom-{settings.view.value}-{settings.seed}",
                format="simulated",
                heart_rate=heart_rate,
                ed_frame=ed[0],
                es_frame=es[0] if es else None,
            ),
        ),
        masks=masks,
        displacement=displacement,
        pull_back=back,
        volumes_ml=volumes,
        ejection_fraction=float(np.mean(fractions)) if fractions else settings.ejection_fraction,
        ed_frames=ed,
        es_frames=es,
        landmarks=_landmarks(anatomy, course, settings.shape, spacing),
        sector=display.sector,
        settings=settings,
        beat_ejection_fractions=fractions,
    )


def _machine(settings: PhantomSettings, rng: np.random.Generator) -> Acoustics:
    """The quality's machine with the spread that hands at the knobs make."""
    if settings.acoustics is not None:
        return settings.acoustics
    base = QUALITIES[settings.quality]
    return replace(
        base,
        dynamic_range=base.dynamic_range + rng.uniform(-6, 8),
        gain=base.gain + rng.uniform(-3, 5),
        gamma=base.gamma * rng.uniform(0.85, 1.3),
        noise=base.noise + rng.uniform(-4, 3),
        haze=base.haze + rng.uniform(-5, 4),
        near_field=base.near_field + rng.uniform(-4, 4),
        dropout=float(np.clip(base.dropout + rng.uniform(-0.25, 0.25), 0, 1)),
        beam_width=base.beam_width * rng.uniform(0.85, 1.2),
        pulse_length=base.pulse_length * rng.uniform(0.85, 1.2),
    )


def _pixel_grid(anatomy: Anatomy, shape: tuple[int, int]) -> tuple[Points, float]:
    """Image mm (H + 2 pad, W + 2 pad, 2) of the pixel centres, and mm per pixel; the sector fills the image."""
    rows, columns = shape
    spacing = max(anatomy.depth / (rows - 4), 2 * anatomy.depth * np.sin(anatomy.half_angle) / (columns - 2))
    x, y = np.meshgrid(np.arange(-_PAD, columns + _PAD), np.arange(-_PAD, rows + _PAD))
    return np.stack([(x - (columns - 1) / 2) * spacing, (y - 1.5) * spacing], -1), float(spacing)


def _carried(anatomy: Anatomy, course: NDArray[np.float64], points: Points) -> Points:
    """(T, N, 2) mm: where tissue at ``points`` (N, 2) of the reference frame is in every frame."""
    return points + np.tensordot(course, modes(anatomy, points), 1)


def _volumes(anatomy: Anatomy, course: NDArray[np.float64]) -> NDArray[np.float64]:
    outline = _carried(anatomy, course, anatomy.outline("lv"))
    axis = _long_axis(anatomy, course)
    return disc_volumes(outline, axis[:, 1], axis[:, 0])


def _long_axis(anatomy: Anatomy, course: NDArray[np.float64]) -> Points:
    """(T, 2, 2) mm: the middle of the annulus and the contour's point farthest from it."""
    base = _carried(anatomy, course, anatomy.to_image(anatomy.hinges)).mean(1)
    outline = _carried(anatomy, course, anatomy.outline("lv"))
    farthest = np.linalg.norm(outline - base[:, None], axis=-1).argmax(1)
    return np.stack([base, outline[np.arange(len(base)), farthest]], 1)


def _phases(
    rhythm: Rhythm, volumes: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """ED frames nearest to the beats' onsets, and ES frames of least volume in each beat that reaches ES."""
    last = len(times) - 1
    step = times[1] - times[0]
    ed, es = [], []
    for k in range(1, len(rhythm.onsets)):
        frame = round(rhythm.onsets[k] / step)
        if frame > last:
            break
        ed.append(frame)
        if k < len(rhythm.strokes) + 0 and round(rhythm.end_systole(k) / step) <= last:
            stop = min(last, round(rhythm.onsets[k + 1] / step))
            es.append(frame + int(np.argmin(volumes[frame : stop + 1])))
    return tuple(ed), tuple(es)


def _solve(
    anatomy: Anatomy,
    course: NDArray[np.float64],
    rhythm: Rhythm,
    state: NDArray[np.float64],
    settings: PhantomSettings,
) -> NDArray[np.float64]:
    """Scale the contraction so that the mean EF of the clip's beats is the one asked for."""
    times = np.arange(settings.frames) / settings.frame_rate

    def scaled(amplitude: float) -> NDArray[np.float64]:
        result = course.copy()
        result[:, :2] *= amplitude
        return result

    def excess(amplitude: float) -> float:
        trial = scaled(amplitude)
        volumes = _volumes(anatomy, trial)
        ed, es = _phases(rhythm, volumes, times)
        if es:
            fraction = float(np.mean([1 - volumes[s] / volumes[d] for d, s in zip(ed, es, strict=False)]))
        else:  # the clip ends before an end-systole: meet the EF where it would have come
            nominal = np.zeros((2, course.shape[1]))
            nominal[1, :2] = amplitude
            full, empty = _volumes(anatomy, nominal)
            fraction = 1 - empty / full
        return 100 * fraction - settings.ejection_fraction

    return scaled(float(brentq(excess, 0.0, 0.75, xtol=1e-4)))


class _Scanner:
    """Forms the frames; everything that lasts through the clip is drawn once."""

    def __init__(
        self,
        anatomy: Anatomy,
        atlas: Atlas,
        probe: Probe,
        display: Display,
        course: NDArray[np.float64],
        valve: NDArray[np.float64],
        times: NDArray[np.float64],
        seed: np.random.SeedSequence,
    ) -> None:
        own, *self._seeds = seed.spawn(len(times) + 1)
        rng = np.random.default_rng(own)
        self._anatomy, self._probe, self._display = anatomy, probe, display
        self._course, self._valve = course.astype(np.float32), valve
        self._scatterers = draw_scatterers(atlas, anatomy, _SCATTERERS, rng)
        points = self._scatterers.points.astype(np.float64)
        self._modes = modes(anatomy, points).astype(np.float32).reshape(course.shape[1], -1)
        self._leaflet, self._place = draw_leaflets(anatomy, _LEAFLET_SCATTERERS, rng)
        strength = leaflet_strength(self._leaflet, self._place, rng)
        self._leaflet_strength = strength
        # Speckle decorrelates in two ways: by itself, and by motion through the plane, which comes back.
        drift = probe.machine.decorrelation * 50 * times
        self._drift, self._through = drift.astype(np.float32), (course[:, 0] * 6).astype(np.float32)
        count = len(points)
        self._rates = rng.standard_normal((2, count), np.float32)
        self._leaflet_phase = rng.uniform(0, 2 * np.pi, _LEAFLET_SCATTERERS).astype(np.float32)
        gains = np.interp(
            times, np.arange(0, times[-1] + 0.4, 0.2), rng.normal(0, 0.5, len(np.arange(0, times[-1] + 0.4, 0.2)))
        )
        self._gain = gains
        self._mix = 0.25 * drift

    def frame(self, t: int) -> NDArray[np.uint8]:
        """Frame ``t`` (H, W); independent of the order in which frames are asked for."""
        rng = np.random.default_rng(self._seeds[t])
        tissue = self._scatterers
        points = tissue.points + (self._course[t] @ self._modes).reshape(-1, 2)
        phase = tissue.phase + self._drift[t] * self._rates[0] + self._through[t] * self._rates[1]
        valve = leaflet_points(self._anatomy, self._leaflet, self._place, float(self._valve[t]))
        valve = valve + np.tensordot(self._course[t], modes(self._anatomy, valve), 1)
        envelope = form_envelope(
            self._probe,
            np.concatenate([points, valve.astype(np.float32)]),
            np.concatenate([tissue.strength, self._leaflet_strength]),
            np.concatenate([phase, self._leaflet_phase]),
            float(self._mix[t]),
            rng,
        )
        return compress(envelope, self._probe, self._display, float(self._gain[t]))


def _masks(atlas: Atlas, pixels: Points, back: Field, spacing: float) -> NDArray[np.uint8]:
    """Labels (T, H, W): the reference outlines seen through the pull-back."""
    masks = np.zeros(back.shape[:3], np.uint8)
    grid = pixels.astype(np.float32)
    for t, field in enumerate(back):
        place = grid + field * np.float32(spacing)
        lv, epi, la = (atlas.sample(atlas.distances[name], place) for name in ("lv", "epicardium", "la"))
        masks[t][la < 0] = Label.LA
        masks[t][epi < 0] = Label.MYOCARDIUM
        masks[t][lv < 0] = Label.LV
    return masks


def _landmarks(
    anatomy: Anatomy, course: NDArray[np.float64], shape: tuple[int, int], spacing: float
) -> dict[str, NDArray[np.float32]]:
    def pixels(points: Points) -> NDArray[np.float32]:
        offset = np.array([(shape[1] - 1) / 2, 1.5])
        return np.asarray(points / spacing + offset, np.float32)

    marks = {
        "mitral_annulus": pixels(_carried(anatomy, course, anatomy.to_image(anatomy.valve))),
        "long_axis": pixels(_long_axis(anatomy, course)),
    }
    if anatomy.view is View.PLAX:
        level = 0.72 * anatomy.length
        crossings = {name: _crossings(anatomy.outlines[name], level) for name in ("lv", "epicardium")}
        (near_endo, far_endo), (near_epi, far_epi) = crossings["lv"], crossings["epicardium"]
        ends = {"IVS": (near_epi, near_endo), "LVID": (near_endo, far_endo), "LVPW": (far_endo, far_epi)}
        for name, (near, far) in ends.items():
            pair = anatomy.to_image(np.array([[level, near], [level, far]]))
            marks[name] = pixels(_carried(anatomy, course, pair))
    return marks


def _crossings(outline: Points, level: float) -> tuple[float, float]:
    """Least and largest x at which a closed outline (z, x) crosses z = level."""
    after = np.roll(outline, -1, 0)
    cross = (outline[:, 0] <= level) != (after[:, 0] <= level)
    a, b = outline[cross], after[cross]
    x = a[:, 1] + (level - a[:, 0]) / (b[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    return float(x.min()), float(x.max())
