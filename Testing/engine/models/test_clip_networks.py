"""Echo-ODE and its recurrent peers: published size, any time, any shape, and clips that don't see each other."""

import pytest
import torch
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.inference import fuse_normalisation
from EchoODELib.engine.models.ode import Solver

CLIP_NETWORKS = ("echo_ode", "echo_lstm", "conv_lstm")
TIMES = torch.linspace(0, 1, 4)


def a_network(name: str = "echo_ode", **configuration: object) -> torch.nn.Module:
    """With normalisations that have seen clips, so that signals keep their size."""
    torch.manual_seed(0)
    network = build_model(name, **{"width": 4} | configuration)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = None
    with torch.no_grad():
        network(some_clips(channels=configuration.get("in_channels", 1)), TIMES, TIMES)
    return network.eval()


def lively(network: torch.nn.Module) -> torch.nn.Module:
    """With larger derivatives than at birth, so that time matters."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "forward_ode" in name:
                parameter *= 3
    return network


def some_clips(batch: int = 2, *, frames: int = 4, channels: int = 1, size: tuple[int, int] = (32, 32)) -> torch.Tensor:
    return torch.randn(batch, frames, channels, *size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("name", "count"), [("echo_ode", 8_720_138), ("echo_lstm", 7_637_002), ("conv_lstm", 7_055_399)]
)
def test_the_published_configuration_has_the_published_number_of_parameters(name, count):
    network = build_model(name, in_channels=3, classes=7, width=32)
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize("name", CLIP_NETWORKS)
@pytest.mark.parametrize(
    ("configuration", "size"),
    [
        ({}, (32, 32)),
        ({"in_channels": 3, "classes": 7, "lines": 3}, (30, 41)),
        ({"stem_stride": 2, "hidden": 12, "normalisation": "group"}, (33, 17)),
        ({"normalisation": "none", "lines": 1}, (16, 24)),
    ],
)
def test_every_output_time_has_its_maps_at_the_size_of_the_frames(name, configuration, size):
    channels, classes = configuration.get("in_channels", 1), configuration.get("classes", 4)
    lines = configuration.get("lines", 0)
    output = a_network(name, **configuration)(some_clips(2, channels=channels, size=size), TIMES, torch.rand(2, 5))
    assert output.logits.shape == (2, 5, classes, *size)
    if name == "conv_lstm":
        assert output.reconstruction is None
    else:
        assert output.reconstruction.shape == (2, 5, channels, *size)
    if lines:
        assert output.heat_maps.shape == (2, 5, 2 * lines, *size)
        assert 0 <= output.heat_maps.min() <= output.heat_maps.max() <= 1
    else:
        assert output.heat_maps is None


ABLATIONS = [
    {"reconstruction": False, "skips": "none"},
    {"skips": "none"},
    {"skips": "frames"},
    {"skips": "both"},
    {"dynamics": False},
    {"latent_ode": False},
    {"latent_ode": False, "dynamics": False, "hidden": 10},
    {"derivative_width": 6, "solver": "euler", "steps": 2},
    {"sampled": False, "solver": "rk4", "steps": 1},
]


@pytest.mark.parametrize("configuration", [{}, *ABLATIONS])
def test_every_parameter_of_every_ablation_learns(configuration):
    network = a_network(**configuration).train()
    output = network(some_clips(), TIMES, torch.linspace(0, 1, 7))
    loss = output.logits.square().mean()
    if output.reconstruction is not None:
        loss = loss + output.reconstruction.square().mean()
    loss.backward()
    assert [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.parametrize("name", ["echo_lstm", "conv_lstm"])
def test_every_parameter_of_the_recurrent_peers_learns(name):
    network = a_network(name).train()
    output = network(some_clips(), TIMES, TIMES)
    loss = output.logits.square().mean()
    if output.reconstruction is not None:
        loss = loss + output.reconstruction.square().mean()
    loss.backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal up to what a sum in another order makes of single precision in some tens of layers."""
    torch.testing.assert_close(found, expected, atol=2e-3 * float(expected.detach().abs().max()), rtol=0)


@pytest.mark.parametrize("name", CLIP_NETWORKS)
def test_a_clip_does_not_see_its_neighbours_in_the_batch(name):
    network = lively(a_network(name))
    clips = some_clips(3)
    input_times = torch.stack((TIMES, TIMES**2, torch.tensor([0.1, 0.2, 0.25, 2.0])))
    output_times = torch.tensor([[0.0, 0.5, 1.0], [0.9, 0.3, 0.3], [1.7, 0.1, 0.2]])
    together = network(clips, input_times, output_times).logits
    changed = clips.clone()
    changed[1:] *= 30
    assert torch.equal(network(changed, input_times, output_times).logits[0], together[0])
    for index in range(3):
        one = slice(index, index + 1)
        assert_same(together[one], network(clips[one], input_times[one], output_times[one]).logits)


@pytest.mark.parametrize("solver", ["euler", "midpoint", "rk4", "dopri5"])
def test_a_mask_at_one_time_does_not_depend_on_the_other_times(solver):
    network = lively(a_network(solver=solver))
    clips = some_clips(1)
    times = torch.tensor([0.8, 0.1, 0.45, 0.1, 1.0, 1.3, -0.2])
    together = network(clips, TIMES, times).logits
    assert torch.equal(together[:, 1], together[:, 3])
    for index, time in enumerate(times):
        assert_same(together[:, index], network(clips, TIMES, time[None]).logits[:, 0])


@pytest.mark.parametrize("name", CLIP_NETWORKS)
def test_in_a_tenth_of_the_time_masks_and_images_change_far_less(name):
    network = lively(a_network(name))

    def largest_jump(step: float) -> list[float]:
        times = torch.arange(0.2, 0.5, step)
        output = network(some_clips(1), TIMES, torch.cat((times, times + step)))
        return [
            (maps[:, len(times) :] - maps[:, : len(times)]).abs().max().item()
            for maps in (output.logits, output.reconstruction)
            if maps is not None
        ]

    for long, short in zip(largest_jump(0.02), largest_jump(0.002), strict=True):
        assert 0 < short < long / 4


def test_time_matters():
    output = lively(a_network())(some_clips(1), TIMES, torch.tensor([0.0, 1.0]))
    assert (output.logits[:, 1] - output.logits[:, 0]).abs().max() > 1e-2


def test_irregular_times_are_seen():
    network = a_network()
    with torch.no_grad():
        for parameter in network.backward_ode.derivative.parameters():
            parameter *= 6
    clips = some_clips(1)
    regular = network(clips, TIMES, TIMES).logits
    irregular = network(clips, torch.tensor([0.0, 0.05, 0.9, 1.0]), TIMES).logits
    assert (regular - irregular).abs().max() > 1e-4


def test_the_initial_state_is_drawn_while_training_alone():
    # Group normalisation, whose output doesn't depend on the mode.
    network = a_network(normalisation="group")
    clips = some_clips()
    assert torch.equal(network(clips, TIMES, TIMES).logits, network(clips, TIMES, TIMES).logits)
    network.train()
    assert not torch.equal(network(clips, TIMES, TIMES).logits, network(clips, TIMES, TIMES).logits)
    settled = a_network(normalisation="group", sampled=False).train()
    assert torch.equal(settled(clips, TIMES, TIMES).logits, settled(clips, TIMES, TIMES).logits)


def test_what_the_dynamics_are_changes_the_way_but_not_the_start():
    network = lively(a_network())
    clips = some_clips(1)
    before = network(clips, TIMES, TIMES).logits
    with torch.no_grad():
        network.forward_ode.of_dynamics.bias += 1
    after = network(clips, TIMES, TIMES).logits
    torch.testing.assert_close(after[:, 0], before[:, 0])
    assert (after[:, -1] - before[:, -1]).abs().max() > 1e-4


@pytest.mark.parametrize("name", CLIP_NETWORKS)
def test_one_frame_is_a_clip(name):
    output = a_network(name)(some_clips(1, frames=1), torch.zeros(1), torch.zeros(1))
    assert output.logits.isfinite().all()


@pytest.mark.parametrize("name", ["echo_lstm", "conv_lstm"])
def test_recurrent_states_are_blended_between_frames_and_look_back_alone(name):
    network = a_network(name)
    clips = some_clips(1)
    at_frames = network(clips, TIMES, TIMES).logits
    changed = clips.clone()
    changed[:, 2] += 1
    later = network(changed, TIMES, TIMES).logits
    torch.testing.assert_close(later[:, :2], at_frames[:, :2])
    assert (later[:, 2] - at_frames[:, 2]).abs().max() > 1e-5
    beyond = network(clips, TIMES, torch.tensor([-1.0, 2.0])).logits
    torch.testing.assert_close(beyond, at_frames[:, [0, -1]])


@pytest.mark.parametrize("name", CLIP_NETWORKS)
def test_folded_normalisation_gives_the_same_masks(name):
    network = a_network(name).train()
    for _ in range(2):
        network(3 * some_clips() + 1, TIMES, TIMES)
    network.eval()
    fused = fuse_normalisation(network)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in fused.modules())
    expected = network(some_clips(), TIMES, TIMES).logits
    torch.testing.assert_close(fused(some_clips(), TIMES, TIMES).logits, expected, atol=1e-3, rtol=1e-3)


def test_fixed_steps_come_close_to_adaptive_ones():
    network = lively(a_network())
    clips = some_clips()
    exact = network(clips, TIMES, TIMES).logits
    errors = {}
    for method, steps in (("euler", 3), ("euler", 12), ("midpoint", 3), ("rk4", 3)):
        network.forward_ode.solver = Solver(method, steps)
        errors[method, steps] = (network(clips, TIMES, TIMES).logits - exact).abs().max().item()
    assert errors["rk4", 3] < errors["midpoint", 3] < errors["euler", 3]
    assert errors["euler", 12] < errors["euler", 3] / 2


def test_computing_in_half_precision_stays_close():
    network = a_network()
    expected = network(some_clips(), TIMES, TIMES)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(some_clips(), TIMES, TIMES)
    assert found.logits.dtype == torch.float32
    assert (found.logits - expected.logits).abs().mean() < 0.05 * expected.logits.abs().mean()


def test_half_precision_makes_no_more_steps():
    network = lively(a_network())
    counts = []
    for half in (False, True):
        calls = []
        hook = network.forward_ode.rest.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            network(some_clips(), TIMES, TIMES)
        hook.remove()
        counts.append(len(calls))
    assert counts[1] <= counts[0] + 12


@pytest.mark.parametrize(
    ("frames", "input_times", "output_times", "said"),
    [
        ((4, 1, 32, 32), (4,), (2,), "no clips"),
        ((2, 4, 1, 32, 32), (3,), (2,), "a time a frame"),
        ((2, 4, 1, 32, 32), (3, 4), (2,), "2 clips"),
        ((2, 4, 1, 32, 32), (4,), (0,), "2 clips"),
        ((2, 4, 1, 32, 32), (4,), (2, 2, 2), "2 clips"),
    ],
)
def test_shapes_that_do_not_go_together_are_said(frames, input_times, output_times, said):
    with pytest.raises(UnsuitableClip, match=said):
        a_network()(torch.zeros(frames), torch.zeros(input_times), torch.zeros(output_times))


def test_times_that_go_back_are_said():
    with pytest.raises(UnsuitableClip, match="sort"):
        a_network()(some_clips(), TIMES.flip(0), TIMES)


@pytest.mark.parametrize(
    "configuration",
    [
        {"skips": "all"},
        {"reconstruction": False},
        {"normalisation": "layer"},
        {"stem_stride": 3},
        {"lines": -1},
        {"solver": "newton"},
        {"steps": 0},
        {"rtol": 0.0},
        {"depth": 3},
    ],
)
def test_a_configuration_that_makes_no_network_is_refused(configuration):
    with pytest.raises(WeightsError, match="echo_ode"):
        build_model("echo_ode", **configuration)
