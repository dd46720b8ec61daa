"""Seg-JDOT: joint cost against a loop, the plan against linear programming, the gradient."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch.nn import functional as F

from medda_lib.methods.seg_jdot import SegJDOT, joint_cost, transport_cost, transport_plan


def test_joint_cost_is_that_of_every_pair() -> None:
    rng = torch.Generator().manual_seed(0)
    source, target = torch.randn(4, 6, generator=rng), torch.randn(3, 6, generator=rng)
    masks = torch.rand(4, 1, 5, 5, generator=rng) > 0.5
    logits = 3 * torch.randn(3, 1, 5, 5, generator=rng)
    cost = joint_cost(source, target, masks, logits, 0.7, 0.2)
    assert cost.shape == (4, 3)
    for i, j in itertools.product(range(4), range(3)):
        distance = float(((source[i] - target[j]) ** 2).sum())
        p, y = logits[j].sigmoid().double(), masks[i].double()
        entropy = float(-(y * p.log() + (1 - y) * (1 - p).log()).sum())
        assert float(cost[i, j]) == pytest.approx(0.7 * distance + 0.2 * entropy, rel=1e-5)


def test_label_cost_survives_large_logits() -> None:
    logits = torch.tensor([[[[200.0, -200.0]]]])
    masks = torch.tensor([[[[True, False]]], [[[False, True]]]])
    cost = joint_cost(torch.zeros(2, 1), torch.zeros(1, 1), masks, logits, 1.0, 1.0)
    assert cost[:, 0].tolist() == [0.0, 400.0]


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_plan_is_the_optimum_of_the_transport_polytope(size: int) -> None:
    """Against linear programming over all plans with uniform margins, not permutations alone."""
    cost = torch.rand(size, size, generator=torch.Generator().manual_seed(size))
    margins = np.zeros((2 * size, size * size))
    for i in range(size):
        margins[i, i * size : (i + 1) * size] = 1
        margins[size + i, i::size] = 1
    found = linprog(cost.numpy().ravel(), A_eq=margins, b_eq=np.full(2 * size, 1 / size))
    assert found.success
    assert float(transport_cost(cost)) == pytest.approx(found.fun, rel=1e-6)
    rows, columns = transport_plan(cost)
    assert sorted(rows.tolist()) == sorted(columns.tolist()) == list(range(size))


def test_gradient_flows_through_the_cost_and_not_the_plan() -> None:
    rng = torch.Generator().manual_seed(3)
    source = torch.randn(3, 4, generator=rng, dtype=torch.float64)
    # targets near the sources: the plan stays the same for small changes
    target = (source[[2, 0, 1]] + 0.01 * torch.randn(3, 4, generator=rng)).requires_grad_()
    masks = torch.rand(3, 1, 2, 2, generator=rng) > 0.5
    logits = torch.randn(3, 1, 2, 2, generator=rng, dtype=torch.float64, requires_grad=True)
    source.requires_grad_()

    def loss(s: torch.Tensor, t: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        return transport_cost(joint_cost(s, t, masks, z, 1.0, 0.01))

    assert torch.autograd.gradcheck(loss, (source, target, logits))
    matched = 0.01 * F.binary_cross_entropy_with_logits(
        logits, masks[[2, 0, 1]].double(), reduction="sum"
    )
    wanted = (target - source[[2, 0, 1]]).square().sum() + matched
    torch.testing.assert_close(loss(source, target, logits), wanted / 3)


def test_cost_must_be_square() -> None:
    with pytest.raises(ValueError, match="not square"):
        transport_plan(torch.zeros(2, 3))


def test_weights_of_the_paper() -> None:
    method = SegJDOT.paper()
    assert (method.feature_weight, method.label_weight) == (1e-3, 1e-4)
    compared = SegJDOT.of_goodman()
    assert (compared.feature_weight, compared.label_weight) == (1e-3, 1e-4)
    recipe = compared.finetuning
    assert (recipe.steps, recipe.learning_rate, recipe.batch) == (8000, 5e-4, 16)
