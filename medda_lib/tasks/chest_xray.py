"""The chest X-ray world: pneumonia classification and lung segmentation from different sources.

`ChestXrayTask` is the task of MultiMix: images with class labels come from one source, images with
lung masks from another, and each problem is tested at home (in-domain) and at a site that no
training image came from (cross-domain). It is built from phantoms or from real data; both fill the
same slots, so a method cannot tell. How many images carry labels or masks is the condition under
study: the labelled few are drawn by the repetition's seed, are nested (the 10 are among the 50),
and all other training images are unlabelled. When all are labelled, the same images serve again
without labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from medda_lib.datasets.splits import first_labelled
from medda_lib.studies.setting import Role
from medda_lib.studies.task import CLASSIFICATION, SEGMENTATION, Pool, Slot, Task
from medda_lib.tasks.phantom_pools import phantom_pool
from medda_lib.tasks.real_pools import real_pool

IN_DOMAIN, CROSS_DOMAIN = "in-domain", "cross-domain"


@dataclass(frozen=True)
class Counts:
    """Images of one phantom domain per part, as in the paper's Table 1."""

    kind: ClassVar[str] = "ChestXrayCounts"

    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class PhantomSources:
    """Four phantom domains stand for CheX, JSRT, MCU and NIHX (Haque et al., Table 1)."""

    kind: ClassVar[str] = "PhantomChestXrays"

    classification: Counts
    segmentation: Counts
    cross_classification: int
    cross_segmentation: int
    rule: str = "lungs"

    def pools(self, size: int, millimetres: bool = False) -> dict[Slot, Pool]:
        """Every pool by role, before anything is marked as unlabelled; see `only`."""
        pools: dict[Slot, Pool] = {}
        sources = (
            (CLASSIFICATION, "chex", self.classification),
            (SEGMENTATION, "jsrt", self.segmentation),
        )
        for problem, domain, n in sources:
            for role, part, count in (
                (Role.LABELLED_SOURCE, "train", n.train),
                (Role.VALIDATION_SOURCE, "validation", n.validation),
                (Role.TEST, "test", n.test),
            ):
                pool = phantom_pool(domain, part, count, size, self.rule)
                pools[Slot(role, problem, domain)] = only(problem, pool, millimetres)
        for problem, domain, count in (
            (CLASSIFICATION, "nihx", self.cross_classification),
            (SEGMENTATION, "mcu", self.cross_segmentation),
        ):
            pool = phantom_pool(domain, "test", count, size, self.rule)
            pools[Slot(Role.TEST, problem, domain)] = only(problem, pool, millimetres)
        return pools


@dataclass(frozen=True)
class RealSources:
    """The small public sets: classes from an NIH subset, lungs from A, cross-domain lungs from B.

    B's masks include the heart shadow and its patients have COVID-19: part of any drop from A to B
    is the label definition. No second set with class labels is at hand, so classification has no
    cross-domain test; its cells stay empty.
    """

    kind: ClassVar[str] = "RealChestXrays"

    reads: ClassVar[tuple[str, ...]] = ("nih_chestxray14_subset", "lung_xray_a", "lung_xray_b")

    fractions: tuple[float, float, float] = (0.65, 0.10, 0.25)
    split_seed: int = 0

    def pools(self, size: int, millimetres: bool = False) -> dict[Slot, Pool]:
        """Every pool by role; patients of the NIH subset stay in one part. See `only`."""
        pools: dict[Slot, Pool] = {}
        for problem, name in (
            (CLASSIFICATION, "nih_chestxray14_subset"),
            (SEGMENTATION, "lung_xray_a"),
        ):
            for role, part in (
                (Role.LABELLED_SOURCE, "train"),
                (Role.VALIDATION_SOURCE, "validation"),
                (Role.TEST, "test"),
            ):
                pool = real_pool(name, part, size, self.fractions, self.split_seed)
                pools[Slot(role, problem, name)] = only(problem, pool, millimetres)
        cross = real_pool("lung_xray_b", "all", size, self.fractions, self.split_seed)
        pools[Slot(Role.TEST, SEGMENTATION, "lung_xray_b")] = only(SEGMENTATION, cross, millimetres)
        return pools


@dataclass(frozen=True)
class ChestXrayTask:
    """The task of one condition: `labels` class labels and `masks` masks; None means all.

    millimetres: pools with masks carry the size of their pixels (see `studies.task.Pool`).
    """

    kind: ClassVar[str] = "ChestXrayTask"

    sources: PhantomSources | RealSources
    size: int
    labels: int | None
    masks: int | None
    millimetres: bool = False

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        kind = "phantoms" if isinstance(self.sources, PhantomSources) else "real X-rays"
        return f"{kind} {self.size}x{self.size}, labels {self.labels}, masks {self.masks}"

    def build(self, seed: int) -> Task:
        """The task of repetition `seed`: it draws who is labelled."""
        pools = self.sources.pools(self.size, self.millimetres)
        for slot in [s for s in pools if s.role is Role.LABELLED_SOURCE]:
            wanted = self.labels if slot.problem == CLASSIFICATION else self.masks
            labelled, unlabelled = few_labelled(pools[slot], wanted, seed)
            pools[slot] = labelled
            pools[slot._replace(role=Role.UNLABELLED_SOURCE)] = unlabelled
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """The source's own test data are in-domain, the others cross-domain."""
        real = isinstance(self.sources, RealSources)
        homes = ("nih_chestxray14_subset", "lung_xray_a") if real else ("chex", "jsrt")
        away = ("lung_xray_b",) if real else ("nihx", "mcu")
        problems = {"lung_xray_a", "lung_xray_b", "jsrt", "mcu"}
        return {
            Slot(Role.TEST, SEGMENTATION if d in problems else CLASSIFICATION, d): (
                IN_DOMAIN if d in homes else CROSS_DOMAIN
            )
            for d in (*homes, *away)
        }


def few_labelled(pool: Pool, wanted: int | None, seed: int) -> tuple[Pool, Pool]:
    """Split a training pool into labelled and unlabelled images.

    wanted None (or the pool's size) labels all, and the same images come back as the unlabelled
    pool. Raises ValueError when fewer images exist than labels are wanted.
    """
    if wanted is None or wanted == len(pool):
        return pool, pool
    if wanted > len(pool):
        raise ValueError(f"{wanted} labelled images are wanted but the pool has {len(pool)}")
    strata = pool.labels if pool.labels is not None else torch.zeros(len(pool), dtype=torch.int64)
    chosen = torch.as_tensor(first_labelled(strata.numpy(), wanted, seed), dtype=torch.int64)
    return pool.take(chosen), pool.take(_others(len(pool), chosen))


def only(problem: str, pool: Pool, millimetres: bool = False) -> Pool:
    """The pool with the truth of one problem: the other one's truth does not exist for it.

    millimetres: with masks also the size of the pixels, so that distances get a unit.
    """
    if problem == CLASSIFICATION:
        return Pool(pool.images, pool.patients, labels=pool.need_labels())
    pixel = pool.pixel if millimetres else None
    return Pool(pool.images, pool.patients, masks=pool.need_masks(), pixel=pixel)


def _others(n: int, chosen: Tensor) -> Tensor:
    keep = torch.ones(n, dtype=torch.bool)
    keep[chosen] = False
    return keep.nonzero().squeeze(1)
