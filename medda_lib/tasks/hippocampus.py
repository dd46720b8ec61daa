"""The world of the hippocampus: outline it in a stream of scans that slowly change.

A `HippocampusTask` is a stream of five stages, each with scans to learn from and scans to be tested on.
What changes from stage to stage is the scenario's (`hippocampus_scenarios`, `hippocampus_transform`):
where the scans come from, how they are altered, or in which order they come. The data are phantoms
(`hippocampus_phantoms`) or real sets (`hippocampus_real`); both give the same kind of scans, so neither
a scenario nor a method can tell. Nobody is in two stages, or in training and test.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from medda_lib.studies.setting import LeakError, Role
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.task import SEGMENTATION, Pool, Slot, Spacing
from medda_lib.tasks.brain import as_pool

SOURCES = ("harp", "dryad", "decathlon")
STAGES = 5


@dataclass(frozen=True)
class Scans:
    """Scans on one grid: images (n, d, h, w) float32 in [0, 1], masks (n, d, h, w) bool.

    names: (n,) of the scans, no two alike in any data. people: (n,) who was scanned. regimes: (n,) how
    the intensities came about (the stored type of a real scan, the source of a phantom).
    """

    images: Tensor
    masks: Tensor
    names: tuple[str, ...]
    people: tuple[str, ...]
    regimes: tuple[str, ...]
    spacing: Spacing

    def __len__(self) -> int:
        return len(self.images)

    def take(self, chosen: Sequence[int]) -> Scans:
        """The scans with these numbers, in this order."""
        picked = list(chosen)
        return Scans(
            self.images[picked],
            self.masks[picked],
            tuple(self.names[i] for i in picked),
            tuple(self.people[i] for i in picked),
            tuple(self.regimes[i] for i in picked),
            self.spacing,
        )

    def pool(self) -> Pool:
        """The same as a pool of whole scans."""
        return as_pool(self.images, self.masks, self.names, self.spacing)

    def volumes(self) -> Tensor:
        """(n,) mm3: how large each hippocampus is, by its mask."""
        voxel = self.spacing[0] * self.spacing[1] * self.spacing[2]
        return self.masks.flatten(1).sum(1) * voxel


def together(parts: Sequence[Scans]) -> Scans:
    """Several sets of scans as one, in their order."""
    return Scans(
        torch.cat([part.images for part in parts]),
        torch.cat([part.masks for part in parts]),
        tuple(name for part in parts for name in part.names),
        tuple(person for part in parts for person in part.people),
        tuple(regime for part in parts for regime in part.regimes),
        parts[0].spacing,
    )


class Hippocampi(Protocol):
    """Where the scans come from: a frozen dataclass, since it is hashed with the run."""

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        ...

    @property
    def home(self) -> str:
        """The source that a scenario takes which does not mix sources."""
        ...

    @property
    def train(self) -> int:
        """Scans to learn from, per stage."""
        ...

    @property
    def test(self) -> int:
        """Scans to be tested on, per stage."""
        ...

    def parts(self, source: str, sizes: Sequence[int]) -> tuple[Scans, ...]:
        """Sets of scans of a source, of the given sizes, that share no person.

        The same for every repetition. Raises ValueError when there are too few.
        """
        ...


class Shown(NamedTuple):
    """One stage: what is learned from, what is tested on, and whether something has changed."""

    train: Scans
    test: Scans
    boundary: bool


class Scenario(Protocol):
    """What changes over the stages: a frozen dataclass."""

    @property
    def label(self) -> str:
        """What changes, for messages."""
        ...

    def stages(self, data: Hippocampi) -> tuple[Shown, ...]:
        """The stages in their order."""
        ...


@dataclass(frozen=True)
class HippocampusTask:
    """A stream of stages made by `scenario` from `data`."""

    kind: ClassVar[str] = "HippocampusTask"

    data: Hippocampi
    scenario: Scenario

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"{self.data.label}: {self.scenario.label}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The data sets whose files are read: those of a scenario that mixes, else the data's own."""
        own: tuple[str, ...] = getattr(self.data, "reads", ())
        return getattr(self.scenario, "sources", own) if own else ()

    def build(self, seed: int) -> StreamTask:
        """The same scans for every repetition; `seed` changes the training only."""
        shown = self.scenario.stages(self.data)
        _refuse_shared_people(self.name, shown)
        pools = {stage_slot(k): stage.train.pool() for k, stage in enumerate(shown, 1)}
        pools |= {held_out_slot(k): stage.test.pool() for k, stage in enumerate(shown, 1)}
        return StreamTask(self.name, pools, tuple(stage.boundary for stage in shown))

    def evaluations(self) -> Mapping[Slot, str]:
        """One name for all: a stream's rows say after which stage they were measured."""
        return {held_out_slot(k): "stream" for k in range(1, STAGES + 1)}


def _refuse_shared_people(name: str, shown: Sequence[Shown]) -> None:
    """Two scans of one person have two names; that they stay together only the people can tell."""
    owner: dict[str, tuple[int, str]] = {}
    for number, stage in enumerate(shown, 1):
        for part, scans in (("training", stage.train), ("test", stage.test)):
            for person in scans.people:
                if (first := owner.setdefault(person, (number, part))) != (number, part):
                    raise LeakError(
                        f"{name}: {person!r} is in {first[1]} of stage {first[0]} and in {part} of "
                        f"stage {number}; split by person"
                    )


def stage_slot(number: int) -> Slot:
    """Where the scans of stage `number` (from 1) are filed that are learned from."""
    return Slot(Role.STAGE, SEGMENTATION, f"stage {number}")


def held_out_slot(number: int) -> Slot:
    """Where those are filed that are tested on."""
    return Slot(Role.TEST, SEGMENTATION, f"stage {number}")


def stage_parts(data: Hippocampi, source: str) -> list[tuple[Scans, Scans]]:
    """(train, test) of one source for each stage, before a scenario changes anything."""
    found = data.parts(source, (data.train, data.test) * STAGES)
    return list(zip(found[::2], found[1::2], strict=True))


def deal(people: Sequence[str], sizes: Sequence[int], seed: int, source: str) -> list[list[int]]:
    """Numbers of scans for parts of the given sizes, such that nobody is in two parts.

    people: (n,) who was scanned. Parts are filled one after another with people in a random order; the
    last place of a part goes to the next person who fits. Where nobody does, a second scan is left out.
    Raises ValueError when people run out.
    """
    scans: dict[str, list[int]] = {}
    for number, person in enumerate(people):
        scans.setdefault(person, []).append(number)
    names = sorted(scans)
    waiting = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    parts: list[list[int]] = []
    for size in sizes:
        part: list[int] = []
        while (room := size - len(part)) > 0:
            if not waiting:
                raise ValueError(
                    f"train, test: {source} has {len(names)} people with {len(people)} scans, too "
                    f"few for {sum(sizes)} scans in {len(sizes)} parts; lower the numbers"
                )
            fits = (i for i, person in enumerate(waiting) if len(scans[person]) <= room)
            part += scans[waiting.pop(next(fits, 0))][:room]
        parts.append(part)
    return parts
