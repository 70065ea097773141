"""The frame peers: shapes, sizes, learning, and what each is known for."""

import pytest
import torch
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.enet import Bottleneck
from EchoODELib.engine.models.inference import fuse_normalisation

SMALL = {
    "unet_plus_plus": {"widths": (4, 6, 8), "heads": 2},
    "enet": {"widths": (6, 8, 12)},
    "deeplabv3": {"widths": (4, 6, 8, 10), "blocks": (1, 1, 1, 2), "pyramid": 6},
}
NAMES = sorted(SMALL)


def a_network(name: str, **configuration: object) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model(name, **SMALL[name] | configuration)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "classes", "size"), [(1, 4, (32, 32)), (3, 7, (37, 50))])
def test_logits_have_a_channel_per_class_at_the_size_of_the_input(name, channels, classes, size):
    network = a_network(name, in_channels=channels, classes=classes).eval()
    assert network.takes_clips is False
    x = torch.randn(2, channels, *size)
    deep = network.deep_logits(x)
    assert len(deep) == (2 if name == "unet_plus_plus" else 1)
    assert all(logits.shape == (2, classes, *size) for logits in deep)
    torch.testing.assert_close(network(x), deep[0])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch", [1, 2])
def test_every_parameter_learns_even_from_a_single_frame(name, batch):
    network = a_network(name)
    sum(logits.square().mean() for logits in network.deep_logits(torch.randn(batch, 1, 48, 48))).backward()
    assert [key for key, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize("name", NAMES)
def test_folded_normalisation_gives_the_same_logits(name):
    network = a_network(name)
    for _ in range(2):
        network(2 * torch.randn(4, 1, 32, 32) + 1)
    network.eval()
    x = torch.randn(2, 1, 32, 32)
    expected = network(x)
    torch.testing.assert_close(fuse_normalisation(network)(x), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "configuration", "millions"),
    [
        ("unet_plus_plus", {"in_channels": 3, "classes": 1}, 9.16),
        ("enet", {"in_channels": 3, "classes": 19}, 0.36),
        (
            "deeplabv3",
            {
                "in_channels": 3,
                "classes": 21,
                "widths": (256, 512, 1024, 2048),
                "blocks": (3, 4, 6, 3),
                "bottleneck": True,
            },
            39.0,
        ),
    ],
)
def test_the_published_networks_have_their_size(name, configuration, millions):
    with torch.device("meta"):
        network = build_model(name, **configuration)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, rel=0.01)


@pytest.mark.parametrize("stride", [8, 16])
def test_deeplab_trades_resolution_for_dilation_at_equal_size(stride):
    network = a_network("deeplabv3", output_stride=stride).eval()
    features = network.outputs(torch.randn(1, 1, 64, 64), deep=False)[0]
    assert features.shape[-2:] == (64 // stride, 64 // stride)
    reach = {part.dilation[0] for part in network.modules() if isinstance(part, torch.nn.Conv2d)}
    assert {6 * 16 // stride, 12 * 16 // stride, 18 * 16 // stride} <= reach


class Nothing(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0 * x


def test_enet_puts_maxima_back_to_their_places():
    down, up = Bottleneck(2, 2, 0.0, change="down"), Bottleneck(2, 2, 0.0, change="up", rectified=True)
    down.branch = torch.nn.Sequential(torch.nn.AvgPool2d(2), Nothing())
    up.branch = torch.nn.Sequential(torch.nn.Upsample(scale_factor=2), Nothing())
    up.narrow = torch.nn.Identity()
    x = torch.zeros(1, 2, 4, 4)
    x[..., 1, 2] = 5
    smaller, places = down(x)
    assert smaller.shape == (1, 2, 2, 2)
    back, _ = up(smaller, places)
    torch.testing.assert_close(back, x)


@pytest.mark.parametrize(
    ("name", "configuration"),
    [
        ("unet_plus_plus", {"widths": (4,)}),
        ("unet_plus_plus", {"heads": 5}),
        ("enet", {"widths": (1, 8, 8)}),
        ("enet", {"widths": (16, 8, 8)}),
        ("deeplabv3", {"blocks": (1, 1, 1)}),
        ("deeplabv3", {"output_stride": 4}),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused(name, configuration):
    with pytest.raises(WeightsError, match=name):
        build_model(name, **configuration)
