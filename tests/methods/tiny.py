"""A debug task: 32x32 images whose class is their brightness gradient and whose mask is a bright box."""

from __future__ import annotations

from dataclasses import fields

import torch
from torch import Tensor

from medda_lib.methods.multimix import Settings
from medda_lib.methods.training import Recipe, with_recipe
from medda_lib.studies.setting import SEMI_SUPERVISED, Role
from medda_lib.studies.task import Pool, Slot, Task, View

SIZE = 32


def images_of(n: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images (n, 1, 32, 32), labels (n,), masks (n, 1, 32, 32)."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 2
    ramp = torch.linspace(-0.2, 0.2, SIZE).expand(n, 1, SIZE, SIZE)
    signs = (2 * labels - 1).view(-1, 1, 1, 1)
    masks = torch.zeros(n, 1, SIZE, SIZE, dtype=torch.bool)
    corners = torch.randint(2, 14, (n, 2), generator=rng).tolist()
    for i, (row, column) in enumerate(corners):
        masks[i, 0, row : row + 14, column : column + 14] = True
    noise = 0.1 * torch.rand(n, 1, SIZE, SIZE, generator=rng)
    images = 0.3 + signs * ramp.transpose(2, 3) + 0.35 * masks + noise
    return images.clamp(0, 1), labels, masks


def view(labelled: int = 8, unlabelled: int = 12, validation: int = 6) -> View:
    """The semi-supervised view; `unlabelled=0` is the paper's "Full"."""
    return task(labelled, unlabelled, validation).view(SEMI_SUPERVISED)


def task(labelled: int = 8, unlabelled: int = 12, validation: int = 6) -> Task:
    """Both problems, one domain."""
    pools = {}
    for k, problem in enumerate(("classification", "segmentation")):
        for seed, (role, n) in enumerate(
            {
                Role.LABELLED_SOURCE: labelled,
                Role.UNLABELLED_SOURCE: unlabelled,
                Role.VALIDATION_SOURCE: validation,
            }.items()
        ):
            images, labels, masks = images_of(n, 10 * k + seed)
            names = tuple(f"{problem} {role} {i}" for i in range(n))
            classes = problem == "classification"
            if n or role is not Role.UNLABELLED_SOURCE:
                pool = Pool(images, names, labels if classes else None, None if classes else masks)
                pools[Slot(role, problem, "toy")] = pool
    return Task("toy", pools)


def settings(**changes: object) -> Settings:
    """Three steps of a narrow network."""
    few = {"batch": 4, "steps": 3, "learning_rate": 1e-3, "validate_every": 1}
    trained = {
        field.name: changes.pop(field.name) for field in fields(Recipe) if field.name in changes
    }
    return with_recipe(Settings(**{"width": 2, **changes}), **{**few, **trained})  # type: ignore[arg-type]
