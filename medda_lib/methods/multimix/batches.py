"""Minibatches: which images a system trains on, and in what order.

Each image set is drawn without replacement until it is used up, then shuffled anew; the sets have
different sizes and go round independently. When a set is smaller than a minibatch (10 masks, a
minibatch of 10 or more), images repeat within it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from medda_lib.methods.multimix.settings import WhenFull
from medda_lib.studies.setting import Role
from medda_lib.studies.task import Pool, View


def shuffled(n: int, batch: int, rng: torch.Generator) -> Iterator[Tensor]:
    """Endless minibatches (batch,) of indices below n, from one random order after the other."""
    if n < 1:
        raise ValueError("an image set is empty: the task must hold at least one image per role")
    waiting = torch.empty(0, dtype=torch.int64)
    while True:
        while len(waiting) < batch:
            waiting = torch.cat([waiting, torch.randperm(n, generator=rng)])
        yield waiting[:batch]
        waiting = waiting[batch:]


@dataclass(frozen=True)
class ImageSets:
    """One problem's training data: images with truth, images without, validation data.

    `unlabelled` is None where a system must do without (see `image_sets`).
    """

    images: Tensor
    truth: Tensor
    unlabelled: Tensor | None
    validation: Pool

    def __post_init__(self) -> None:
        if not len(self.images):
            raise ValueError("a system needs labelled training images; the task has none")


def image_sets(view: View, problem: str, when_full: WhenFull, device: torch.device) -> ImageSets:
    """The sets of "classification" or "segmentation", on `device`.

    With |D_l| = Full every image is labelled and no unlabelled one is left. "reuse labelled" then
    takes the same images without their labels, "drop the term" leaves the unlabelled loss out.
    """
    pool = view.labelled(Role.LABELLED_SOURCE, problem)
    truth = pool.need_labels() if problem == "classification" else pool.need_masks()
    images = pool.images.to(device)
    unlabelled: Tensor | None = _bare(view, problem)
    if unlabelled is None and when_full == "reuse labelled":
        unlabelled = images
    return ImageSets(
        images,
        truth.to(device),
        None if unlabelled is None else unlabelled.to(device),
        view.labelled(Role.VALIDATION_SOURCE, problem),
    )


def _bare(view: View, problem: str) -> Tensor | None:
    """Unlabelled images of the source; None when the task has no such role or no image in it."""
    if not view.domains(Role.UNLABELLED_SOURCE, problem):
        return None
    images = view.unlabelled(Role.UNLABELLED_SOURCE, problem).images
    return images if len(images) else None
