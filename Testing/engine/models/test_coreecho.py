"""The encoder is the published UniFormer-S; the head learns without disturbing it."""

from __future__ import annotations

import re

import pytest
import torch
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.coreecho import CoReEcho, Learn
from EchoODELib.engine.models.uniformer import UniFormer
from EchoODELib.engine.weights import load_model, read_card, save_model
from engine.standins import a_card
from torch.utils.flop_counter import FlopCounterMode

TINY = {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "head_width": 4}


def a_network(**changes: object) -> CoReEcho:
    torch.manual_seed(0)
    return CoReEcho(**{**TINY, **changes})


@pytest.mark.parametrize(
    ("shape", "giga"),
    # Published for Kinetics-400: 167 and 438 GFLOPs over four clips of 16 and 32 frames.
    [((1, 16, 3, 224, 224), 167 / 4), ((1, 32, 3, 224, 224), 438 / 4)],
)
def test_the_default_encoder_is_uniformer_s(shape: tuple[int, ...], giga: float) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        encoder = UniFormer(in_channels=3).eval()
        maps = encoder.maps(torch.empty(shape))
    assert [len(stage.blocks) for stage in encoder.stages] == [3, 4, 8, 3]
    assert [m.shape[1] for m in maps] == [64, 128, 320, 512]
    assert [m.shape[2] for m in maps] == [shape[1] // 2] * 4
    assert [m.shape[-1] for m in maps] == [56, 28, 14, 7]
    assert sum(p.numel() for p in encoder.parameters()) + 400 * 513 == 21_400_400  # 21.4 M with its classifier
    assert counter.get_total_flops() / 2e9 == pytest.approx(giga, rel=0.003)


def test_the_papers_clip_gives_512_numbers_and_one_ejection_fraction() -> None:
    with torch.device("meta"):
        answer = build_model("coreecho").eval()(torch.empty(2, 36, 1, 112, 112))
    assert answer.embedding.shape == (2, 512)
    assert answer.values.shape == (2, 1)


@pytest.mark.parametrize("shape", [(2, 1, 1, 32, 32), (1, 7, 1, 50, 33), (2, 4, 1, 32, 64)])
def test_any_clip_of_32_px_or_more_is_taken(shape: tuple[int, ...]) -> None:
    network = a_network(outputs=2).eval()
    answer = network(torch.randn(shape))
    assert answer.embedding.shape == (shape[0], 8)
    assert answer.values.shape == (shape[0], 2)
    assert network.encoder.maps(torch.randn(shape))[-1].shape[2] == (shape[1] + 1) // 2


@pytest.mark.parametrize("shape", [(1, 4, 3, 32, 32), (1, 4, 1, 31, 32), (4, 1, 32, 32)])
def test_other_clips_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UnsuitableClip, match="32 px"):
        a_network()(torch.randn(shape))


def test_attention_sees_the_whole_clip_and_convolution_its_surroundings() -> None:
    encoder = UniFormer(**TINY).eval()
    clip = torch.randn(1, 16, 1, 96, 96)
    other = clip.clone()
    other[:, 0, :, :4, :4] += 5
    far = (0, slice(None), -1, -1, -1)  # last moment, lower right
    here, there = encoder.maps(clip), encoder.maps(other)
    assert torch.equal(here[0][far], there[0][far])
    assert torch.equal(here[1][far], there[1][far])
    assert not torch.equal(here[2][far], there[2][far])


def test_a_stop_gradient_lies_between_encoder_and_head() -> None:
    network, clips = a_network(), torch.randn(3, 4, 1, 32, 32)

    def touched(learn: Learn) -> set[str]:
        network.zero_grad(set_to_none=True)
        network(clips, learn).values.sum().backward()
        return {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}

    assert touched(Learn.ALL) == {"encoder", "head"}
    assert touched(Learn.APART) == touched(Learn.HEAD) == {"head"}
    assert network(clips, Learn.APART).embedding.requires_grad
    assert not network(clips, Learn.HEAD).embedding.requires_grad


def test_an_encoder_that_is_kept_has_no_dropout_and_keeps_its_statistics() -> None:
    network, clips = a_network(encoder_dropout=0.5, drop_path=0.5).train(), torch.randn(3, 4, 1, 32, 32)
    before = {name: value.clone() for name, value in network.encoder.state_dict().items()}
    kept = [network(clips, Learn.HEAD).embedding for _ in range(2)]
    assert torch.equal(*kept)
    assert all(torch.equal(before[name], value) for name, value in network.encoder.state_dict().items())
    assert all(part.training for part in network.modules())
    assert not torch.equal(*[network(clips).embedding for _ in range(2)])


def test_the_untrained_head_answers_about_its_middle() -> None:
    values = a_network(middle=55.6).eval()(torch.randn(4, 4, 1, 32, 32)).values
    assert (values - 55.6).abs().max() < 2


def published(encoder: UniFormer) -> dict[str, torch.Tensor]:
    """The weights of an encoder of three channels by the names in the authors' files."""
    renamed = {"head.weight": torch.zeros(400, 8), "head.bias": torch.zeros(400)}
    inside = {
        "embed.projection": "patch_embed{0}.proj",
        "embed.norm": "patch_embed{0}.norm",
        "place": "blocks{0}.{1}.pos_embed",
        "look.0": "blocks{0}.{1}.norm1",
        "look.1": "blocks{0}.{1}.conv1",
        "look.2": "blocks{0}.{1}.attn",
        "look.3": "blocks{0}.{1}.conv2",
        "look.norm": "blocks{0}.{1}.norm1",
        "look.asked": "blocks{0}.{1}.attn.qkv",
        "look.given": "blocks{0}.{1}.attn.proj",
        "think.0": "blocks{0}.{1}.norm2",
        "think.1": "blocks{0}.{1}.mlp.fc1",
        "think.4": "blocks{0}.{1}.mlp.fc2",
    }
    for name, value in encoder.state_dict().items():
        found = re.fullmatch(r"stages\.(\d)\.(?:blocks\.(\d+)\.)?(.+)\.(\w+)", name)
        new = name if found is None else f"{inside[found[3]].format(int(found[1]) + 1, found[2])}.{found[4]}"
        renamed[new] = value
    return renamed


def test_published_weights_in_colour_work_on_gray() -> None:
    colour = UniFormer(**TINY, in_channels=3).eval()
    network = a_network().eval()
    network.adopt_published(published(colour))
    gray = torch.randn(1, 4, 1, 32, 32)
    torch.testing.assert_close(network.encoder(gray), colour(gray.expand(-1, -1, 3, -1, -1)))


def test_weights_of_another_network_are_refused() -> None:
    state = published(UniFormer(**TINY, in_channels=3))
    with pytest.raises(ValueError, match=r"norm\.weight"):
        a_network().adopt_published({name: value for name, value in state.items() if name != "norm.weight"})
    with pytest.raises(ValueError, match="unknown"):
        a_network().adopt_published({**state, "unknown": torch.zeros(1)})


def test_a_card_of_an_ejection_fraction_needs_one_label_and_loads(tmp_path, monkeypatch) -> None:
    network = a_network().eval()
    card = a_card(task="ejection_fraction", architecture="coreecho", configuration=TINY, labels=("ejection_fraction",))
    save_model(network, card, tmp_path)
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path))
    loaded, _ = load_model("tiny")
    clips = torch.randn(1, 4, 1, 32, 32)
    torch.testing.assert_close(loaded(clips).values, network(clips).values, atol=0.1, rtol=0)
    path = tmp_path / "tiny.yaml"
    path.write_text(path.read_text().replace("ejection_fraction", "guessing", 1))
    with pytest.raises(WeightsError, match="task “guessing”"):
        read_card(path)
