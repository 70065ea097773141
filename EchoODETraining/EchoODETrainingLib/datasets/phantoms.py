"""Simulated frames with exact masks, to mix into real ones or to try a recipe without any data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from EchoODELib.engine.phantom import QUALITIES, PhantomSettings, simulate
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sequence import View

from .frames import LabelledFrame

_VIEWS = (View.A4C, View.A2C)


def simulate_frames(
    clips: int, *, frames: int = 12, size: int = 256, seed: int = 0, monitor: Monitor | None = None
) -> list[LabelledFrame]:
    """``clips`` x ``frames`` frames over one beat: A4C and A2C in turn, every quality, EF 20 to 75 %, varied hearts.

    Raises
    ------
    RunCancelled: the monitor was cancelled.
    """
    random = np.random.default_rng(seed)
    qualities = list(QUALITIES)
    stage = (monitor or Monitor()).stage("Simulating", clips)
    found = []
    for index in range(clips):
        clip = simulate(
            PhantomSettings(
                view=_VIEWS[index % len(_VIEWS)],
                frames=frames,
                frame_rate=20.0,
                size=size,
                ejection_fraction=float(random.uniform(20, 75)),
                quality=qualities[int(random.integers(len(qualities)))],
                seed=seed * 100_000 + index,
            )
        )
        spacing = clip.sequence.spacing
        found += [
            LabelledFrame(f"phantom{seed}_{index:04d}_{k:02d}", image, mask, clip.sector, spacing)
            for k, (image, mask) in enumerate(zip(clip.sequence.frames, clip.masks, strict=True))
        ]
        stage.advance()
    return found


def cached_frames(folder: Path, clips: int, *, frames: int = 12, size: int = 256, seed: int = 0) -> list[LabelledFrame]:
    """As :func:`simulate_frames`, kept in ``folder`` for the next run with the same numbers."""
    path = folder / f"phantoms-{clips}x{frames}-{size}-{seed}.npz"
    if path.exists():
        with np.load(path, allow_pickle=False) as kept:
            return [
                LabelledFrame(str(name), image, mask, sector, (float(spacing[0]), float(spacing[1])))
                for name, image, mask, sector, spacing in zip(
                    *(kept[key] for key in ("names", "images", "masks", "sectors", "spacings")), strict=True
                )
            ]
    made = simulate_frames(clips, frames=frames, size=size, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        names=np.array([f.name for f in made]),
        images=np.stack([f.image for f in made]),
        masks=np.stack([f.mask for f in made]),
        sectors=np.stack([f.sector for f in made]),
        spacings=np.array([f.spacing for f in made]),
    )
    return made
