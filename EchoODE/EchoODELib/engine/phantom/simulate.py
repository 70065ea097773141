"""The simulated examination: anatomy, motion, acoustics and the truth, put together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from ..progress import Monitor
from ..sequence import ClipSource, EchoSequence, Label
from .acoustics import make_display, make_probe
from .anatomy import Anatomy, Points, draw_anatomy
from .motion import Field, courses, displacement_field, invert, modes
from .overlays import burn_in
from .scanner import Scanner
from .settings import QUALITIES, Acoustics, PhantomClip, PhantomSettings
from .timing import make_rhythm
from .tissue import make_atlas
from .truth import landmarks, phases, reference_masks, solve_amplitude, volumes_ml

_PAD = 0.12  # of the image's side is added around it, so that fields are right up to its border
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
    late_state = rhythm.state(times, _LATE)
    course = courses(state, late_state, times, rhythm.first_frame, rngs[2])
    course = solve_amplitude(anatomy, course, rhythm, settings)

    pad = int(np.ceil(_PAD * max(settings.shape)))
    pixels, spacing = _pixel_grid(anatomy, settings.shape, pad)
    grid_modes = modes(anatomy, pixels).astype(np.float32) / np.float32(spacing)
    volumes = volumes_ml(anatomy, course)
    ed, es = phases(rhythm, volumes, times)
    stage = (monitor or Monitor()).stage("Simulating", settings.frames)

    atlas = make_atlas(anatomy, settings.shape[1] * spacing, rngs[3])
    inner = (slice(pad, -pad), slice(pad, -pad))
    probe = make_probe(anatomy, _machine(settings, rngs[4]), rngs[4])
    display = make_display(probe, pixels[inner])
    scanner = Scanner(anatomy, atlas, probe, display, course, rhythm.valve(times), times, streams[5])

    forward = np.empty((settings.frames, *settings.shape, 2), np.float32)
    back = np.empty((settings.frames, *settings.shape, 2), np.float32)
    frames = np.empty((settings.frames, *settings.shape), np.uint8)

    def undo(part: range) -> None:
        guess: Field | None = None
        for t in part:
            field = displacement_field(course[t], grid_modes)
            guess = invert(field, guess, pad)
            forward[t], back[t] = field[inner], guess[inner]

    def scan(t: int) -> None:
        frames[t] = scanner.frame(t)

    # Fixed parts, whatever the number of workers, so that the same settings give the same bytes.
    middle = settings.frames // 2
    with ThreadPoolExecutor(_WORKERS) as pool:
        for _ in pool.map(undo, (range(middle), range(middle, settings.frames))):
            pass
        for _ in pool.map(scan, range(settings.frames)):
            stage.advance()

    masks = reference_masks(atlas, pixels[inner], back, spacing)
    masks[:, ~display.sector] = Label.BACKGROUND
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
        displacement=forward,
        pull_back=back,
        volumes_ml=volumes,
        ejection_fraction=float(np.mean(fractions)) if fractions else settings.ejection_fraction,
        ed_frames=ed,
        es_frames=es,
        landmarks=landmarks(anatomy, course, settings.shape, spacing),
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


def _pixel_grid(anatomy: Anatomy, shape: tuple[int, int], pad: int) -> tuple[Points, float]:
    """Image mm (H + 2 pad, W + 2 pad, 2) of the pixel centres, and mm per pixel; the sector fills the image."""
    rows, columns = shape
    spacing = max(anatomy.depth / (rows - 4), 2 * anatomy.depth * np.sin(anatomy.half_angle) / (columns - 2))
    x, y = np.meshgrid(np.arange(-pad, columns + pad), np.arange(-pad, rows + pad))
    return np.stack([(x - (columns - 1) / 2) * spacing, (y - 1.5) * spacing], -1), float(spacing)
