"""Riemannian walk against hand computations on a quadratic loss, and its rules at boundaries."""

import pytest
import torch
from torch import Tensor, nn

from medda_lib.methods.continual.quadratic import Anchor, flat
from medda_lib.methods.continual.riemannian_walk import (
    EPSILON,
    RiemannianWalk,
    Walk,
    WalkMemory,
    scores,
    unit_range,
)
from medda_lib.methods.continual.training import new_network, train
from tests.methods.continual_toy import TRAINER, balls, toy_run

CURVATURE = [1.0, 0.25, 2.0]
TARGET = [1.0, -2.0, 0.5]
RATE = 0.1


class Bowl(nn.Module):
    """Parameters with the loss sum a/2 (w - u)^2."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.0, 1.0, 3.0]))

    def loss(self) -> Tensor:
        """The data's loss."""
        return (torch.tensor(CURVATURE) / 2 * (self.w - torch.tensor(TARGET)).square()).sum()


def stroll(bowl: Bowl, walk: Walk, steps: int) -> None:
    """Gradient descent in the order of the training loop."""
    optimizer = torch.optim.SGD(bowl.parameters(), RATE)
    walk.begin(bowl)
    for _ in range(steps):
        optimizer.zero_grad()
        bowl.loss().backward()
        walk.saw_gradients(bowl)
        penalty = walk.on_parameters(bowl)
        if penalty is not None:
            penalty.backward()
        optimizer.step()
        walk.took_step(bowl)


def by_hand(steps: int, interval: int, alpha: float) -> tuple[list[float], list[float]]:
    """Fisher average and score of each parameter, one number at a time."""
    fishers, sums = [], []
    for a, u, start in zip(CURVATURE, TARGET, [0.0, 1.0, 3.0], strict=True):
        w, fisher, score = start, None, 0.0
        for first in range(0, steps, interval):
            begin, fall, squares = w, 0.0, []
            for _ in range(min(interval, steps - first)):
                g = a * (w - u)
                squares.append(g * g)
                fall += g * RATE * g  # minus g times the step, which is minus rate times g
                w -= RATE * g
            mean = sum(squares) / len(squares)
            fisher = mean if fisher is None else alpha * mean + (1 - alpha) * fisher
            score += max(fall / (fisher * (w - begin) ** 2 / 2 + EPSILON), 0.0)
        assert fisher is not None
        fishers.append(fisher)
        sums.append(score)
    return fishers, sums


@pytest.mark.parametrize(("steps", "interval", "alpha"), [(1, 1, 0.9), (6, 2, 0.9), (7, 3, 0.5)])
def test_fisher_average_and_path_integral_on_a_quadratic(
    steps: int, interval: int, alpha: float
) -> None:
    """7 steps in intervals of 3: the last interval, of one step, ends with the stage."""
    walk = Walk(alpha, 1.0, interval)
    stroll(Bowl(), walk, steps)
    walk.end_interval()
    walk.end_interval()  # nothing more to add
    assert walk.fisher is not None
    assert walk.score is not None
    fisher, score = by_hand(steps, interval, alpha)
    torch.testing.assert_close(walk.fisher, torch.tensor(fisher))
    torch.testing.assert_close(walk.score, torch.tensor(score))


def test_the_path_integral_of_small_steps_is_the_fall_of_the_loss() -> None:
    bowl = Bowl()
    walk = Walk(0.9, 1.0, 10_000)
    before = bowl.loss().item()
    optimizer = torch.optim.SGD(bowl.parameters(), 1e-3)
    walk.begin(bowl)
    for _ in range(1000):
        optimizer.zero_grad()
        bowl.loss().backward()
        walk.saw_gradients(bowl)
        optimizer.step()
        walk.took_step(bowl)
    assert float(walk._fall.sum()) == pytest.approx(before - bowl.loss().item(), rel=2e-3)


def test_only_what_lowered_the_loss_scores() -> None:
    fall, fisher, way = torch.tensor([0.2, -0.2, 0.0]), torch.full((3,), 4.0), torch.full((3,), 0.5)
    torch.testing.assert_close(scores(fall, fisher, way), torch.tensor([0.4, 0.0, 0.0]))
    still = scores(torch.tensor([1e-9]), torch.zeros(1), torch.zeros(1))
    torch.testing.assert_close(still, torch.tensor([0.1]))  # epsilon keeps it finite


def test_unit_range() -> None:
    found = unit_range(torch.tensor([3.0, 1.0, 2.0]))
    torch.testing.assert_close(found, torch.tensor([1.0, 0.0, 0.5]))
    assert float(unit_range(torch.ones(3)).sum()) == 0


def anchored(walk: Walk) -> Anchor | None:
    return walk.anchor


def running_score(walk: Walk) -> Tensor | None:
    return walk.score


def test_the_score_is_halved_at_each_later_boundary() -> None:
    walk = Walk(0.9, 0.4, 10)
    memory = WalkMemory(walk)
    memory.commit()
    assert anchored(walk) is None, "nothing was walked before the first boundary"
    first, second = torch.tensor([4.0, 0.0, 2.0]), torch.tensor([0.0, 8.0, 2.0])
    fisher = torch.tensor([1.0, 3.0, 2.0])
    memory._weights = torch.ones(3)
    walk.fisher, walk.score = fisher, first
    memory.commit()
    assert walk.anchor is not None
    torch.testing.assert_close(walk.anchor.importance, torch.tensor([1.0, 1.0, 1.0]))
    assert running_score(walk) is None
    walk.score = second
    memory.commit()
    assert memory.past is not None
    torch.testing.assert_close(memory.past, torch.tensor([2.0, 4.0, 2.0]))
    torch.testing.assert_close(walk.anchor.importance, torch.tensor([0.0, 2.0, 0.5]))
    memory.commit()
    torch.testing.assert_close(memory.past, torch.tensor([2.0, 4.0, 2.0]))


def test_the_penalty_pulls_back_but_stays_out_of_the_path() -> None:
    walk, bowl = Walk(0.9, 0.4, 1), Bowl()
    walk.anchor = Anchor(torch.zeros(3), torch.tensor([1.0, 2.0, 0.5]))
    penalty = walk.on_parameters(bowl)
    assert penalty is not None
    assert penalty.item() == pytest.approx(0.4 * (2 * 1.0 + 0.5 * 9.0))
    stroll(bowl, walk, 1)
    gradient = torch.tensor(CURVATURE) * (torch.tensor([0.0, 1.0, 3.0]) - torch.tensor(TARGET))
    pull = 2 * 0.4 * walk.anchor.importance * torch.tensor([0.0, 1.0, 3.0])
    step = -RATE * (gradient + pull)
    torch.testing.assert_close(flat(bowl).detach(), torch.tensor([0.0, 1.0, 3.0]) + step)
    assert walk.fisher is not None
    torch.testing.assert_close(walk.fisher, gradient.square())
    assert walk.score is not None
    wanted = (-gradient * step / (gradient.square() * step.square() / 2 + EPSILON)).clamp_min(0)
    torch.testing.assert_close(walk.score, wanted)


def test_watching_changes_nothing() -> None:
    """And an unannounced stage lengthens the walk instead of starting another."""
    pool, run = balls("a", 2, 0.9), toy_run()
    alone, watched = new_network(TRAINER, run), new_network(TRAINER, run)
    memory = WalkMemory(Walk(0.9, 0.4, 10))
    for number in (1, 2):
        train(alone, pool, TRAINER, number, run)
        train(watched, pool, TRAINER, number, run, memory.regulariser(watched))
        memory.observe(watched, pool, number, run)
    assert torch.equal(flat(alone), flat(watched))
    assert anchored(memory.walk) is None
    memory.commit()
    assert memory.walk.anchor is not None
    torch.testing.assert_close(memory.walk.anchor.weights, flat(watched).detach())
    assert float(memory.walk.anchor.importance.min()) >= 0
    assert 1 <= float(memory.walk.anchor.importance.max()) <= 2


@pytest.mark.parametrize(("name", "value"), [("alpha", 0.0), ("alpha", 1.1), ("interval", 0)])
def test_wrong_values_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        RiemannianWalk(**{name: value})  # type: ignore[arg-type]
