"""A recipe from end to end on phantoms: the loss falls, what comes out loads by name; bad recipes are said."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from EchoODELib.engine.errors import UnreadableClip, WeightsError
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import EchoSequence
from EchoODELib.engine.weights import MODELS_VARIABLE, load_model
from EchoODETrainingLib.datasets.camus import read_camus
from EchoODETrainingLib.datasets.phantoms import cached_frames
from EchoODETrainingLib.fit import Examples, fit, main
from EchoODETrainingLib.losses import DeepDiceCrossEntropy
from EchoODETrainingLib.recipe import RECIPES, read_recipe

TINY = {
    "name": "tiny-phantom",
    "architecture": "unet",
    "configuration": {"widths": [8, 12, 16]},
    "stages": [{"size": [48, 56], "epochs": 8}, {"size": [64, 72], "epochs": 3}],
    "phantom_clips": 1,
    "phantom_frames": 8,
    "phantom_share": 1.0,
    "batch": 4,
    "half": False,
    "learning_rate": 0.01,
    "average": 0.9,
    "augmentation": {"strength": 0.3, "elastic": 1.0, "scale": [0.9, 1.1]},
    "card": {
        "views": ["A4C"],
        "training_data": "phantoms",
        "licence": "Apache-2.0",
        "citation": "none",
        "intended_use": "tests",
        "limits": "everything",
    },
}


@pytest.fixture
def a_recipe_file(tmp_path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


@pytest.fixture(scope="module")
def some_phantoms(tmp_path_factory):
    return cached_frames(tmp_path_factory.mktemp("cache"), 1, frames=8, size=128)


def test_the_command_trains_on_phantoms_and_its_model_loads_by_name(a_recipe_file, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "models"
    assert main([str(a_recipe_file), "--output", str(folder), "--device", "cpu", "--workers", "0"]) == 0
    losses = [float(found) for found in re.findall(r"loss ([\d.]+)", capsys.readouterr().out)]
    assert len(losses) == 11
    assert np.mean(losses[-3:]) < 0.75 * losses[0]
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    _, card = load_model("tiny-phantom")
    assert card.input_size == (64, 72)
    assert card.training["learning_rate"] == 0.01
    clip = EchoSequence(np.random.default_rng(0).integers(0, 255, (1, 80, 90)).astype(np.uint8), np.zeros(1))
    assert Segmenter("tiny-phantom", "cpu").segment(clip).masks.shape == (1, 80, 90)


def test_the_kept_network_is_the_best_on_valid(a_recipe_file, some_phantoms):
    kept, lines = [], []
    recipe = read_recipe(a_recipe_file)
    network, scores = fit(
        recipe,
        some_phantoms[:4],
        some_phantoms[4:],
        [],
        device="cpu",
        workers=0,
        report=lines.append,
        every_epochs=1,
        keep=lambda n: kept.append({k: v.clone() for k, v in n.state_dict().items()}),
    )
    assert set(scores) == {"lv", "myocardium", "la"}
    assert len(lines) == 11
    assert all("valid" in line for line in lines)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, kept[-1][name])


def test_equal_seeds_give_equal_examples(some_phantoms, a_recipe_file):
    recipe = read_recipe(a_recipe_file)

    def first(seed: int) -> torch.Tensor:
        return next(iter(Examples(some_phantoms, some_phantoms, 0.3, recipe.augmentation, (48, 56), seed)))[0]

    torch.testing.assert_close(first(1), first(1))
    assert not torch.equal(first(1), first(2))


@pytest.mark.parametrize(("share", "simulated"), [(0.0, 0.0), (0.25, 0.25), (0.5, 0.5)])
def test_phantoms_make_up_their_share(some_phantoms, share, simulated, monkeypatch):
    real, phantoms = some_phantoms[:4], some_phantoms[4:]
    names = {frame.name for frame in phantoms}
    seen = []
    monkeypatch.setattr(
        "EchoODETrainingLib.fit.Augmenter",
        lambda *_: (
            lambda frame: (
                seen.append(frame.name in names),
                (np.zeros((2, 2), np.float32), np.zeros((2, 2), np.uint8)),
            )[1]
        ),
    )
    stream = iter(Examples(real, phantoms, share, read_recipe(Path("unet_camus")).augmentation, (8, 8), 0))
    for _ in range(1500):
        next(stream)
    assert np.mean(seen) == pytest.approx(simulated, abs=0.05)


def test_phantoms_are_kept_for_the_next_run(tmp_path):
    made, kept = (cached_frames(tmp_path, 1, frames=8, size=64) for _ in range(2))
    assert [f.name for f in made] == [f.name for f in kept]
    np.testing.assert_array_equal(made[3].image, kept[3].image)
    np.testing.assert_array_equal(made[3].mask, kept[3].mask)
    assert made[0].spacing == pytest.approx(kept[0].spacing)


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_the_loss_prefers_what_is_right(heads):
    masks = torch.randint(0, 4, (2, 16, 16))
    right = 12.0 * torch.nn.functional.one_hot(masks, 4).permute(0, 3, 1, 2)
    loss = DeepDiceCrossEntropy()
    good, unsure, wrong = (loss([logits] * heads, masks) for logits in (right, 0 * right, -right))
    assert good < 0.01 < unsure < wrong
    torch.testing.assert_close(good, loss([right], masks))


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"stages": []}, "no stages"),
        ({"stages": [{"size": [48]}]}, "can't be understood"),
        ({"colour": 1}, "colour"),
        ({"augmentation": {"taste": 1}}, "taste"),
    ],
)
def test_a_recipe_that_is_wrong_is_said(tmp_path, changes, match):
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump({**TINY, **changes}))
    with pytest.raises(WeightsError, match=match):
        read_recipe(path)


def test_missing_recipes_and_data_are_said(tmp_path, a_recipe_file, capsys):
    with pytest.raises(WeightsError, match=r"unet_camus\.yaml"):
        read_recipe(Path("absent.yaml"))
    with pytest.raises(UnreadableClip, match="patient0001"):
        read_camus(tmp_path)
    assert main([str(a_recipe_file), "--camus", str(tmp_path)]) == UnreadableClip.exit_code
    assert "CAMUS" in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipes_can_be_read(path):
    recipe = read_recipe(Path(path.name))
    assert recipe.card["licence"]


def test_camus_frames_come_with_masks_spacing_and_sector(camus_patients):
    frames = read_camus(camus_patients[0].parent, views=("4CH",))
    assert len(frames) == 2 * len(camus_patients)
    for frame in frames[:6]:
        assert frame.image.shape == frame.mask.shape == frame.sector.shape
        assert frame.spacing == pytest.approx((0.7, 0.7))
        assert set(np.unique(frame.mask)) == {0, 1, 2, 3}
        assert frame.sector[frame.mask == 1].mean() > 0.9
