"""A stream small enough for tests: balls of two grey values, inside and outside swapped halfway."""

from itertools import pairwise
from pathlib import Path

import torch

from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.training import Poly, Recipe
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Role
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.task import Pool, Slot

SHAPE = (8, 12, 8)
TRAINER = Trainer(Recipe(2, 3e-3, schedule=Poly(), batch=2), filters=(2, 3, 4))
GREYS = (0.9, 0.9, 0.2)


def balls(name: str, count: int, grey: float) -> Pool:
    """`count` scans with a ball of `grey` on 0.5, its place differing from scan to scan."""
    axes = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in SHAPE), indexing="ij")
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    masks = []
    for _ in range(count):
        centre = 0.4 * (torch.rand(3, generator=generator) - 0.5)
        squares = [(axis - c) ** 2 for axis, c in zip(axes, centre, strict=True)]
        masks.append(torch.stack(squares).sum(0) < 0.35)
    mask = torch.stack(masks).flatten(0, 1)[:, None]
    noise = 0.05 * torch.randn(mask.shape, generator=generator)
    images = (torch.where(mask, grey, 0.5) + noise).clamp(0, 1)
    names = tuple(f"{name} {i // SHAPE[0]}" for i in range(len(mask)))
    return Pool(images, names, masks=mask, spacing=(1.0, 1.0, 1.0))


def toy_task(count: int = 4, greys: tuple[float, ...] = GREYS) -> StreamTask:
    """A stream with a stage for each grey value; a boundary where it changes."""
    pools = {}
    for k, grey in enumerate(greys, start=1):
        pools[Slot(Role.STAGE, "segmentation", f"stage {k}")] = balls(f"train {k}", count, grey)
        pools[Slot(Role.TEST, "segmentation", f"stage {k}")] = balls(f"test {k}", 2, grey)
    changes = (True, *(a != b for a, b in pairwise(greys)))
    return StreamTask("balls", pools, changes)


def toy_run(artefacts: Path | None = None, repetition: int = 0) -> Run:
    """A run without a study around it."""
    return Run(0, repetition=repetition, artefacts=artefacts)
