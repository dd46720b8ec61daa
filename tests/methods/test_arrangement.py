"""Arrangements of a fine-tuning: the twin, paired minibatches, what is trained, how slices pass."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from medda_lib.methods.adabn import AdaBN, restate
from medda_lib.methods.adaptsegnet import AdaptSegNet
from medda_lib.methods.aiva import AIVA, Clustering, Pull
from medda_lib.methods.finetuning import (
    PROSTATE,
    RELEASED_PROSTATE,
    RELEASED_SKULL_STRIPPING,
    Arrangement,
    Batch,
    Finetuned,
    FineTuning,
    Objective,
    Tuning,
    finetune,
    sites_of,
)
from medda_lib.methods.finetuning.balance import gradient_norms
from medda_lib.methods.seg_jdot import SegJDOT
from medda_lib.methods.source_network.shared import pretrained
from medda_lib.methods.source_network.training import segmentation_loss
from medda_lib.methods.training import SGD, Adam, Recipe
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import LastStep, Run
from tests.methods.compare import same
from tests.methods.test_finetuning import Watch
from tests.methods.two_sites import FINETUNING, SEGMENTER, view

CLUSTERING = Clustering(k=3, components=4, iterations=250)
COMMON = (SEGMENTER, replace(FINETUNING, rule=LastStep()))
OFF: tuple[Finetuned, ...] = (
    AIVA(*COMMON, CLUSTERING, Pull(strength=0.0)),
    SegJDOT(*COMMON, feature_weight=0.0, label_weight=0.0),
    AdaptSegNet(*COMMON, weight=0.0, width=4),
)
ON: tuple[Finetuned, ...] = (
    AIVA(*COMMON, CLUSTERING),
    SegJDOT(*COMMON),
    AdaptSegNet(*COMMON, weight=1.0, width=4),
)


def network(run: Run | None = None) -> ResidualUNet:
    sites = sites_of(view())
    return pretrained(sites.source, SEGMENTER, sites.name, run or Run(0)).network


def tuning(
    arrangement: Arrangement,
    recipe: Recipe = FINETUNING,
    run: Run | None = None,
    added: Objective | None = None,
) -> Tuning:
    run = run or Run(0)
    parts = sites_of(view()), SEGMENTER, recipe, run, added or Objective()
    return Tuning(network(run), *parts, arrangement)


# --- the twin --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", OFF, ids=lambda m: m.name)
def test_with_the_term_off_it_is_the_fine_tuning_alone(method: Finetuned) -> None:
    alone = FineTuning(*COMMON).fit(view(), Run(3)).network
    assert same(method.fit(view(), Run(3)).network, alone)  # type: ignore[attr-defined]


@pytest.mark.parametrize("method", ON, ids=lambda m: m.name)
def test_with_the_term_on_it_is_not(method: Finetuned) -> None:
    alone = FineTuning(*COMMON).fit(view(), Run(3)).network
    assert not same(method.fit(view(), Run(3)).network, alone)  # type: ignore[attr-defined]


def test_the_twin_has_the_targets_slices_in_its_statistics() -> None:
    """It is no training on the source alone."""
    sites, run = sites_of(view()), Run(3)
    dark = replace(sites, target=sites.target * 0.1)
    one, two = (finetune(s, *COMMON, run, Objective()).network for s in (sites, dark))
    assert not same(one, two)


def test_paired_systems_see_the_same_minibatches() -> None:
    def order(paired: bool, seed: int, repetition: int = 0) -> Tensor:
        method = FineTuning(*COMMON, arrangement=Arrangement(paired))
        run = method.chance("here", Run(seed, repetition=repetition))
        return torch.cat([torch.cat(b) for b in tuning(Arrangement(), run=run).order])

    assert torch.equal(order(True, 1), order(True, 2))
    assert not torch.equal(order(True, 1), order(True, 1, repetition=1))
    assert not torch.equal(order(False, 1), order(False, 2))


@pytest.mark.parametrize("method", [*ON, FineTuning(*COMMON)], ids=lambda m: m.name)
def test_paired_systems_do_not_depend_on_the_runs_own_seed(method: Finetuned) -> None:
    paired = replace(method, arrangement=Arrangement(paired=True))
    one, two = (paired.fit(view(), Run(seed)).network for seed in (1, 2))  # type: ignore[attr-defined]
    assert same(one, two)


# --- what is trained -------------------------------------------------------------------------------


def test_most_of_the_decoder_can_be_frozen() -> None:
    before, run = network(), Run(0)
    frozen = Arrangement(layers="encoder and output")
    after = finetune(sites_of(view()), *COMMON, run, Objective(), frozen).network
    for (name, one), two in zip(before.named_parameters(), after.parameters(), strict=True):
        moved = not torch.equal(one, two)
        assert moved != name.startswith("up.0."), name
    held = dict(before.named_buffers())
    for name, value in after.named_buffers():
        assert not torch.equal(value, held[name]), f"{name}: statistics of all layers follow"


def test_statistics_of_the_target_can_follow_the_training() -> None:
    sites, run = sites_of(view()), Run(3)
    plain = FineTuning(*COMMON).fit(view(), run).network
    late = FineTuning(*COMMON, arrangement=Arrangement(restate=True)).fit(view(), run).network
    wanted = copy.deepcopy(plain)
    restate(wanted, sites.target, SEGMENTER, run)
    assert same(late, wanted)
    assert not same(late, plain)
    for one, two in zip(plain.parameters(), late.parameters(), strict=True):
        assert torch.equal(one, two)


def test_aiva_has_a_variant_with_adabns_statistics() -> None:
    plain, run = AIVA(*COMMON, CLUSTERING), Run(3)
    late = replace(plain, arrangement=Arrangement(restate=True)).fit(view(), run).network
    wanted = plain.fit(view(), run).network
    restate(wanted, sites_of(view()).target, SEGMENTER, run)
    assert same(late, wanted)


def test_adabn_is_the_source_network_restated() -> None:
    sites, run = sites_of(view()), Run(3)
    wanted = network(run)
    restate(wanted, sites.target, SEGMENTER, run)
    assert same(AdaBN(SEGMENTER).fit(view(), run).network, wanted)


# --- how slices go through -------------------------------------------------------------------------


@pytest.mark.parametrize("parts", [1, 2])
def test_apart_every_minibatch_has_its_own_statistics(parts: int) -> None:
    found = tuning(Arrangement(passes="apart", parts=parts))
    step, sites, batch = found.order[0], found.sites, FINETUNING.batch
    by_hand = copy.deepcopy(found.unet).train()
    list(found.terms(step, 1))  # the network is in training mode in a step
    found.unet.load_state_dict(network().state_dict())
    found.unet.train()
    images = torch.cat([sites.source.images[step.source], sites.target[step.target]])
    bottleneck, logits = found._through(images)
    halves = images.split(batch * parts)
    ours: list[list[Tensor]] = [[], []]
    for source, target in zip(*(half.split(batch) for half in halves), strict=True):
        for k, part in enumerate((source, target)):
            ours[k].append(by_hand(part))
    assert len(bottleneck) == len(images)
    torch.testing.assert_close(logits, torch.cat(ours[0] + ours[1]))
    layers = zip(found.unet.buffers(), by_hand.buffers(), strict=True)
    assert all(torch.allclose(one, two) for one, two in layers), "another order of the passes"


class Far(Objective):
    """Pulls every bottleneck to 3."""

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        return 0.5 * (bottleneck[len(masks) :] - 3).square().mean()


@pytest.mark.parametrize("parts", [1, 2])
def test_a_step_follows_each_loss_once(parts: int) -> None:
    """Equation 3, however many minibatches there are: the released code adds their entropies up."""
    recipe = replace(FINETUNING, optimiser=SGD(0.0, nesterov=False), learning_rate=1.0, steps=1)
    found = tuning(Arrangement(passes="apart", parts=parts), recipe, added=Far())
    by_hand, step = copy.deepcopy(found.unet).train(), found.order[0]
    batch = FINETUNING.batch
    losses = []
    for source, target in zip(step.source.split(batch), step.target.split(batch), strict=True):
        logits = by_hand(found.sites.source.images[source])
        masks = found.sites.source.need_masks()[source]
        bottom = by_hand.encode(found.sites.target[target])[-1]
        pull = 0.5 * (bottom - 3).square().mean()
        losses.append(segmentation_loss(logits, masks, SEGMENTER) + pull)
    loss = torch.stack(losses).mean()
    gradients = torch.autograd.grad(loss, list(by_hand.parameters()), materialize_grads=True)
    before = [p.detach().clone() for p in found.unet.parameters()]
    found.fit()
    moved = [old - new for old, new in zip(before, found.unet.parameters(), strict=True)]
    for one, two in zip(moved, gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5)


def test_an_epoch_can_have_any_number_of_steps() -> None:
    watch = Watch()
    arrangement = Arrangement(epoch=3)
    recipe = replace(FINETUNING, steps=4)
    found = finetune(sites_of(view()), SEGMENTER, recipe, Run(0), watch, arrangement)
    assert watch.calls == ["epoch of 3", "step", "step", "step", "epoch of 1", "step"]
    assert [number for number, _ in found.history.scores] == [3, 4]


@dataclass
class Scaled(Far):
    """The same pull, so many times as strong."""

    scale: float

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        return self.scale * super().term(bottleneck, logits, masks, batch)


def test_the_gradient_of_each_term_is_measured_and_nothing_moves() -> None:
    weak, strong = (tuning(Arrangement(), added=Scaled(scale)) for scale in (1.0, 10.0))
    one, ten = (gradient_norms(found, found.order[0]) for found in (weak, strong))
    assert ten["adaptation"] == pytest.approx(10 * one["adaptation"], rel=1e-4)
    assert ten["segmentation"] == pytest.approx(one["segmentation"], rel=1e-4)
    for old, new in zip(network().parameters(), strong.unet.parameters(), strict=True):
        assert torch.equal(old, new)


# --- numbers ---------------------------------------------------------------------------------------


def test_numbers_of_the_released_code() -> None:
    heads, glands = Arrangement.released(), Arrangement.released_prostate()
    assert (RELEASED_SKULL_STRIPPING.batch, RELEASED_PROSTATE.batch) == (8, 8)
    assert 8 * heads.parts > 35 >= 8 * (heads.parts - 1)
    assert 8 * glands.parts > 20 >= 8 * (glands.parts - 1)
    assert heads.epoch == 1000 // heads.parts
    assert glands.epoch == round(50 / glands.parts)
    assert RELEASED_SKULL_STRIPPING.steps == (6500 - 1000) // heads.parts
    assert RELEASED_PROSTATE.steps == (PROSTATE.steps - 50) // glands.parts
    assert RELEASED_SKULL_STRIPPING.optimiser == SGD(0.9, nesterov=True, weight_decay=5e-4)
    assert RELEASED_PROSTATE.optimiser == Adam(weight_decay=5e-4)
    rates = RELEASED_SKULL_STRIPPING.learning_rate, RELEASED_PROSTATE.learning_rate
    assert rates == (5e-6, 1e-6)
    factors = [RELEASED_SKULL_STRIPPING.schedule.factor(n, 1100) for n in (0, 999, 1000, 1099)]
    assert factors == [1, 1, 0.1, 0.1]


@pytest.mark.parametrize(
    "wrong", [{"layers": "some"}, {"passes": "twice"}, {"parts": 0}, {"epoch": 0}]
)
def test_wrong_arrangements_name_the_field(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Arrangement(**wrong)  # type: ignore[arg-type]
