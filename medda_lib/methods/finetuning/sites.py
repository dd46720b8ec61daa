"""Slices of two sites, and the minibatches that go through both.

An epoch is one pass through the source's slices in a random order. The target's slices come in random
passes of their own: when they are fewer they come round more than once in an epoch, when they are
more an epoch sees a part of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from medda_lib.methods.source_network.shared import source_of
from medda_lib.studies.setting import Role
from medda_lib.studies.task import SEGMENTATION, Pool, View


class Batch(NamedTuple):
    """Numbers of the slices of one step: (b,) int64 of the source, (b,) of the target."""

    source: Tensor
    target: Tensor


@dataclass(frozen=True)
class Sites:
    """What unsupervised adaptation sees: labelled source, source validation, bare target images.

    depth: slices of a target scan; 1 where they are no whole scans.
    """

    name: str
    source: Pool
    validation: Pool
    target: Tensor
    depth: int = 1

    def epoch(self, batch: int) -> int:
        """Steps of an epoch of minibatches of so many slices."""
        return -(-len(self.source) // batch)

    def positions(self) -> Tensor:
        """How far up its scan each slice lies, in [0, 1): the source's slices, then the target's."""
        depths = (len(self.source), self.source.depth), (len(self.target), self.depth)
        return torch.cat([torch.arange(count) % depth / depth for count, depth in depths])

    def batches(self, steps: int, batch: int, generator: torch.Generator) -> Iterator[Batch]:
        """So many minibatches, drawn epoch by epoch."""
        pairs = zip(
            _rounds(len(self.source), batch, generator),
            _rounds(len(self.target), batch, generator),
            strict=False,
        )
        for _, (source, target) in zip(range(steps), pairs, strict=False):
            yield Batch(source, target)


def sites_of(view: View) -> Sites:
    """The one source and the one target of a view of unsupervised adaptation."""
    name, source = source_of(view)
    target = view.unlabelled(Role.UNLABELLED_TARGET, SEGMENTATION)
    return Sites(
        name,
        source,
        view.labelled(Role.VALIDATION_SOURCE, SEGMENTATION),
        target.images,
        target.depth,
    )


def _rounds(count: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Endless batches of numbers below `count`; a pass that runs out is filled from the next."""
    left = torch.empty(0, dtype=torch.int64)
    while True:
        while len(left) < batch:
            left = torch.cat([left, torch.randperm(count, generator=generator)])
        yield left[:batch]
        left = left[batch:]
