"""A debug task of two sites: bright squares on a grey ground, darker and flatter on the target."""

from __future__ import annotations

import torch

from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import Poly, Recipe
from medda_lib.studies.method import BestValidation
from medda_lib.studies.setting import UNSUPERVISED_ADAPTATION, Role
from medda_lib.studies.task import Pool, Slot, Task, View

SIZE, DEPTH = 32, 4
SEGMENTER = Segmenter(Recipe(4, schedule=Poly(), batch=4), width=2, levels=3)
FINETUNING = Recipe(3, schedule=Poly(), rule=BestValidation(), batch=4)


def scans(count: int, seed: int, contrast: float = 0.5) -> Pool:
    """Whole scans of `DEPTH` slices with masks."""
    n = count * DEPTH
    rng = torch.Generator().manual_seed(seed)
    masks = torch.zeros(n, 1, SIZE, SIZE, dtype=torch.bool)
    for i, (row, column) in enumerate(torch.randint(2, 14, (n, 2), generator=rng).tolist()):
        side = 6 + 2 * (i % DEPTH)
        masks[i, 0, row : row + side, column : column + side] = True
    noise = 0.15 * torch.rand(n, 1, SIZE, SIZE, generator=rng)
    images = (0.2 + contrast * masks + noise).clamp(0, 1)
    names = tuple(f"{seed} {i // DEPTH}" for i in range(n))
    return Pool(images, names, masks=masks, spacing=(6.0, 3.0, 3.0))


def task(source: int = 2) -> Task:
    """Source "here" with so many scans, target "there", a test of the target."""
    slots = {
        Slot(Role.LABELLED_SOURCE, "segmentation", "here"): scans(source, 1),
        Slot(Role.VALIDATION_SOURCE, "segmentation", "here"): scans(1, 2),
        Slot(Role.UNLABELLED_TARGET, "segmentation", "there"): scans(2, 3, contrast=0.25),
        Slot(Role.TEST, "segmentation", "there"): scans(2, 4, contrast=0.25),
    }
    return Task("toy", slots)


def view() -> View:
    """What unsupervised adaptation sees of it."""
    return task().view(UNSUPERVISED_ADAPTATION)
