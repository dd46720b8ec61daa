"""What all baselines of Table 1 share: told boundaries, pairing with sequential training, no leak."""

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

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
from medda_lib.studies.method import Run
from medda_lib.studies.setting import CONTINUAL, LeakError
from medda_lib.studies.stream import TOLD_BOUNDARIES
from medda_lib.studies.stream_trial import Snapshots, stream_trial
from medda_lib.studies.task import Slot, Task
from tests.methods.continual_toy import TRAINER, toy_run, toy_task

Baseline = LwF | MiB | EWC | RiemannianWalk | PLOP
BASELINES: list[type[Baseline]] = [LwF, MiB, EWC, RiemannianWalk, PLOP]
LONGER = with_recipe(TRAINER, steps=3)


def networks(found: Snapshots) -> list[DynUNet]:
    predictors = [found.after[k] for k in sorted(found.after)]
    return [p.network for p in predictors if isinstance(p, NetworkPredictor)]


def same(one: DynUNet, other: DynUNet) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


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


@dataclass(frozen=True)
class Toy:
    """The toy stream as a study describes it: a stage, and another after a boundary."""

    name: str = "balls"

    def build(self, seed: int) -> Task:
        """Always the same scans."""
        return toy_task(count=2, greys=(0.9, 0.2))

    def evaluations(self) -> Mapping[Slot, str]:
        """Both stages' test data."""
        return dict.fromkeys(self.build(0).tests(), "test")


@pytest.mark.parametrize("kind", BASELINES)
def test_a_trial_measures_every_stage_after_every_stage(kind: type[Baseline]) -> None:
    rows, _ = stream_trial(kind(TRAINER), Toy(), Toy().build(0), Run(7))
    found = {(row["evaluation"], row["domain"]) for row in rows if row["metric"] == "dice"}
    assert found == {(f"after {i}", f"stage {j}") for i in (1, 2) for j in (1, 2)}


def test_names_are_those_of_the_table() -> None:
    assert [kind().name for kind in BASELINES] == ["LwF", "MiB", "EWC", "RW", "PLOP"]
    assert all(kind.paper().trainer.recipe.steps == 50_000 for kind in BASELINES)
