"""What all baselines of Table 1 share: told boundaries, pairing with sequential training, no leak."""

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from medda_lib.methods.continual.ewc import EWC
from medda_lib.methods.continual.lwf import LwF
from medda_lib.methods.continual.mib import MiB
from medda_lib.methods.continual.plop import PLOP
from medda_lib.methods.continual.riemannian_walk import RiemannianWalk
from medda_lib.methods.continual.sequential import Sequential
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.training import with_recipe
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.setting import CONTINUAL, LeakError
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import TOLD_BOUNDARIES
from tests.methods.compare import same
from tests.methods.continual_toy import TRAINER, toy_run, toy_task

Baseline = LwF | MiB | EWC | RiemannianWalk | PLOP
BASELINES: list[type[Baseline]] = [LwF, MiB, EWC, RiemannianWalk, PLOP]
LONGER = with_recipe(TRAINER, steps=3)


def networks(found: Snapshots) -> list[DynUNet]:
    predictors = [found.after[k] for k in sorted(found.after)]
    return [p.network for p in predictors if isinstance(p, NetworkPredictor)]


@pytest.fixture(scope="module", autouse=True)
def libraries_at_rest() -> Iterator[None]:
    """Each stage ends with a garbage collection; it need not look through what was imported."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def sequential() -> list[DynUNet]:
    return networks(Sequential(LONGER).fit(toy_task().view(CONTINUAL), toy_run()))


@pytest.mark.parametrize("kind", BASELINES)
def test_only_an_announced_boundary_changes_the_training(
    kind: type[Baseline], sequential: list[DynUNet]
) -> None:
    """Stages 1 and 2 are of one distribution, stage 3 of another; no scan is held, so nothing leaks."""
    task = toy_task()
    assert task.boundaries == (True, False, True)
    found = networks(kind(LONGER).fit(task.view(TOLD_BOUNDARIES), toy_run()))
    assert same(found[0], sequential[0]), "the first stage has nothing to remember"
    assert same(found[1], sequential[1]), "nobody announced a change"
    assert not same(found[2], sequential[2])


@pytest.mark.parametrize("kind", BASELINES)
def test_boundaries_must_be_told(kind: type[Baseline]) -> None:
    assert kind.setting is TOLD_BOUNDARIES
    with pytest.raises(LeakError, match="TOLD_BOUNDARIES"):
        kind(LONGER).fit(toy_task().view(CONTINUAL), toy_run())


# In half precision the lowest map must not be two slices high: there PyTorch 2.13's convolution on the
# CPU (oneDNN) leaves parts of the weights' gradient unset, whatever was in memory.
DEEP = with_recipe(replace(TRAINER, deep_supervision=1, patch=(16, 12, 8)), precision="bfloat16")


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize(
    "trainer", [DEEP, replace(TRAINER, patch=(8, 8, 8))], ids=["deep", "patch"]
)
def test_training_as_in_the_paper_works_too(kind: type[Baseline], trainer: Trainer) -> None:
    task = toy_task(count=2, greys=(0.9, 0.2))
    for network in networks(kind(trainer).fit(task.view(TOLD_BOUNDARIES), toy_run())):
        assert all(torch.isfinite(p).all() for p in network.parameters())
