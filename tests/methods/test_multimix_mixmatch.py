"""Enc-MM: MixMatch's step against plain loops, and what it does to the weights beside the steps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from medda_lib.methods import mixmatch
from medda_lib.methods.multimix import MixMatchSettings, steps, system
from medda_lib.methods.multimix.batches import ImageSets, image_sets
from medda_lib.methods.normalise import standardise
from medda_lib.methods.training import with_recipe
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.studies.method import BestValidation, LastStep, Run
from tests.methods.compare import same
from tests.methods.tiny import settings, view

RELEASED = MixMatchSettings.released()


class Witness(steps.Context):
    """A context that notes which images were asked for class logits."""

    def logits(self, images: Tensor) -> Tensor:
        self.asked: list[Tensor]
        self.asked.append(images.detach())
        return super().logits(images)


def noted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tensor]:
    """The weights and partners that the next step mixes with."""
    found: dict[str, Tensor] = {}
    mix = mixmatch.mix_up

    def watched(images: Tensor, targets: Tensor, partners: Tensor, w: Tensor) -> tuple[Tensor, ...]:
        found.update(images=images, targets=targets, partners=partners, weights=w)
        return mix(images, targets, partners, w)

    monkeypatch.setattr(mixmatch, "mix_up", watched)
    return found


def plain_loss(network: nn.Module, pot: dict[str, Tensor], m: int, weight: float) -> Tensor:
    """Berthelot et al., equations 2 to 5 and 8 to 11, image by image."""
    assert isinstance(network, MultiMixNet)
    known, guessed = torch.zeros(()), torch.zeros(())
    for i, (j, w) in enumerate(zip(pot["partners"].tolist(), pot["weights"].tolist(), strict=True)):
        image = w * pot["images"][i : i + 1] + (1 - w) * pot["images"][j : j + 1]
        target = w * pot["targets"][i] + (1 - w) * pot["targets"][j]
        logits = network.classify(network.encode(standardise(image)))[0]
        q = logits.exp() / logits.exp().sum()
        if i < m:
            known = known - (target * q.log()).sum() / m
        else:
            guessed = guessed + ((target - q) ** 2).sum() / 2 / (len(pot["images"]) - m)
    return known + weight * guessed


def test_a_step_is_mixmatch_with_its_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guessed from two views and sharpened, mixed across labelled and unlabelled, ramped, weighed."""
    torch.manual_seed(0)
    network = MultiMixNet(2, 0.0, segment=False)
    given = settings(dropout=0.0, steps=10, mixmatch=RELEASED)
    context = Witness(network, given, torch.Generator().manual_seed(0))
    context.asked = []
    sets: ImageSets = image_sets(view(), "classification", given.when_full, torch.device("cpu"))
    assert sets.unlabelled is not None
    pot = noted(monkeypatch)
    found = steps.mixed(context, sets, sets.unlabelled)(5)
    m = given.recipe.batch

    views = context.asked[0]
    assert torch.equal(pot["images"][m:], views)
    q = network.classify(network.encode(standardise(views))).softmax(dim=1).detach()
    mean = (q[:m] + q[m:]) / 2
    sharp = mean**2 / (mean**2).sum(dim=1, keepdim=True)
    torch.testing.assert_close(pot["targets"][m:], torch.cat([sharp, sharp]))
    assert set(pot["targets"][:m].flatten().tolist()) == {0.0, 1.0}
    assert sorted(pot["partners"].tolist()) == list(range(3 * m))
    crossed = (pot["partners"][:m] >= m).any() and (pot["partners"][m:] < m).any()
    assert bool(crossed), "labelled and unlabelled images are mixed with each other"

    loss = plain_loss(network, pot, m, 75 * 5 / 10)
    ours = torch.stack(list(found.values())).sum()
    torch.testing.assert_close(ours, loss, rtol=1e-4, atol=1e-5)
    parameters = list(network.parameters())
    for a, b in zip(
        torch.autograd.grad(ours, parameters), torch.autograd.grad(loss, parameters), strict=True
    ):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_released_values_and_the_rule_for_a_short_training() -> None:
    """16,384 steps and more: as released. Fewer: one factor for ramp, memory and decay."""
    assert (RELEASED.guesses, RELEASED.temperature, RELEASED.alpha) == (2, 0.5, 0.75)
    assert (RELEASED.weight, RELEASED.ramp_steps, RELEASED.average) == (75, 16_384, 0.999)
    assert RELEASED.decay == pytest.approx(4e-5)
    for steps_ in (16_384, 100_000):
        assert RELEASED.adapted(steps_) == RELEASED
    short = RELEASED.adapted(512)  # each step for 32
    assert short.ramp_steps == 512
    assert short.average == pytest.approx(0.999**32)
    assert short.decay == pytest.approx(1 - (1 - 4e-5) ** 32)
    assert short.weight * mixmatch.ramp_up(512, short.ramp_steps) == 75
    assert short.adapted(512) == short
    assert MixMatchSettings().adapted(10) == MixMatchSettings()


@pytest.mark.parametrize("rule_at", [1, 3])
def test_the_average_is_what_is_validated_kept_and_returned(rule_at: int) -> None:
    """By hand: the same training without an average leaves the weights that the average is made of."""
    base = settings(steps=3, validate_every=rule_at, rule=BestValidation())
    averaged = replace(base, mixmatch=MixMatchSettings(average=0.5))
    trained = [
        system("Enc-MM", with_recipe(base, steps=n, rule=LastStep())).fit(view(), Run(seed=0))
        for n in (1, 2, 3)
    ]
    start = system("Enc-MM", base)
    torch.manual_seed(0)
    expected = [p.detach() for p in start.network().parameters()]
    averages = []
    for predictor in trained:
        now = [p.detach() for p in predictor.network.parameters()]
        expected = [0.5 * a + 0.5 * b for a, b in zip(expected, now, strict=True)]
        averages.append(expected)
    found = system("Enc-MM", averaged).fit(view(), Run(seed=0))
    chosen = averages[found.history.chosen - 1]
    for parameter, value in zip(found.network.parameters(), chosen, strict=True):
        torch.testing.assert_close(parameter.detach(), value, rtol=1e-4, atol=1e-6)


def test_decay_follows_the_learning_rate_and_leaves_other_systems_alone() -> None:
    base = settings(steps=1)
    decaying = replace(base, mixmatch=MixMatchSettings(decay=0.25))
    one, two = (system("Enc-MM", s).fit(view(), Run(seed=0)).network for s in (base, decaying))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(b.detach(), a.detach() * (0.75 if a.ndim > 1 else 1))
    others = (system("Enc", s).fit(view(), Run(seed=0)).network for s in (base, decaying))
    assert same(*others)


def test_weight_0_is_the_twin() -> None:
    given = settings(steps=1, mixmatch=replace(RELEASED, weight=0.0))
    losses = system("Enc-MM", given).fit(view(), Run(seed=0)).history.losses[0][1]
    assert losses["guessed"] == 0
    assert losses["cross-entropy"] > 0


@pytest.mark.parametrize("change", [{"average": 1.0}, {"average": -0.1}, {"decay": 1.0}])
def test_numbers_out_of_range_are_named(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        MixMatchSettings(**change)  # type: ignore[arg-type]
