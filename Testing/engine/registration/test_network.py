"""The paper's network: its layers, its flow, and quick fits with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from EchoODELib.engine.errors import RunCancelled
from EchoODELib.engine.progress import Monitor, Progress
from EchoODELib.engine.registration.flow import compose
from EchoODELib.engine.registration.legs import Leg
from EchoODELib.engine.registration.network import VelocityNetwork, encode_time
from EchoODELib.engine.registration.network_fit import NetworkFlows
from EchoODELib.engine.registration.propagate import propagate
from EchoODELib.engine.registration.settings import NetworkSettings, RegistrationSettings

from .conftest import KnownMotion, dice


def small(steps: int = 60, size: int = 48, **network: object) -> RegistrationSettings:
    paper = RegistrationSettings.paper(size)
    return replace(paper, network=replace(paper.network, steps=steps, **network))


def test_the_preset_is_as_published() -> None:
    paper = RegistrationSettings.paper()
    assert (paper.network.encoder, paper.network.decoder) == ((16, 32, 32, 32), (32, 32, 32, 32, 32, 16, 16))
    assert (paper.network.rate, paper.network.steps) == (0.01, 1000)
    assert (paper.network.solver, paper.network.step) == ("euler", 0.1)
    network = VelocityNetwork(3, paper.network)
    assert [layer.out_channels for layer in network.encoder] == [16, 32, 32, 32]
    assert [layer.out_channels for layer in network.decoder] == [32, 32, 32, 32, 32, 16, 16]


@pytest.mark.parametrize("size", [48, 50, 112])
def test_velocities_start_near_rest_and_know_the_time(size: int) -> None:
    torch.manual_seed(0)
    network = VelocityNetwork(2, NetworkSettings())
    frames, mask = torch.rand(1, 1, size, size).expand(3, -1, -1, -1), torch.rand(1, 2, size, size)
    velocities = network(frames, mask, torch.tensor([0.0, 0.5, 0.9]))
    assert velocities.shape == (3, 2, size, size)
    assert velocities.abs().max() < 0.01
    assert not torch.allclose(velocities[0], velocities[1])
    other = network(frames, 1 - mask, torch.tensor([0.0, 0.5, 0.9]))
    assert not torch.allclose(velocities, other)


def test_the_encoding_tells_times_apart() -> None:
    codes = encode_time(torch.linspace(0, 1, 11), 32)
    assert codes.shape == (11, 32)
    assert torch.cdist(codes, codes).add(torch.eye(11) * 9).min() > 0.5
    torch.testing.assert_close(codes.square().sum(1), torch.full((11,), 16.0))


@pytest.mark.parametrize("eulerian", [True, False])
@pytest.mark.parametrize("solver", ["euler", "rk4", "dopri5"])
def test_flow_and_inverse_compose_to_rest(solver: str, eulerian: bool) -> None:
    settings = NetworkSettings(size=40, solver=solver, eulerian=eulerian)
    noise = torch.randn(11, 2, 3, 3, generator=torch.Generator().manual_seed(1)) * 0.12
    velocities = torch.nn.functional.pad(noise, (2, 2, 2, 2))
    velocities = torch.nn.functional.interpolate(velocities, (40, 40), mode="bicubic", align_corners=False)
    flows = NetworkFlows((Leg(0, (1, 2, 3, 4)),), (velocities,), settings)
    with torch.no_grad():
        to, out = flows.fields(0, (60, 60))
        ends = flows.ends((60, 60))
    assert to.shape == out.shape == (4, 2, 60, 60)
    torch.testing.assert_close(ends[0], to[-1], atol=0.02, rtol=0)
    assert to[-1].abs().max() > 0.05
    assert (compose(to, out) * 30).abs().max() < 0.3
    assert 0 < flows.gradient_bound < 1


@pytest.mark.parametrize(
    "network", [{}, {"eulerian": False, "mixed": True}, {"solver": "midpoint", "step": 0.25}], ids=str
)
def test_a_quick_fit_follows_a_contraction(a_contraction: KnownMotion, network: dict) -> None:
    guide = a_contraction.carried(6)
    found = propagate(a_contraction.sequence, a_contraction.mask, guides={6: guide}, settings=small(30, **network))
    still = dice(a_contraction.mask, a_contraction.carried(4))
    assert dice(found.masks[4], a_contraction.carried(4)) > max(0.93, still + 0.05)
    np.testing.assert_array_equal(found.masks[6], guide)
    assert found.provenance.settings["method"] == "network"
    assert found.provenance.quality["folds"] == 0
    assert found.provenance.quality["inverse_residual_px"] < 0.5


def test_the_network_serves_beats_and_both_directions(a_shift: KnownMotion) -> None:
    settings = small(4, 32, rate=0.003)
    found = propagate(a_shift.sequence, a_shift.mask, ed_frame=2, ed_frames=(2, 6), es_frames=(4,), settings=settings)
    assert all(mask.any() for mask in found.masks)
    again = propagate(a_shift.sequence, a_shift.mask, ed_frame=2, ed_frames=(2, 6), es_frames=(4,), settings=settings)
    np.testing.assert_array_equal(found.pull_back, again.pull_back)
    other = replace(settings, seed=1)
    differs = propagate(a_shift.sequence, a_shift.mask, ed_frame=2, ed_frames=(2, 6), es_frames=(4,), settings=other)
    assert not np.array_equal(found.pull_back, differs.pull_back)


def test_every_weight_counts(a_contraction: KnownMotion) -> None:
    """A setting that changes nothing would be a setting ignored."""
    guides = {6: a_contraction.carried(6)}
    base = small(5, 32, rate=0.003)

    def motion(settings: RegistrationSettings) -> np.ndarray:
        found = propagate(a_contraction.sequence, a_contraction.mask, guides=guides, settings=settings)
        return found.pull_back

    plain = motion(base)
    assert plain.any()
    for name in ("similarity", "segmentation", "ejection_fraction", "smoothness"):
        weights = {name: 50 * getattr(base.weights, name)}
        assert not np.array_equal(motion(base.with_weights(**weights)), plain), name
    for name, value in {"rate": 0.005, "blur": 12.0, "hidden": 4, "encoding": 8, "step": 0.2}.items():
        other = replace(base, network=replace(base.network, **{name: value}))
        assert not np.array_equal(motion(other), plain), name


def test_progress_counts_steps_and_a_cancel_stops_them(a_shift: KnownMotion) -> None:
    seen: list[Progress] = []
    propagate(a_shift.sequence, a_shift.mask, settings=small(5), monitor=Monitor(seen.append))
    assert seen[-1].done == seen[-1].total == 5 + 7
    monitor = Monitor()
    monitor.report = lambda progress: monitor.cancel() if progress.done == 2 else None
    with pytest.raises(RunCancelled):
        propagate(a_shift.sequence, a_shift.mask, settings=small(500), monitor=monitor)
