"""Real hippocampi as the data of a stream, and how far phantoms carry to them.

People come in one random order, fixed by `split_seed`, and are dealt out to stages, training and test
from its beginning, so all methods and repetitions share the same scans. `RealismTask` learns from
phantoms of all three sources and is tested on real scans, unadapted: how realistic the phantoms are, as
a number. `SupervisedTask` learns from other real scans and is tested on the very same ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from medda_lib.datasets.content import Content, content
from medda_lib.datasets.registry import HIPPOCAMPI, find, load
from medda_lib.studies.setting import Role
from medda_lib.studies.task import SEGMENTATION, Slot, Task
from medda_lib.tasks.hippocampus import SOURCES, Hippocampi, Scans, deal, together
from medda_lib.tasks.hippocampus_phantoms import PhantomHippocampi

IN_DOMAIN, CROSS_DOMAIN = "in-domain", "cross-domain"


@dataclass(frozen=True)
class RealHippocampi:
    """Scans of real sets. `dataset`: the one of which a scenario takes scans that does not mix."""

    kind: ClassVar[str] = "RealHippocampi"

    dataset: str = "decathlon"
    train: int = 20
    test: int = 8
    spacing: float = 1.5
    split_seed: int = 0

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} scans; expected at least 1")
        if self.dataset not in HIPPOCAMPI:
            known = ", ".join(HIPPOCAMPI)
            raise ValueError(f"dataset: unknown set {self.dataset!r}; there are: {known}")

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        return self.dataset

    @property
    def home(self) -> str:
        """The source where a scenario takes one only."""
        return self.dataset

    @property
    def reads(self) -> tuple[str, ...]:
        """The data sets whose files decide what the scans are, unless a scenario takes others."""
        return (self.dataset,)

    def parts(self, source: str, sizes: Sequence[int]) -> tuple[Scans, ...]:
        """Sets of scans of a source, of the given sizes, that share no person.

        Raises DatasetError when the set is not there, ValueError when it has too few people.
        """
        whole = _loaded(source, self.spacing, content(find(source)))
        chosen = deal(whole.people, sizes, self.split_seed, source)
        return tuple(whole.take(numbers) for numbers in chosen)


@dataclass(frozen=True)
class RealismTask:
    """Learn from `phantoms.train` phantoms of each source, be tested on `real.test` real scans."""

    kind: ClassVar[str] = "HippocampusRealismTask"

    phantoms: PhantomHippocampi
    real: RealHippocampi

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"phantoms to {self.real.label}"

    def build(self, seed: int) -> Task:
        """No real scan is learned from. The same scans for every repetition."""
        count = (self.phantoms.train,)
        learned = together([self.phantoms.parts(source, count)[0] for source in SOURCES])
        pools = {
            _train("phantoms"): learned.pool(),
            _test(self.real): _held_out(self.real)[0].pool(),
        }
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """Real scans are another domain than phantoms."""
        return {_test(self.real): CROSS_DOMAIN}


@dataclass(frozen=True)
class SupervisedTask:
    """Learn from `data.train` scans of its home, be tested on `data.test` others of it.

    With real data these are the test scans of `RealismTask`.
    """

    kind: ClassVar[str] = "HippocampusSupervisedTask"

    data: Hippocampi

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"{self.data.label} at home"

    def build(self, seed: int) -> Task:
        """The same scans for every repetition."""
        test, train = _held_out(self.data)
        return Task(
            self.name, {_train(self.data.home): train.pool(), _test(self.data): test.pool()}
        )

    def evaluations(self) -> Mapping[Slot, str]:
        """Training and test are of one source."""
        return {_test(self.data): IN_DOMAIN}


def _train(domain: str) -> Slot:
    return Slot(Role.LABELLED_SOURCE, SEGMENTATION, domain)


def _test(data: Hippocampi) -> Slot:
    return Slot(Role.TEST, SEGMENTATION, data.home)


def _held_out(data: Hippocampi) -> tuple[Scans, Scans]:
    """(test, train): the test first, so that it does not depend on how many are learned from."""
    test, train = data.parts(data.home, (data.test, data.train))
    return test, train


@lru_cache(maxsize=8)
def _loaded(dataset: str, spacing: float, _holds: Content) -> Scans:
    """_holds: the set's files, so that the scans are read anew when they change."""
    found = load(HIPPOCAMPI, dataset, spacing=spacing)
    return Scans(
        found.images,
        found.masks,
        tuple(f"{dataset} {scan}" for scan in found.patients),
        tuple(f"{dataset} {person}" for person in found.people),
        found.regimes,
        found.spacing,
    )
