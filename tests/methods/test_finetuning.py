"""The common fine-tuning: batches, what is seen, which state is kept; three steps of every method."""

from dataclasses import dataclass, field, replace

import pytest
import torch
from torch import Tensor

from medda_lib.methods.adabn import AdaBN
from medda_lib.methods.adaptsegnet import AdaptSegNet
from medda_lib.methods.aiva import AIVA, Clustering
from medda_lib.methods.finetuning import (
    PROSTATE,
    RELEASED_PROSTATE,
    RELEASED_SKULL_STRIPPING,
    SKULL_STRIPPING,
    Batch,
    Objective,
    finetune,
    sites_of,
)
from medda_lib.methods.finetuning.loop import validation_dice
from medda_lib.methods.seg_jdot import SegJDOT
from medda_lib.methods.source_network.shared import pretrained
from medda_lib.methods.training import with_recipe
from medda_lib.methods.training.history import SCORE
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import CheckpointRule, LastStep, Method, Run
from medda_lib.studies.setting import UNSUPERVISED_ADAPTATION, LeakError, Role
from medda_lib.studies.task import Task
from tests.methods.compare import same
from tests.methods.two_sites import DEPTH, FINETUNING, SEGMENTER, task, view

METHODS: tuple[Method, ...] = (
    AdaBN(SEGMENTER),
    SegJDOT(SEGMENTER, FINETUNING),
    AdaptSegNet(SEGMENTER, FINETUNING, width=4),
    AIVA(SEGMENTER, FINETUNING, Clustering(k=3, components=4, iterations=250)),
)


@dataclass
class Watch(Objective):
    """An objective that adds nothing and notes what it is shown."""

    calls: list[str] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)

    def epoch(self, network: ResidualUNet, upcoming: list[Batch]) -> None:
        assert not network.training
        self.calls.append(f"epoch of {len(upcoming)}")

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        assert len(bottleneck) == len(logits) == 2 * len(masks)
        self.calls.append("step")
        self.batches.append(batch)
        return logits.sum() * 0


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_no_truth_of_the_target_can_be_reached(method: Method) -> None:
    """The released code keeps, among others, the state that labels of the target's test scans chose."""
    assert method.setting == UNSUPERVISED_ADAPTATION
    seen = task().view(method.setting)
    assert seen.domains(Role.TEST, "segmentation") == ()
    for role in (Role.TEST, Role.VALIDATION_TARGET, Role.LABELLED_TARGET, Role.UNLABELLED_TARGET):
        with pytest.raises(LeakError):
            seen.labelled(role, "segmentation", "there")
    with pytest.raises(LeakError):
        _ = seen.unlabelled(Role.UNLABELLED_TARGET, "segmentation").masks


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_target_masks_change_nothing(method: Method) -> None:
    """With every mask of the target turned inside out, the same network comes out, bit for bit."""
    honest = task()
    pools = dict(honest.pools)
    for slot, pool in honest.pools.items():
        if slot.domain == "there":
            pools[slot] = replace(pool, masks=~pool.need_masks())
    fitted = [method.fit(t.view(method.setting), Run(3)) for t in (honest, Task("lies", pools))]
    one, two = (found.network for found in fitted)  # type: ignore[attr-defined]
    assert same(one, two)
    source = pretrained(sites_of(view()).source, SEGMENTER, "here", Run(3)).network
    assert not same(one, source), "it has learned nothing"


def test_an_epoch_shows_every_source_slice_once() -> None:
    sites = sites_of(view())
    watch = Watch()
    finetune(sites, SEGMENTER, replace(FINETUNING, steps=5), Run(0), watch)
    assert len(sites.source) == 2 * DEPTH
    assert watch.calls == ["epoch of 2", "step", "step"] * 2 + ["epoch of 1", "step"]
    for start in (0, 2):
        for which in (0, 1):
            shown = torch.cat([batch[which] for batch in watch.batches[start : start + 2]])
            assert sorted(shown.tolist()) == list(range(2 * DEPTH))


def test_batches_of_a_small_site_come_round() -> None:
    sites = sites_of(view())
    few = replace(sites, target=sites.target[:3])
    for batch in few.batches(9, 4, torch.Generator().manual_seed(1)):
        assert len(batch.target) == 4
        assert int(batch.target.max()) < 3


@dataclass(frozen=True)
class Named(CheckpointRule):
    """Keeps one step, whatever its score."""

    wanted: int = 0

    def choose(self, scores: dict[int, float]) -> int:
        return self.wanted if self.wanted in scores else max(scores)


def test_the_state_that_the_rule_names_is_returned() -> None:
    sites = sites_of(view())
    short = finetune(
        sites, SEGMENTER, replace(FINETUNING, steps=2, rule=LastStep()), Run(0), Watch()
    )
    # the decay depends on the number of steps, so stop the same training at another checkpoint
    long = replace(FINETUNING, steps=4)
    last = finetune(sites, SEGMENTER, replace(long, rule=LastStep()), Run(0), Watch())
    early = finetune(sites, SEGMENTER, replace(long, rule=Named(2)), Run(0), Watch())
    assert [found.history.chosen for found in (short, last, early)] == [2, 4, 2]
    assert not same(last.network, early.network)
    score = validation_dice(early.network, sites, SEGMENTER, torch.device("cpu"))
    assert score == dict(early.history.scores)[2][SCORE] == dict(last.history.scores)[2][SCORE]


def test_the_state_that_is_kept_has_the_highest_score_on_the_source() -> None:
    """The released code keeps the one with the lowest."""
    for recipe in (SKULL_STRIPPING, PROSTATE, RELEASED_SKULL_STRIPPING, RELEASED_PROSTATE):
        assert recipe.rule.choose({500: 0.7, 1000: 0.9, 1500: 0.8}) == 1000
    found = finetune(sites_of(view()), SEGMENTER, replace(FINETUNING, steps=6), Run(0), Watch())
    scores = {step: values[SCORE] for step, values in found.history.scores}
    assert len(scores) == 3
    assert scores[found.history.chosen] == max(scores.values())


def test_validation_dice_is_the_mean_over_scans() -> None:
    sites = sites_of(task().view(UNSUPERVISED_ADAPTATION))
    both = replace(sites, validation=sites.source)
    network = pretrained(sites.source, with_recipe(SEGMENTER, steps=10), "here", Run(0)).network
    found = (network.eval()(both.validation.images).sigmoid() >= 0.5).flatten(1)
    truth = both.validation.need_masks().flatten(1)
    scores = []
    for scan in range(2):
        p, m = (x[scan * DEPTH : (scan + 1) * DEPTH] for x in (found, truth))
        scores.append(2 * float((p & m).sum()) / float(p.sum() + m.sum()))
    measured = validation_dice(network, both, SEGMENTER, torch.device("cpu"))
    assert measured == pytest.approx(sum(scores) / 2)


def test_settings_of_the_paper() -> None:
    assert (SKULL_STRIPPING.steps, PROSTATE.steps) == (6500, 3500)
    assert (SKULL_STRIPPING.batch, SKULL_STRIPPING.learning_rate) == (16, 1e-3)
