"""Recordings for networks of whole clips: kept as files, black outside the sector, and shown as clips of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from EchoODELib.engine.clips_over_time import ClipUse
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.sector import Sector
from EchoODELib.engine.sequence import EchoSequence, View
from EchoODETrainingLib.augment import Augmentation
from EchoODETrainingLib.clip_sampler import ClipSampler
from EchoODETrainingLib.datasets.recordings import Recordings, as_recording

from training.standins import Beating, a_clip


@pytest.fixture
def a_cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


# --- recordings


def test_a_recording_is_decoded_once_and_mapped(a_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner, reads = Beating(), []
    plain = inner.read
    monkeypatch.setattr(inner, "read", lambda entry: reads.append(entry) or plain(entry))
    data = Recordings(inner, a_cache, options={}, longest=64)
    entry = data.entries("train")[2]
    first, again = data.load(entry), Recordings(inner, a_cache, options={}, longest=64).load(entry)
    assert len(reads) == 1
    clip = inner.load(entry)
    assert isinstance(again.frames, np.memmap)
    assert again.nbytes == 0
    np.testing.assert_array_equal(again.frames, clip.frames)
    np.testing.assert_array_equal(again.times, clip.times)
    assert (again.ejection_fraction, again.infarction, again.view) == (30.0, True, View.A4C)
    assert (first.name, again.patient, again.spacing) == (clip.name, clip.patient, clip.spacing)
    assert (data.kind, data.skipped is inner.skipped) == ("beating", True)


def test_a_damaged_file_is_made_again_and_other_settings_never_meet(a_cache: Path) -> None:
    data = Recordings(Beating(), a_cache, options={}, longest=64)
    entry = data.entries("train")[0]
    whole = np.array(data.load(entry).frames)
    for ending in ("npy", "npz"):
        (file,) = a_cache.glob(f"*.{ending}")
        file.write_bytes(file.read_bytes()[:100])
        np.testing.assert_array_equal(data.load(entry).frames, whole)
    Recordings(Beating(), a_cache, options={"other": 1}, longest=64).load(entry)
    small = Recordings(Beating(), a_cache, options={}, longest=22).load(entry)
    assert small.frames.shape == (12, 20, 22)
    assert small.spacing == (2.0, 2.0)
    assert len(list(a_cache.glob("*.npz"))) == 3


def test_what_lies_outside_the_sector_is_black() -> None:
    clip = a_clip(frames=3)
    sector = clip.sector.copy()
    sector[:10], sector[:, 30:] = False, False
    cut = as_recording(replace(clip, sector=sector), 64)
    assert cut.frames.shape == (3, 30, 30)
    sector[20, 5] = False
    cut = as_recording(replace(clip, sector=sector), 64)
    assert not cut.frames[:, 10, 5].any()
    assert cut.frames[:, 10, 6].all()


def test_what_is_not_known_is_not_learned_from() -> None:
    recording = as_recording(a_clip(), 64)
    with pytest.raises(UnsuitableClip, match="ejection fraction is not known"):
        recording.wanted("ejection_fraction")
    with pytest.raises(UnsuitableClip, match="infarction is not known"):
        recording.wanted("infarction")
    assert replace(recording, infarction=False).wanted("infarction") == 0.0


# --- examples


def test_an_example_shows_two_clips_of_a_recording() -> None:
    recording = replace(as_recording(a_clip(frames=30), 64), ejection_fraction=61.0)
    sampler = ClipSampler((32, 40), ClipUse(5, 3), "ejection_fraction", augmentation=Augmentation(elastic=0))
    one, again, other = (sampler(recording, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one["clips"].shape == (2, 5, 1, 32, 40)
    assert one["wanted"].tolist() == [61.0]
    assert torch.equal(one["clips"], again["clips"])
    assert not torch.equal(one["clips"][0], one["clips"][1])
    assert not torch.equal(one["clips"], other["clips"])
    still = ClipSampler((32, 40), ClipUse(5, 3), "ejection_fraction", own_starts=False)
    first, second = still(recording, np.random.default_rng(1))["clips"]
    assert torch.equal(first, second)


def test_clips_for_judging_are_those_at_use() -> None:
    clip = a_clip(frames=40)
    use = ClipUse(6, 3)
    sampler = ClipSampler((32, 32), use, "ejection_fraction")
    found = sampler.at_use(as_recording(clip, 64))
    assert found.shape == (3, 6, 32, 32)
    network = EfEstimator.__new__(EfEstimator)
    network.use, network.card = use, type("Card", (), {"input_size": (32, 32)})
    sequence = EchoSequence(clip.frames, clip.times, clip.spacing, View.A4C)
    at_use = network.cut(sequence, Sector.of(clip.sector))
    for one, other in zip(found, at_use, strict=True):
        np.testing.assert_allclose(one, other.images, atol=0.15)  # standardised over the clip, and over the recording


@pytest.mark.parametrize("use", [ClipUse(5, 9), ClipUse(16, whole=True), ClipUse(5, interval=0.1)])
def test_short_recordings_are_shown_black_or_whole(use: ClipUse) -> None:
    sampler = ClipSampler((32, 32), use, "ejection_fraction")
    found = sampler.at_use(as_recording(a_clip(frames=8), 64))
    assert found.shape == (1, use.frames, 32, 32)
    assert np.isfinite(found).all()
    assert (np.ptp(found[0, -1]) == 0) == (not use.whole)
