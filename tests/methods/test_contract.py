"""What every method owes, whatever it is: one contract over all systems of all papers.

The systems are those of the papers' studies at `smoke`, so a new paper's are held to this from the first
day. Each learns a toy task of its setting, with its own number of steps.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from medda_lib.papers.catalogue import papers, study_module
from medda_lib.papers.standing import system_of
from medda_lib.studies import artefacts
from medda_lib.studies.identity import canonical
from medda_lib.studies.method import Method, Predictor, Run
from medda_lib.studies.setting import (
    CONTINUAL,
    SEMI_SUPERVISED,
    TEST_TIME,
    UNSUPERVISED_ADAPTATION,
    LeakError,
    Role,
)
from medda_lib.studies.stream import ALL_AT_ONCE, TOLD_BOUNDARIES
from medda_lib.studies.task import Task
from medda_lib.studies.trial import fixed_chance
from tests.methods import continual_toy, tiny, two_sites

STREAMS = {CONTINUAL.name, TOLD_BOUNDARIES.name, ALL_AT_ONCE.name}
TASKS: dict[str, Callable[[], Task]] = {
    SEMI_SUPERVISED.name: tiny.task,
    UNSUPERVISED_ADAPTATION.name: two_sites.task,
    TEST_TIME.name: lambda: two_sites.task(source=3),
    **dict.fromkeys(STREAMS, continual_toy.toy_task),
}
"""A toy task of each setting; a paper in a new setting adds one."""


def systems() -> Iterator[tuple[str, str, Method]]:
    """Paper, system and method of each system once, as the paper's first kind of data has it."""
    for paper in (one for one in papers() if one.chapter):
        module = study_module(paper.key)
        known: set[str] = set()
        for spec in module.study("smoke", next(iter(module.DATA)), 1).specs:
            if system_of(spec) not in known:
                known.add(system_of(spec))
                yield paper.key, system_of(spec), spec.method


ALL = list(systems())
EACH = pytest.mark.parametrize(
    "method", [m for _, _, m in ALL], ids=[f"{p} {s}" for p, s, _ in ALL]
)


Told = tuple[int, int, dict[str, float]]
"""Number of the step, number of steps, losses."""


@dataclass(frozen=True)
class Fit:
    """A method after learning its toy task, what it told of each step, and the task it has seen."""

    predictor: Predictor
    told: list[Told]
    task: Task


def fitted(method: Method) -> Fit:
    told: list[Told] = []
    task = TASKS[method.setting.name]()
    run = Run(3, progress=lambda *step: told.append(step))
    artefacts.forget()
    with fixed_chance(3, threads=1):
        before = torch.get_rng_state()
        found = Fit(method.fit(task.view(method.setting), run), told, task)
        assert torch.equal(torch.get_rng_state(), before), "it drew from the caller's generator"
    return found


def tensors(task: Task) -> list[Tensor]:
    pools = task.pools.values()
    return [t for p in pools for t in (p.images, p.labels, p.masks) if t is not None]


def predicted(predictor: Predictor, images: Tensor) -> list[Tensor]:
    with fixed_chance(3, threads=1):
        found = (predictor.classify(images), predictor.segment(images))
    return [x.detach() for x in found if x is not None]


def shown(method: Method) -> Tensor:
    """Images to predict: two slices, or one whole scan of a stream."""
    if method.setting.name in STREAMS:
        pool = continual_toy.balls("a", 1, 0.9)
        return pool.images
    if method.setting.name == SEMI_SUPERVISED.name:
        return tiny.images_of(2, 99)[0]
    return two_sites.scans(1, 9).images


@EACH
def test_it_learns_and_predicts_probabilities_the_same_twice(method: Method) -> None:
    one, two = fitted(method), fitted(method)
    assert one.told
    assert all(math.isfinite(value) for *_, losses in one.told for value in losses.values())
    assert all(step == 1 or step == before + 1 for (before, *_), (step, *_) in pairwise(one.told))
    assert one.told[-1][0] == one.told[-1][1], "a training ends with its last step"
    images = shown(method)
    found = predicted(one.predictor, images)
    assert found, "a system classifies, segments, or both"
    for p, again in zip(found, predicted(two.predictor, images), strict=True):
        assert len(p) == len(images)
        assert bool(((p >= 0) & (p <= 1)).all())
        assert torch.equal(p, again)
        if p.ndim == 2:
            torch.testing.assert_close(p.sum(dim=1), torch.ones(len(p)), atol=1e-4, rtol=0)
    fresh = TASKS[method.setting.name]()
    untouched = zip(tensors(one.task), tensors(fresh), strict=True)
    assert all(torch.equal(a, b) for a, b in untouched), "it wrote into what it was shown"


@EACH
def test_its_setting_hides_the_test_data(method: Method) -> None:
    view = TASKS[method.setting.name]().view(method.setting)
    for problem in ("classification", "segmentation"):
        assert view.domains(Role.TEST, problem) == ()
        with pytest.raises(LeakError):
            view.labelled(Role.TEST, problem)


@EACH
def test_it_is_a_specification_with_the_papers_numbers(method: Method) -> None:
    assert canonical(method, "method")["fields"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.anything = 1  # type: ignore[attr-defined]
    assert method.name
    assert isinstance(type(method).paper(), type(method))  # type: ignore[attr-defined]
