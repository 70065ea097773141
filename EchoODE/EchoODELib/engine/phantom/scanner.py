"""Forms the frames of one clip; everything that lasts through the clip is drawn once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .acoustics import Display, Probe, compress, form_envelope
from .anatomy import Anatomy
from .motion import modes
from .tissue import Atlas, draw_leaflets, draw_scatterers, leaflet_points, leaflet_strength

_SCATTERERS = 90_000
_LEAFLET_SCATTERERS = 900


class Scanner:
    """Frames of a clip, each drawn from its own stream of chance, in any order and by any thread.

    ``course`` (T, modes) moves the tissue, ``valve`` (T,) opens the mitral valve, ``times`` (T,) are in s.
    """

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
        self._leaflet, self._place = draw_leaflets(_LEAFLET_SCATTERERS, rng)
        self._leaflet_strength = leaflet_strength(self._leaflet, self._place, rng)
        # Speckle decorrelates in two ways: by itself, and by motion through the plane, which comes back.
        drift = probe.machine.decorrelation * 50 * times
        self._drift, self._through = drift.astype(np.float32), (course[:, 0] * 6).astype(np.float32)
        count = len(points)
        self._rates = rng.standard_normal((2, count), np.float32)
        self._leaflet_phase = rng.uniform(0, 2 * np.pi, _LEAFLET_SCATTERERS).astype(np.float32)
        knots = np.arange(0, times[-1] + 0.4, 0.2)
        self._gain = np.interp(times, knots, rng.normal(0, 0.5, len(knots)))
        self._mix = 0.25 * drift

    def frame(self, t: int) -> NDArray[np.uint8]:
        """Frame ``t`` (H, W); independent of the order in which frames are asked for."""
        rng = np.random.default_rng(self._seeds[t])
        tissue = self._scatterers
        points = tissue.points + (np.einsum("k,kn->n", self._course[t], self._modes)).reshape(-1, 2)
        phase = tissue.phase + self._drift[t] * self._rates[0] + self._through[t] * self._rates[1]
        valve = leaflet_points(self._anatomy, self._leaflet, self._place, float(self._valve[t]))
        valve = valve + np.einsum("k,knc->nc", self._course[t], modes(self._anatomy, valve))
        envelope = form_envelope(
            self._probe,
            np.concatenate([points, valve.astype(np.float32)]),
            np.concatenate([tissue.strength, self._leaflet_strength]),
            np.concatenate([phase, self._leaflet_phase]),
            float(self._mix[t]),
            rng,
        )
        return compress(envelope, self._probe, self._display, float(self._gain[t]))
