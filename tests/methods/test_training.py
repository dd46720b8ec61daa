"""The one training loop, and the shapes of training that methods of the book need, each as an example.

Each example is what a contributor would write: a subclass with the hooks that it needs, no loop of its
own. They learn one small problem, so that each can be checked against what it should come to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import Parameter
from torch.nn import functional as F

from medda_lib.methods.finetuning import Batch
from medda_lib.methods.training import (
    SGD,
    Adam,
    Constant,
    EachSteps,
    Keeper,
    LastFifth,
    Losses,
    Milestones,
    Phase,
    Poly,
    Recipe,
    Training,
    flattened,
    with_recipe,
)
from medda_lib.methods.training.ahead import ahead, pinned
from medda_lib.methods.training.recipe import half
from medda_lib.studies.identity import canonical
from medda_lib.studies.method import BestValidation, LastStep, Run
from tests.methods.compare import state

CPU = torch.device("cpu")
Pair = tuple[Tensor, Tensor]


def points(seed: int, n: int = 16) -> Pair:
    """Points (n, 2) and their classes: which side of a line they lie on."""
    x = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, 0] + 0.5 * x[:, 1] > 0).long()


def net(seed: int = 0, outputs: int = 2) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, outputs))


class Plain(Training[Pair]):
    """Cross entropy on random points."""

    def batches(self) -> Iterator[Pair]:
        yield from (points(seed) for seed in range(10_000))

    def terms(self, batch: Pair, number: int) -> Iterator[Losses]:
        yield {"entropy": F.cross_entropy(self.network(batch[0]), batch[1])}


def accuracy(network: nn.Module) -> float:
    x, y = points(-1, 400)
    return float((network(x).argmax(1) == y).float().mean())


# ---- the loop -----------------------------------------------------------------------------------


def test_it_is_the_loop_that_one_would_write_by_hand() -> None:
    recipe = Recipe(7, 1e-2, Adam(), Poly())
    ours, twin = net(), net()
    history = Plain(ours, recipe, Run(0)).fit()
    optimiser = torch.optim.Adam(twin.parameters(), 1e-2)
    for step in range(7):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * (1 - step / 7) ** 0.9
        optimiser.zero_grad()
        x, y = points(step)
        loss = F.cross_entropy(twin(x), y)
        loss.backward()
        optimiser.step()
        assert history.losses[step] == (step + 1, {"entropy": float(loss.detach())})
    assert torch.equal(state(ours), state(twin))
    assert not ours.training
    assert (history.scores, history.chosen) == ((), 0)


def test_progress_is_told_of_every_step() -> None:
    told: list[tuple[int, int, list[str]]] = []
    run = Run(0, progress=lambda step, steps, losses: told.append((step, steps, list(losses))))
    Plain(net(), Recipe(3), run).fit()
    assert told == [(1, 3, ["entropy"]), (2, 3, ["entropy"]), (3, 3, ["entropy"])]


class Groups(Plain):
    """Two groups of losses: the gradients of the first are there before the second is asked for."""

    def terms(self, batch: Pair, number: int) -> Iterator[Losses]:
        yield from super().terms(batch, number)
        first = next(iter(self.network.parameters()))
        assert first.grad is not None
        self.seen = first.grad.clone()
        yield {
            "decay": 0.1
            * sum((p.square().sum() for p in self.network.parameters()), torch.zeros(()))
        }


def test_groups_of_losses_add_up() -> None:
    recipe = Recipe(1, 1e-2, SGD(0.0, nesterov=False))
    training, start = Groups(net(), recipe, Run(0)), net()
    training.fit()
    x, y = points(0)
    data = torch.autograd.grad(F.cross_entropy(start(x), y), list(start.parameters()))
    torch.testing.assert_close(training.seen, data[0])
    wanted = [p - 1e-2 * (g + 0.2 * p) for p, g in zip(start.parameters(), data, strict=True)]
    torch.testing.assert_close(
        state(training.network), torch.cat([w.flatten() for w in wanted]).double()
    )


class Scored(Plain):
    """Validation scores that are given."""

    given: ClassVar[dict[int, float]] = {2: 0.5, 4: 0.9, 5: 0.7}

    def validate(self, number: int) -> dict[str, float]:
        self.kept = getattr(self, "kept", {}) | {number: state(self.network)}
        return {"score": self.given[number], "other": 1.0}


@pytest.mark.parametrize(("rule", "chosen"), [(BestValidation(), 4), (LastStep(), 5)])
def test_the_rule_chooses_the_state(rule: BestValidation | LastStep, chosen: int) -> None:
    training = Scored(net(), Recipe(5, validate_every=2, rule=rule), Run(0))
    history = training.fit()
    assert [step for step, _ in history.scores] == [2, 4, 5]
    assert history.chosen == chosen
    assert torch.equal(state(training.network), training.kept[chosen])


def test_too_few_batches_are_an_error() -> None:
    class Short(Plain):
        def batches(self) -> Iterator[Pair]:
            yield points(0)

    with pytest.raises(ValueError, match="batches: only 1 for 2 steps"):
        Short(net(), Recipe(2), Run(0)).fit()


def test_parameters_that_need_no_gradient_stay() -> None:
    network = net()
    network[0].requires_grad_(False)
    before = [state(part) for part in (network[0], network[2])]
    Plain(network, Recipe(3, 1e-2), Run(0)).fit()
    assert torch.equal(state(network[0]), before[0])
    assert not torch.equal(state(network[2]), before[1])


@pytest.mark.parametrize(
    "field", ["steps", "learning_rate", "validate_every", "batch", "precision"]
)
def test_wrong_values_name_the_field(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        replace(Recipe(1), **{field: 0})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Held:
    """Settings of a method: a recipe and what is no training."""

    width: int = 2
    recipe: Recipe = Recipe(3, schedule=Poly())  # noqa: RUF009 - immutable
    crop: int = 4


def test_settings_with_a_recipe() -> None:
    assert with_recipe(Held(), steps=5) == Held(recipe=Recipe(5, schedule=Poly()))
    had, words = ("steps", "optimiser"), dict[object, str]({Adam(): "adam"})
    found = dict(flattened(Held(), had, words, {"schedule": Poly()}))
    assert found == {"width": 2, "steps": 3, "optimiser": "adam", "crop": 4}
    changed = with_recipe(Held(), batch=7, schedule=Constant(), optimiser=SGD())
    more = {"optimiser": SGD(), "batch": 7, "schedule": Constant()}
    assert dict(flattened(changed, had, words, {"schedule": Poly()})) == found | more


def test_schedules() -> None:
    assert [Constant().factor(n, 10) for n in (0, 9)] == [1, 1]
    assert [EachSteps(4, 0.5).factor(n, 10) for n in (0, 3, 4, 8)] == [1, 1, 0.5, 0.25]
    assert [LastFifth().factor(n, 10) for n in (0, 7, 8)] == [1, 1, 0.1]
    found = [Milestones((0.5, 0.8)).factor(n, 10) for n in (0, 4, 5, 8)]
    assert found == pytest.approx([1, 1, 0.1, 0.01])
    assert [Poly(1.0).factor(n, 10) for n in (0, 5, 10)] == [1, 0.5, 0]


def test_half_precision_is_of_the_forward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    class Typed(Plain):
        def terms(self, batch: Pair, number: int) -> Iterator[Losses]:
            logits = self.network(batch[0])
            self.seen = logits.dtype
            yield {"entropy": F.cross_entropy(logits.float(), batch[1])}

    for precision, dtype in (("bfloat16", torch.bfloat16), ("auto", torch.float32)):
        training = Typed(net(), Recipe(1, precision=precision), Run(0))  # type: ignore[arg-type]
        training.fit()
        assert training.seen == dtype
        assert {p.dtype for p in training.network.parameters()} == {torch.float32}
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    assert half("auto", torch.device("cuda"))
    assert not half("float32", torch.device("cuda"))


# ---- an optimiser from elsewhere ----------------------------------------------------------------


class _Signs(torch.optim.Optimizer):
    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad.sign())


@dataclass(frozen=True)
class Signs:
    """Moves by the sign of the gradient."""

    kind: ClassVar[str] = "Signs"

    def make(self, parameters: Iterable[Parameter], rate: float) -> torch.optim.Optimizer:
        return _Signs(list(parameters), {"lr": rate})


def test_a_custom_optimiser() -> None:
    network = net()
    before = state(network)
    Plain(network, Recipe(1, 0.25, Signs()), Run(0)).fit()
    moved = (state(network) - before).abs()
    torch.testing.assert_close(moved[moved > 0], torch.full_like(moved[moved > 0], 0.25))
    assert canonical(Recipe(1, 0.25, Signs()), "recipe")["fields"]["optimiser"]["class"] == "Signs"


# ---- a second optimiser -------------------------------------------------------------------------


class Adversary(Plain):
    """A discriminator learns to tell real points from a generator's, which learns to fool it."""

    def __init__(self, turns: bool = False) -> None:
        super().__init__(nn.Linear(2, 2), Recipe(300, 2e-2), Run(0))
        self.judge = net(1, outputs=1)
        self.turns = turns
        self.other = Phase(self.judge.parameters(), Recipe(300, 2e-2), self.judging)
        self.moves: list[str] = []

    def made(self, number: int) -> Tensor:
        noise = torch.randn(64, 2, generator=torch.Generator().manual_seed(number))
        made: Tensor = self.network(noise)
        return made

    def terms(self, batch: Pair, number: int) -> Iterator[Losses]:
        self.moves.append("generator")
        yield {"fool": F.softplus(-self.judge(self.made(number))).mean()}

    def judging(self, batch: Pair, number: int) -> Iterator[Losses]:
        self.moves.append("judge")
        real = 3 + 0.5 * torch.randn(64, 2, generator=torch.Generator().manual_seed(-number - 1))
        yield {"real": F.softplus(-self.judge(real)).mean()}
        yield {"made": F.softplus(self.judge(self.made(number).detach())).mean()}

    def phases(self, number: int, main: Phase[Pair]) -> Sequence[Phase[Pair]]:
        if self.turns:
            return (main,) if number % 2 else (self.other,)
        return (main, self.other)


def test_an_adversary_has_an_optimiser_of_its_own() -> None:
    training = Adversary()
    history = training.fit()
    assert set(history.losses[0][1]) == {"fool", "real", "made"}
    assert training.moves[:4] == ["generator", "judge"] * 2
    with torch.no_grad():
        assert (training.made(0).mean(0) - 3).abs().max() < 1.5  # from 0 toward 3


def test_players_may_take_turns() -> None:
    training = Adversary(turns=True)
    history = training.fit()
    assert training.moves[:4] == ["generator", "judge"] * 2
    assert len(training.moves) == 300
    assert [set(found) for _, found in history.losses[:2]] == [{"fool"}, {"real", "made"}]
    assert training.other.done == 150


# ---- a teacher that follows, and a memory -------------------------------------------------------


class MeanTeacher(Plain):
    """A moving average of the network labels what nobody labelled."""

    def __init__(self, momentum: float) -> None:
        super().__init__(net(), Recipe(150, 1e-2), Run(0))
        self.teacher, self.momentum = net(), momentum

    def terms(self, batch: Pair, number: int) -> Iterator[Losses]:
        yield from super().terms(batch, number)
        bare = points(-number - 5)[0]
        with torch.no_grad():
            wanted = self.teacher(bare).softmax(1)
        yield {"consistency": (self.network(bare).softmax(1) - wanted).square().mean()}

    @torch.no_grad()
    def took_step(self, number: int) -> None:
        for slow, fast in zip(self.teacher.parameters(), self.network.parameters(), strict=True):
            slow.lerp_(fast, 1 - self.momentum)


def test_a_momentum_teacher_follows() -> None:
    training = MeanTeacher(0.9)
    start = state(training.teacher)
    training.fit()
    assert accuracy(training.teacher) > 0.93
    assert not torch.equal(state(training.teacher), start)
    still = MeanTeacher(1.0)
    still.fit()
    assert torch.equal(state(still.teacher), start)


class MemoryBank(Plain):
    """Contrast with what earlier batches looked like: a queue of the last 64 embeddings."""

    def __init__(self) -> None:
        super().__init__(net(outputs=4), Recipe(20, 1e-2), Run(0))
        self.bank = torch.empty(0, 4)

    def terms(self, batch: Pair, number: int) -> Iterator[Losses]:
        one, two = (F.normalize(self.network(batch[0] + shift), dim=1) for shift in (0.0, 0.05))
        others = torch.cat([two, self.bank])
        self.fresh = two.detach()
        yield {"contrast": F.cross_entropy(one @ others.T / 0.2, torch.arange(len(one)))}

    def took_step(self, number: int) -> None:
        self.bank = torch.cat([self.fresh, self.bank])[:64]


def test_a_memory_bank_fills_and_rolls() -> None:
    training = MemoryBank()
    history = training.fit()
    assert training.bank.shape == (64, 4)
    assert torch.equal(training.bank[:16], training.fresh)
    assert history.losses[-1][1]["contrast"] < math.log(16 + 64)


# ---- an inner loop ------------------------------------------------------------------------------


class Meta(Training[list[tuple[Pair, Pair]]]):
    """MAML: a step of gradient descent on each task's few points, judged by its other points."""

    rate = 0.4

    def batches(self) -> Iterator[list[tuple[Pair, Pair]]]:
        for step in range(1000):
            yield [(points(4 * step + k, 8), points(4 * step + k + 2, 16)) for k in range(2)]

    def adapted(self, few: Pair) -> dict[str, Tensor]:
        start: dict[str, Tensor] = dict(self.network.named_parameters())
        loss = F.cross_entropy(functional_call(self.network, start, (few[0],)), few[1])
        slopes = torch.autograd.grad(loss, list(start.values()), create_graph=True)
        moved = zip(start.items(), slopes, strict=True)
        return {name: value - self.rate * slope for (name, value), slope in moved}

    def terms(self, batch: list[tuple[Pair, Pair]], number: int) -> Iterator[Losses]:
        for k, (few, more) in enumerate(batch):
            logits = functional_call(self.network, self.adapted(few), (more[0],))
            yield {f"task {k}": F.cross_entropy(logits, more[1])}


def test_an_inner_loop_is_differentiated_through() -> None:
    training = Meta(net(), Recipe(60, 2e-2), Run(0))
    few, more = points(-7, 8), points(-8, 100)

    def after_one_step() -> float:
        logits = functional_call(training.network, training.adapted(few), (more[0],))
        return F.cross_entropy(logits, more[1]).item()

    before = after_one_step()
    training.fit()
    assert after_one_step() < 0.7 * before


# ---- what is trained on -------------------------------------------------------------------------


class Boxes(Training[tuple[Tensor, list[dict[str, Tensor]]]]):
    """Detection: images with lists of boxes and classes of any number, two losses by name."""

    def batches(self) -> Iterator[tuple[Tensor, list[dict[str, Tensor]]]]:
        rng = torch.Generator().manual_seed(0)
        while True:
            images = torch.rand(3, 2, generator=rng)
            truth = [
                {"boxes": image.repeat(k + 1, 2), "labels": torch.full((k + 1,), k % 2)}
                for k, image in enumerate(images)
            ]
            yield images, truth

    def terms(self, batch: tuple[Tensor, list[dict[str, Tensor]]], number: int) -> Iterator[Losses]:
        found = self.network(batch[0])
        pairs = [(row, t) for row, truth in zip(found, batch[1], strict=True) for t in _each(truth)]
        box = [(row[:4] - t["boxes"]).abs().mean() for row, t in pairs]
        name = [F.cross_entropy(row[None, 4:], t["labels"][None]) for row, t in pairs]
        yield {"box": torch.stack(box).mean(), "class": torch.stack(name).mean()}


def _each(truth: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    for k in range(len(truth["labels"])):
        yield {name: values[k] for name, values in truth.items()}


def test_boxes_with_classes() -> None:
    losses = Boxes(net(outputs=6), Recipe(60, 2e-2), Run(0)).fit().losses
    assert losses[-1][1]["box"] < 0.5 * losses[0][1]["box"]
    assert set(losses[0][1]) == {"box", "class"}


# ---- batches ahead of the step ------------------------------------------------------------------


@pytest.mark.parametrize("threaded", [False, True])
def test_batches_come_in_order_and_end(threaded: bool) -> None:
    assert list(ahead(iter([1, None, 3]), CPU, threaded)) == [1, None, 3]


@pytest.mark.parametrize("threaded", [False, True])
def test_an_error_is_raised_where_its_batch_is_asked_for(threaded: bool) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ArithmeticError("no second batch")

    batches = ahead(broken(), CPU, threaded)
    assert next(batches) == 1
    with pytest.raises(ArithmeticError, match="no second batch"):
        next(batches)


def test_the_thread_works_ahead_and_ends() -> None:
    made: list[int] = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            made.append(number)
            yield number
            number += 1

    batches = ahead(endless(), CPU, threaded=True)
    assert next(batches) == 0
    for _ in range(1000):
        if len(made) > 2:
            break
        torch.rand(1000).sort()
    assert len(made) > 2  # nobody has asked for these yet
    batches.close()
    finished = len(made)
    assert finished <= 6
    assert len(made) == finished


def test_pinned_keeps_the_shape_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: self + 1)
    zero = torch.zeros(1)
    first, rest, name = pinned((zero, [zero, {"a": zero}], "name"))
    assert [first.item(), rest[0].item(), rest[1]["a"].item(), name] == [1, 1, 1, "name"]
    assert type(pinned(Batch(zero, zero))) is Batch


def test_the_keeper_copies() -> None:
    network, keeper = net(), Keeper(BestValidation())
    keeper.offer(1, 0.5, network)
    kept = state(network)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(1)
    keeper.offer(2, 0.1, network)
    keeper.restore(network)
    assert torch.equal(state(network), kept)
