"""Rank-N-contrast by hand and against the plain sum of the paper; errors of values; many processes as one."""

from __future__ import annotations

import math

import pytest
import torch
from EchoODELib.engine.models.coreecho import ClipAnswer, CoReEcho
from EchoODETrainingLib.value_losses import ValueCriterion, rank_n_contrast, value_error
from EchoODETrainingLib.value_objective import ValueObjective
from EchoODETrainingLib.value_recipe import Answers
from torch import Tensor


def slow(embeddings: Tensor, labels: Tensor, temperature: float) -> float:
    """Equation 1 of paper 003, written out."""
    count, total = len(labels), 0.0

    def s(one: int, other: int) -> float:
        apart = math.sqrt(sum((a - b) ** 2 for a, b in zip(embeddings[one], embeddings[other], strict=True)))
        return math.exp(-apart / temperature)

    for n in range(count):
        for m in range(count):
            if m != n:
                far = [k for k in range(count) if k != n and abs(labels[n] - labels[k]) >= abs(labels[n] - labels[m])]
                total -= math.log(s(n, m) / sum(s(n, k) for k in far))
    return total / (count * (count - 1))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_it_is_the_papers_sum(temperature: float) -> None:
    torch.manual_seed(0)
    embeddings = torch.randn(8, 3, dtype=torch.float64)
    labels = torch.tensor([30.0, 30.0, 55, 55, 61, 61, 12, 12])  # two clips of each recording
    found = rank_n_contrast(embeddings, labels, temperature)
    assert float(found) == pytest.approx(slow(embeddings.tolist(), labels.tolist(), temperature), rel=1e-5)


def test_three_clips_on_a_line_by_hand() -> None:
    # 0 sees 1 as the nearer: -log(s01 / (s01 + s02)); as the farther, 2 has no rival. So does 2, mirrored.
    # 1 lies in the middle: both others are equally far by label, so each is the other's rival.
    embeddings, labels = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([40.0, 50.0, 60.0])
    ends = math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))
    middle = math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1))
    assert float(rank_n_contrast(embeddings, labels)) == pytest.approx((ends + middle) / 6)


def test_embeddings_in_the_order_of_their_labels_are_better_than_in_any_other() -> None:
    labels = torch.tensor([10.0, 20, 35, 50, 70])
    inorder = rank_n_contrast(labels[:, None] / 5, labels)
    for _ in range(10):
        other = labels[torch.randperm(5)]
        if not torch.equal(other, labels) and not torch.equal(other, labels.flip(0)):
            assert rank_n_contrast(other[:, None] / 5, labels) > inorder > 0


def test_it_pulls_like_hearts_together_and_learns_from_equal_clips() -> None:
    embeddings = torch.zeros(6, 2, requires_grad=True)
    labels = torch.tensor([20.0, 20, 50, 50, 70, 70])
    rank_n_contrast(embeddings, labels).backward()
    assert torch.equal(embeddings.grad, torch.zeros(6, 2))  # no direction is better than another
    torch.manual_seed(1)
    learned = torch.randn(6, 2, requires_grad=True)
    optimiser = torch.optim.Adam([learned], 0.15)
    for _ in range(60):
        optimiser.zero_grad()
        rank_n_contrast(learned, labels).backward()
        optimiser.step()
    apart = torch.cdist(learned, learned)
    assert apart[0, 1] < apart[0, 2] < apart[0, 4]
    assert apart[4, 5] < apart[4, 2] < apart[4, 0]


@pytest.mark.parametrize(
    ("error", "expected"),
    [("l1", 2.0), ("l2", (1 + 4 + 9) / 3), ("bce", math.log(2))],
)
def test_errors_by_hand(error: str, expected: float) -> None:
    said, wanted = torch.tensor([[51.0], [58.0], [27.0]]), torch.tensor([[50.0], [60.0], [30.0]])
    if error == "bce":
        said, wanted = torch.zeros(3, 1), torch.tensor([[0.0], [1.0], [1.0]])
    assert float(value_error(said, wanted, error)) == pytest.approx(expected)


def test_two_processes_with_half_of_a_batch_have_the_loss_of_the_whole() -> None:
    torch.manual_seed(2)
    embedding, wanted = torch.randn(8, 4), torch.rand(8, 1) * 60 + 10
    values = wanted + torch.randn(8, 1)
    weights = Answers(contrast=1.0)
    whole = ValueCriterion(weights).of_answer(ClipAnswer(embedding, values), wanted, contrast=True)
    sums: list[list[Tensor]] = [[], []]
    for rank in range(2):  # what each adds to the sums
        half = slice(4 * rank, 4 * rank + 4)
        criterion = ValueCriterion(weights, lambda own, rank=rank: sums[rank].append(own) or own, rank, 2)
        criterion.of_answer(ClipAnswer(embedding[half], values[half]), wanted[half], contrast=True)
    (total, rows), (other, others) = sums
    agreed = iter([total + other, rows + others])
    shared = ValueCriterion(weights, lambda own: next(agreed), 0, 2)
    found = shared.of_answer(ClipAnswer(embedding[:4], values[:4]), wanted[:4], contrast=True)
    for name, value in whole.items():
        torch.testing.assert_close(found[name], value)


def test_parts_by_stage() -> None:
    torch.manual_seed(3)
    network = CoReEcho(depths=[1, 1, 1, 1], widths=[4, 4, 8, 8], head_width=4)
    batch = {"clips": torch.randn(3, 2, 4, 1, 32, 32), "wanted": torch.tensor([[20.0], [50.0], [70.0]])}

    def learned(weights: Answers, head: bool) -> tuple[set[str], set[str]]:
        network.zero_grad(set_to_none=True)
        parts = ValueObjective(network, ValueCriterion(weights))(batch, head=head)
        torch.stack(tuple(parts.values())).sum().backward()
        touched = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None}
        return set(parts), touched

    assert learned(Answers(contrast=1), False) == ({"error", "contrast"}, {"encoder", "head"})
    assert learned(Answers(contrast=1), True) == ({"error"}, {"head"})
    assert learned(Answers(), False) == ({"error"}, {"encoder", "head"})


def test_the_error_teaches_the_encoder_nothing_where_there_is_contrast() -> None:
    torch.manual_seed(4)
    network = CoReEcho(depths=[1, 1, 1, 1], widths=[4, 4, 8, 8], head_width=4, dropout=0.0, encoder_dropout=0.0)
    clips, wanted = torch.randn(3, 2, 4, 1, 32, 32), torch.tensor([[20.0], [50.0], [70.0]])
    gradients = []
    for shift in (0.0, 25.0):  # the contrast sees differences alone, and the error all
        network.zero_grad(set_to_none=True)
        objective = ValueObjective(network, ValueCriterion(Answers(contrast=1.0)))
        sum(objective({"clips": clips, "wanted": wanted + shift}).values()).backward()
        gradients.append([p.grad.clone() for p in network.encoder.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)
