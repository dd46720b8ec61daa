"""A run specification says everything that decides a result, and hashes it twice.

`identity` is the hash of the specification alone: method, task, repetition, profile. It survives edits
of the code, so it names the run and seeds it: the same specification draws the same random numbers
whatever happens around it. `key` adds what could change the outcome without being in the specification:
the versions of the numerical libraries, the code closure, and the content of the files that the task
reads. It is the address in the run store and decides what is computed again there. Both are taken of one
canonical JSON text (`identity.py`). `paper`, `data` and `condition` are left out: they say how tables
call the run, so two papers that compare against the same system share its runs.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

from medda_lib.datasets.content import Content, content
from medda_lib.studies.closure import code_closure, versions
from medda_lib.studies.identity import canonical, canonical_json, parts
from medda_lib.studies.method import Method
from medda_lib.studies.task import TaskSpec

TRIAL = "medda_lib.studies.trial"
"""The module that fits and evaluates: its imports hold the code that every run uses."""


@dataclass(frozen=True)
class RunSpec:
    """One run: `condition` names its table row; `seed` is the index of the repetition (0, 1, 2 ...)."""

    paper: str
    profile: str
    data: str
    condition: tuple[tuple[str, str], ...]
    method: Method
    task: TaskSpec
    seed: int

    @property
    def key(self) -> str:
        """64 hex digits: the address of this run's result under the present code, versions and files.

        Raises DatasetError when a data set that the task reads is not there.
        """
        facts = {"spec": self.spelled(), "versions": versions(), "code": self.closure()}
        files = {name: asdict(found) for name, found in self.content().items()}
        return _hash(facts | ({"content": files} if files else {}))

    @property
    def identity(self) -> str:
        """64 hex digits of the specification alone, whatever the code and the versions."""
        return _hash(self.spelled())

    @property
    def random_seed(self) -> int:
        """63 bits from `identity`: seeds every generator of the run."""
        return int(self.identity[:16], 16) >> 1

    @property
    def label(self) -> str:
        """The run as messages call it, for example ``MultiMix|100|10 seed 0``."""
        return f"{'|'.join(value for _, value in self.condition)} seed {self.seed}"

    def spelled(self) -> dict[str, Any]:
        """The specification as canonical JSON data; `SpecError` names a field that has no spelling."""
        return {
            "method": canonical(self.method, "method"),
            "task": canonical(self.task, "task"),
            "seed": canonical(self.seed, "seed"),
            "profile": self.profile,
        }

    def closure(self) -> dict[str, str]:
        """The hash of every module behind this run (see `closure.py`)."""
        return code_closure({TRIAL, *modules_of(self.method), *modules_of(self.task)})

    @property
    def reads(self) -> tuple[str, ...]:
        """The data sets that the task says it reads, sorted; none for phantoms."""
        return tuple(sorted({name for part in parts(self.task) for name in reads_of(part)}))

    def content(self) -> dict[str, Content]:
        """What the data sets hold now that the task reads. Raises DatasetError when one is missing."""
        from medda_lib.datasets.registry import find

        return {name: content(find(name)) for name in self.reads}


def modules_of(value: object) -> set[str]:
    """The modules that define a frozen dataclass and every dataclass nested in its fields."""
    return {type(part).__module__ for part in parts(value)}


def reads_of(part: object) -> tuple[str, ...]:
    """The data sets that one dataclass of a specification names in `reads`; most name none."""
    names: tuple[str, ...] = getattr(part, "reads", ())
    return names


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
