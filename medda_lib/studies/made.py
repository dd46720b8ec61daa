"""Metrics on input made for them: what small studies cannot tell apart shows here.

Networks after a few steps predict next to nothing, and many a metric is zero or constant for them; on
coarse voxels two tolerances give one value. So a fingerprint also holds every metric on masks and
probabilities that are made by formula, such that each metric has a value of its own, neither 0 nor 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from medda_lib.studies.evaluate import Row, evaluate
from medda_lib.studies.setting import Role
from medda_lib.studies.task import Pool, Slot, Task

KINDS = ("classification", "images", "scans")
SPACING = (0.9, 0.31, 0.23)
DEPTH, SIDE = 14, 48
"""Small voxels: surfaces lie at many distances from each other, so that any tolerance shows."""


def kinds_of(task: Task) -> set[str]:
    """What a task is tested on: "classification", "images" (with masks), "scans" (with spacing)."""
    return {_kind(slot, pool) for slot, pool in task.pools.items() if slot.role is Role.TEST}


def unit_rows(kinds: Iterable[str]) -> list[Row]:
    """Every metric of the kinds on the made input; the evaluation is "unit", the domain the kind."""
    rows: list[Row] = []
    for kind in sorted(kinds):
        problem = "classification" if kind == "classification" else "segmentation"
        made = _Made(kind, Slot(Role.TEST, problem, kind))
        rows += evaluate(made, made.build(0), made)[0]
    return rows


def _kind(slot: Slot, pool: Pool) -> str:
    if slot.problem == "classification":
        return slot.problem
    return "images" if pool.spacing is None else "scans"


@dataclass(frozen=True)
class _Made:
    """A task specification whose "system" knows what to predict: the answer is the second channel."""

    kind: str
    slot: Slot

    @property
    def name(self) -> str:
        return f"made {self.kind}"

    def build(self, seed: int) -> Task:
        """One test pool: the prediction hides in the images, the truth beside them."""
        if self.kind == "classification":
            pool = _classes()
        else:
            pool = _scans() if self.kind == "scans" else _images()
        return Task(self.name, {self.slot: pool})

    def evaluations(self) -> Mapping[Slot, str]:
        return {self.slot: "unit"}

    def classify(self, images: Tensor) -> Tensor | None:
        p = images.mean((1, 2, 3))
        return torch.stack([1 - p, p], 1)

    def segment(self, images: Tensor) -> Tensor | None:
        return images


def _classes() -> Pool:
    """Twenty answers between .04 and .96, two thirds of them right, one in between."""
    n = torch.arange(20)
    answers = 0.04 + 0.92 * ((7 * n) % 20) / 19
    labels = ((answers > 0.5) ^ (n % 3 == 0)).long()
    return Pool(
        answers.float()[:, None, None, None].expand(-1, 1, 2, 2).clone(), _names(20), labels
    )


def _images() -> Pool:
    """Discs and soft discs that lie a little beside them."""
    at = torch.stack(torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")).double()
    centres = torch.tensor([[25.0, 22.0], [21.0, 26.0], [28.0, 20.0]])[:, :, None, None]
    true = (at - centres).norm(dim=1) - 12.0
    guess = (at - centres - 3.3).norm(dim=1) - 11.0
    return Pool(_soft(guess)[:, None], _names(3), masks=(true < 0)[:, None])


def _scans() -> Pool:
    """Two balls in millimetres, and larger soft balls one and a half millimetres beside them."""
    sides = [s * torch.arange(n) for s, n in zip(SPACING, (DEPTH, SIDE, SIDE), strict=True)]
    at = torch.stack(torch.meshgrid(*sides, indexing="ij")).double()
    centres = torch.tensor([[5.6, 6.9, 5.2], [6.1, 6.5, 4.9]])[:, :, None, None, None]
    true = (at - centres).norm(dim=1) - 3.6
    guess = (at - centres - 0.9).norm(dim=1) - 4.0
    names = tuple(name for name in _names(2) for _ in range(DEPTH))
    masks = (true < 0).flatten(0, 1)[:, None]
    return Pool(_soft(guess).flatten(0, 1)[:, None], names, masks=masks, spacing=SPACING)


def _soft(distance: Tensor) -> Tensor:
    """Probabilities that fall from 1 to 0 across a surface."""
    return torch.sigmoid(-2.0 * distance).float()


def _names(n: int) -> tuple[str, ...]:
    return tuple(f"made {i}" for i in range(n))
