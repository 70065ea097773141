"""The U-Net's shapes and refusals, and that folding its normalisation changes nothing."""

import pytest
import torch
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.models import ARCHITECTURES, build_model
from EchoODELib.engine.models.inference import fuse_normalisation

SMALL = {"widths": (4, 8, 8), "heads": 2}


@pytest.fixture
def worn_network() -> torch.nn.Module:
    """A small network whose normalisations have seen data, so that folding them is not trivial."""
    torch.manual_seed(0)
    network = build_model("unet", **SMALL)
    for _ in range(3):
        network(3 * torch.randn(4, 1, 32, 32) + 1)
    return network.eval()


@pytest.mark.parametrize(
    ("configuration", "shape"),
    [
        ({}, (64, 96)),
        ({"in_channels": 3, "classes": 7}, (32, 32)),
        ({"widths": (4, 8), "stem_stride": 1, "heads": 1}, (18, 30)),
        ({"widths": (4, 8, 12, 16), "blocks": 2, "heads": 3}, (48, 80)),
        ({"widths": (4, 8, 12), "dropout": 0.2}, (40, 24)),
    ],
)
def test_logits_have_a_channel_per_class_at_the_size_of_the_input(configuration, shape):
    network = build_model("unet", **configuration)
    x = torch.randn(2, configuration.get("in_channels", 1), *shape)
    expected = (2, configuration.get("classes", 4), *shape)
    assert network(x).shape == expected
    deep = network.deep_logits(x)
    assert len(deep) == configuration.get("heads", 2)
    assert all(logits.shape == expected for logits in deep)


def test_the_finest_head_is_the_output(worn_network):
    x = torch.randn(1, 1, 32, 48)
    torch.testing.assert_close(worn_network.deep_logits(x)[0], worn_network(x))


def test_every_parameter_learns_from_the_deep_logits():
    network = build_model("unet", **SMALL)
    sum(logits.square().mean() for logits in network.deep_logits(torch.randn(2, 1, 32, 32))).backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_folded_normalisation_gives_the_same_logits_and_leaves_the_original_alone(worn_network):
    x = torch.randn(2, 1, 32, 48)
    before = worn_network(x)
    fused = fuse_normalisation(worn_network)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in fused.modules())
    torch.testing.assert_close(fused(x), before, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(worn_network(x), before)


@pytest.mark.parametrize(
    "configuration",
    [{"widths": (8,)}, {"stem_stride": 4}, {"blocks": 0}, {"widths": (4, 8), "heads": 2}, {"heads": 0}, {"depth": 3}],
)
def test_a_configuration_that_makes_no_network_is_refused(configuration):
    with pytest.raises(WeightsError, match="unet"):
        build_model("unet", **configuration)


def test_an_unknown_architecture_is_refused_with_the_known_ones():
    with pytest.raises(WeightsError, match=", ".join(sorted(ARCHITECTURES))):
        build_model("perceptron")
