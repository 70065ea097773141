"""From scatterers to a gray image: a point spread function in polar space, noise, gain, compression.

The image is formed as a scanner forms it, at baseband: each scatterer adds its amplitude with the phase
of its two-way path, the field is convolved with an axial pulse and with a lateral beam whose width
depends on depth, and the envelope is compressed and scan-converted (Cobbold, Foundations of Biomedical
Ultrasound, 2007, ch. 8). Noise, haze and clutter join at baseband, so they have speckle too.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from .anatomy import Anatomy
from .settings import Acoustics

Image = NDArray[np.float32]
_LINES = 160
_SAMPLES = 512
_PADDED = 192  # lines with a margin, so that the lateral convolution does not wrap around
_WAVELENGTH = 0.85  # mm


@dataclass(frozen=True)
class Probe:
    """A machine state over one sector; see :func:`make_probe`.

    Attributes
    ----------
    half_angle: radian. depth: mm.
    machine: the acoustics.
    beam: (_SAMPLES, _PADDED) complex64, spectrum of the lateral response at each depth.
    shade: (_SAMPLES, _LINES) amplitude factor of the path to each place (attenuation, shadows).
    clutter: (_SAMPLES, _LINES) complex64, what the near field adds to every frame.
    haze: (3, _SAMPLES, _LINES) complex64, slowly mixing reverberation.
    noise: (_SAMPLES, 1) standard deviation of electronic noise.
    """

    half_angle: float
    depth: float
    machine: Acoustics
    beam: NDArray[np.complex64]
    shade: Image
    clutter: NDArray[np.complex64]
    haze: NDArray[np.complex64]
    noise: Image

    @property
    def step(self) -> float:
        """mm between samples along a line."""
        return self.depth / _SAMPLES


def _db(level: float | Image) -> Image:
    return np.asarray(10 ** (np.asarray(level, np.float32) / 20), np.float32)


def _complex_noise(rng: np.random.Generator, *shape: int) -> NDArray[np.complex64]:
    pairs = rng.standard_normal((*shape, 2), np.float32) * np.float32(np.sqrt(0.5))
    return np.asarray(pairs.view(np.complex64)[..., 0])


def make_probe(anatomy: Anatomy, machine: Acoustics, rng: np.random.Generator) -> Probe:
    """Set the machine up: beam profiles, shadows and the static part of the clutter, drawn from ``rng``."""
    half, depth = anatomy.half_angle, anatomy.depth
    radius = ((np.arange(_SAMPLES) + 0.5) * depth / _SAMPLES).astype(np.float32)
    angle = (-half + (np.arange(_LINES, dtype=np.float32) + 0.5) * 2 * half / _LINES).astype(np.float32)
    return Probe(
        half_angle=half,
        depth=depth,
        machine=machine,
        beam=_beam(radius, 2 * half / _LINES, depth, machine, rng),
        shade=_shade(radius, angle, half, machine, rng),
        clutter=_near_field(radius, machine, rng),
        haze=_haze(radius, depth, machine, rng),
        noise=_db(machine.noise + 7 * (radius / depth - 0.5))[:, None],
    )


def _beam(
    radius: Image, step: float, depth: float, machine: Acoustics, rng: np.random.Generator
) -> NDArray[np.complex64]:
    focus = rng.uniform(0.5, 0.7) * depth
    spread = np.sqrt(1 + (9.0 / radius) ** 2 + (0.9 * np.maximum(radius / focus - 1, 0)) ** 2)
    sigma = np.minimum(np.deg2rad(machine.beam_width) * spread, 0.15)[:, None]
    # Angles of a line's neighbours, in the order that the FFT wants them.
    apart = np.fft.fftfreq(_PADDED, 1.0 / _PADDED)[None] * step
    main = np.exp(-0.5 * (apart / sigma) ** 2)
    # Side lobes: a skirt that falls off slowly, with the alternating sign of a real aperture's lobes.
    skirt = np.cos(np.pi * apart / (3.2 * sigma)) / (1 + (apart / (4 * sigma)) ** 2)
    profile = main + float(_db(machine.side_lobes)) * skirt * (1 - main)
    profile /= np.sqrt((main**2).sum(1, keepdims=True))
    return np.asarray(np.fft.fft(profile), np.complex64)


def _shade(radius: Image, angle: Image, half: float, machine: Acoustics, rng: np.random.Generator) -> Image:
    """Amplitude that reaches each place: residual attenuation, shadows from ribs and lung, uneven gain."""
    side = angle / half
    ripple = np.interp(angle, np.linspace(-half, half, 9), rng.normal(0, 1.5, 9))
    shadow = np.zeros_like(angle)
    for at, width in ((rng.uniform(0.6, 1.0), 0.22), (-rng.uniform(0.7, 1.05), 0.18), (rng.uniform(-1, 1), 0.08)):
        shadow += rng.uniform(0.2, 1.0) * np.exp(-(((side - at) / width) ** 2))
    # The lateral wall, parallel to the beam, loses most.
    lateral = rng.uniform(0.3, 1.0) * np.exp(-(((side - rng.uniform(0.3, 0.6)) / 0.28) ** 2))
    onset = 1 / (1 + np.exp(-(radius - rng.uniform(15, 45)) / 6))
    along = machine.contrast - machine.attenuation * np.maximum(radius - 0.55 * radius[-1], 0) / 10
    along = along + np.interp(radius, np.linspace(0, radius[-1], 6), rng.normal(0, 1.5, 6))
    loss = -machine.dropout * (14 * shadow + 9 * lateral) + ripple
    return _db((along[:, None] + onset[:, None] * loss[None, :]).astype(np.float32))


def _near_field(radius: Image, machine: Acoustics, rng: np.random.Generator) -> NDArray[np.complex64]:
    rings = 4 * np.sin(radius / rng.uniform(0.9, 1.6) + rng.uniform(0, 6))
    level = machine.near_field + rings - 26 * np.clip(radius / rng.uniform(22, 36), 0, 2) ** 1.3
    broad = cv2.GaussianBlur(
        _complex_noise(rng, _SAMPLES, _LINES).view(np.float32).reshape(_SAMPLES, _LINES, 2), (9, 1), 3
    )
    field = np.ascontiguousarray(broad * 3).view(np.complex64)[..., 0]
    return np.asarray(field * _db(level)[:, None], np.complex64)


def _haze(radius: Image, depth: float, machine: Acoustics, rng: np.random.Generator) -> NDArray[np.complex64]:
    blotches = cv2.resize(
        rng.normal(0, 3.0, (7, 6)).astype(np.float32), (_LINES, _SAMPLES), interpolation=cv2.INTER_CUBIC
    )
    profile = -5 * np.clip((radius / depth - 0.3) / 0.5, -0.6, 1)
    # Behind the base many machines show a fog that hides the atria.
    fog = rng.uniform(-4, 24) * np.clip((radius / depth - rng.uniform(0.48, 0.68)) / 0.25, 0, 1)
    return np.asarray(
        _complex_noise(rng, 3, _SAMPLES, _LINES) * _db(machine.haze + (profile + fog)[:, None] + blotches)
    )


def form_envelope(
    probe: Probe, points: Image, strength: Image, phase: Image, mix: float, rng: np.random.Generator
) -> Image:
    """Envelope (_SAMPLES, _LINES) of scatterers at ``points`` (N, 2) mm.

    ``mix`` (radian) turns the haze over; ``rng`` draws the electronic noise of this frame.
    """
    radius = np.hypot(points[:, 0], points[:, 1])
    angle = np.arctan2(points[:, 0], points[:, 1])
    row = (radius / np.float32(probe.step)).astype(np.int32)
    column = np.floor((angle + np.float32(probe.half_angle)) * np.float32(_LINES / (2 * probe.half_angle))).astype(
        np.int32
    )
    inside = (row >= 0) & (row < _SAMPLES) & (column >= 0) & (column < _LINES)
    cell = row * _LINES + column
    cell = np.where(inside, cell, 0)
    path = phase + np.float32(4 * np.pi / _WAVELENGTH) * radius
    weight = strength * inside
    field = np.empty((_SAMPLES * _LINES, 2), np.float32)
    field[:, 0] = np.bincount(cell, weight * np.cos(path), _SAMPLES * _LINES)
    field[:, 1] = np.bincount(cell, weight * np.sin(path), _SAMPLES * _LINES)
    echo = field.view(np.complex64)[:, 0].reshape(_SAMPLES, _LINES) * probe.shade
    echo += probe.clutter
    turns = np.array([np.cos(mix), np.sin(mix) * np.cos(0.37 * mix), np.sin(mix) * np.sin(0.37 * mix)], np.complex64)
    for turn, haze in zip(turns, probe.haze, strict=True):
        echo += turn * haze
    spectrum = scipy.fft.fft(echo, _PADDED, axis=1)
    spectrum *= probe.beam
    beamed = scipy.fft.ifft(spectrum, axis=1, overwrite_x=True)[:, :_LINES]
    beamed += _complex_noise(rng, _SAMPLES, _LINES) * probe.noise
    pulse = max(probe.machine.pulse_length / probe.step, 0.5)
    pair = np.ascontiguousarray(beamed).view(np.float32).reshape(_SAMPLES, _LINES, 2)
    echoes = cv2.GaussianBlur(pair, (1, int(6 * pulse) | 1), sigmaX=0.01, sigmaY=pulse)
    return np.asarray(np.hypot(echoes[..., 0], echoes[..., 1]) * np.float32(np.sqrt(2 * pulse)))


@dataclass(frozen=True)
class Display:
    """Scan conversion from the polar grid to pixels.

    Attributes
    ----------
    sector: (H, W) bool.
    columns, rows: (H, W) float32, where each pixel lies in the polar image.
    """

    sector: NDArray[np.bool_]
    columns: Image
    rows: Image


def make_display(probe: Probe, pixels: NDArray[np.floating]) -> Display:
    """Lay the sector over ``pixels`` (H, W, 2), image mm of every pixel."""
    radius = np.linalg.norm(pixels, axis=-1)
    angle = np.arctan2(pixels[..., 0], pixels[..., 1])
    sector = (radius > 1.0) & (radius < probe.depth) & (np.abs(angle) < probe.half_angle)
    columns = (angle + probe.half_angle) * _LINES / (2 * probe.half_angle) - 0.5
    rows = radius / probe.step - 0.5
    return Display(sector, columns.astype(np.float32), rows.astype(np.float32))


def _smooth(image: Image, probe: Probe, sigma: float) -> Image:
    """Gaussian of ``sigma`` mm along depth and as many half degrees across."""
    lines = np.deg2rad(0.75 * sigma) * _LINES / (2 * probe.half_angle)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigmaX=max(lines, 0.1), sigmaY=max(sigma / probe.step, 0.1)))


def compress(envelope: Image, probe: Probe, display: Display, gain: float) -> NDArray[np.uint8]:
    """Gray image (H, W) of an envelope: logarithm, gain (dB), dynamic range, gray map, scan conversion."""
    machine = probe.machine
    # Speckle reduction: machines average looks (frequency, angle) before compression and smooth after it.
    envelope = _smooth(envelope, probe, 0.55 * machine.smoothing)
    level = 20 * np.log10(envelope + np.float32(1e-6)) + np.float32(machine.gain + gain)
    gray = np.clip(1 + level / np.float32(machine.dynamic_range), 0, 1) ** np.float32(machine.gamma)
    gray = _smooth(gray.astype(np.float32), probe, machine.smoothing)
    image = cv2.remap(gray, display.columns, display.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.where(display.sector, np.rint(255 * image), 0), np.uint8)
