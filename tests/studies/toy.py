"""A method and a task that take milliseconds: bright squares on noise, a two-number classifier."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from medda_lib.studies.method import Predictor, Run
from medda_lib.studies.run import Study
from medda_lib.studies.setting import SEMI_SUPERVISED, Role, Setting
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import Pool, Slot, Task, View

JOURNAL = "MEDDA_TOY_JOURNAL"
"""Environment variable: a file to which each fit appends its run's seed when it starts."""


@dataclass(frozen=True)
class ToyPredictor:
    weight: Tensor
    classifies: bool
    segments: bool

    def classify(self, images: Tensor) -> Tensor | None:
        if not self.classifies:
            return None
        p = torch.sigmoid(self.weight[0] * images.mean((1, 2, 3)) + self.weight[1])
        return torch.stack([1 - p, p], 1)

    def segment(self, images: Tensor) -> Tensor | None:
        return torch.sigmoid(12 * (images - 0.5)) if self.segments else None


@dataclass(frozen=True)
class ToyMethod:
    title: str = "Toy"
    steps: int = 5
    rate: float = 0.5
    pause: float = 0.0
    mistake: str = ""
    classifies: bool = True
    segments: bool = True

    kind: ClassVar[str] = "ToyMethod"
    setting: ClassVar[Setting] = SEMI_SUPERVISED

    @property
    def name(self) -> str:
        return self.title

    def fit(self, view: View, run: Run) -> Predictor:
        _journal(str(run.seed))
        if self.mistake == "raise":
            raise ValueError("this toy is broken")
        if self.mistake == "interrupt":
            raise KeyboardInterrupt
        pool = view.labelled(Role.LABELLED_SOURCE, "classification")
        if self.mistake == "write":
            pool.images.mul_(0.5)
        time.sleep(self.pause)
        weight = torch.randn(2, requires_grad=True)
        for _ in range(self.steps):
            logits = weight[0] * pool.images.mean((1, 2, 3)) + weight[1]
            target = pool.need_labels().float()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
            (slope,) = torch.autograd.grad(loss, weight)
            with torch.no_grad():
                weight -= self.rate * slope * float(1 + 0.01 * np.random.rand())  # noqa: NPY002
        return ToyPredictor(weight.detach(), self.classifies, self.segments)


@dataclass(frozen=True)
class ToyTask:
    images: int = 6
    size: int = 16

    kind: ClassVar[str] = "ToyTask"

    @property
    def name(self) -> str:
        return f"toy {self.images}"

    def build(self, seed: int) -> Task:
        generator = torch.Generator().manual_seed(seed)
        return Task(
            self.name,
            {slot: self._pool(slot, generator) for slot in (TRAIN, *self.evaluations())},
        )

    def evaluations(self) -> Mapping[Slot, str]:
        return {
            Slot(Role.TEST, "classification", "here"): "in-domain",
            Slot(Role.TEST, "segmentation", "here"): "in-domain",
            Slot(Role.TEST, "segmentation", "there"): "cross-domain",
        }

    def _pool(self, slot: Slot, generator: torch.Generator) -> Pool:
        n, s = self.images, self.size
        images = 0.4 * torch.rand(n, 1, s, s, generator=generator)
        masks = torch.zeros(n, 1, s, s, dtype=torch.bool)
        masks[:, :, 1 : s // 2, 1 : s // 2] = True
        labels = torch.arange(n) % 2
        images = images + 0.45 * masks + 0.1 * labels[:, None, None, None]
        patients = tuple(f"{slot.role.value} {slot.problem} {i}" for i in range(n))
        segments = slot.problem == "segmentation"
        return Pool(images, patients, None if segments else labels, masks if segments else None)


TRAIN = Slot(Role.LABELLED_SOURCE, "classification", "here")


def toy_spec(
    seed: int = 0, method: ToyMethod | None = None, task: ToyTask | None = None
) -> RunSpec:
    method = method or ToyMethod()
    condition = (("system", method.title), ("labels", "100"))
    return RunSpec("toys", "smoke", "phantom", condition, method, task or ToyTask(), seed)


def toy_study(methods: int = 4, seeds: int = 3, pause: float = 0.0) -> Study:
    """Twelve runs by default: four methods, three repetitions."""
    specs = tuple(
        toy_spec(seed, ToyMethod(f"Toy {i}", rate=0.1 * (i + 1), pause=pause))
        for seed in range(seeds)
        for i in range(methods)
    )
    return Study("toys", specs)


def _journal(line: str) -> None:
    if JOURNAL in os.environ:
        with Path(os.environ[JOURNAL]).open("a") as file:
            file.write(line + "\n")
