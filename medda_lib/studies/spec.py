"""A run specification says everything that decides a result, and hashes it twice.

`identity` is the hash of the specification alone: method, task, repetition, profile. It survives edits
of the code, so it names the run and seeds it: the same specification draws the same random numbers
whatever happens around it. `key` adds what could change the outcome without being in the
specification, that is the versions of the numerical libraries and the code closure; it is the address
in the run store. Both are taken of one canonical JSON text, in which a value has exactly one spelling.
`paper`, `data` and `condition` are left out: they say how tables call the run, so two papers that
compare against the same system share its runs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from medda_lib.studies.closure import code_closure
from medda_lib.studies.method import Method
from medda_lib.studies.task import TaskSpec

LIBRARIES = ("torch", "numpy", "scipy", "monai", "scikit-image", "scikit-learn")
TRIAL = "medda_lib.studies.trial"
"""The module that fits and evaluates: its imports hold the code that every run uses."""


class SpecError(TypeError):
    """A field of a method or task cannot be written down canonically."""


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
        """64 hex digits: the address of this run's result under the present code and versions."""
        return _hash({"spec": self.spelled(), "versions": versions(), "code": self.closure()})

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


def canonical(value: object, where: str) -> Any:
    """A value as JSON data with one spelling: frozen dataclasses, tuples, str, int, float, bool, None.

    where: the dotted path of the field, for the error. Raises `SpecError` for anything else: sets and
    dictionaries have no order, arrays no short spelling, and subclasses may hide what they hold.
    """
    if value is None or type(value) in (str, bool, int):
        return value
    if isinstance(value, float) and type(value) is float:
        if not math.isfinite(value):
            raise SpecError(f"{where}: {value} is not finite; use None or a plain number")
        return value
    if isinstance(value, tuple):
        return [canonical(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not type(value).__dataclass_params__.frozen:  # type: ignore[attr-defined]
            raise SpecError(f"{where}: {type(value).__name__} must be a frozen dataclass")
        fields = {
            f.name: canonical(getattr(value, f.name), f"{where}.{f.name}")
            for f in dataclasses.fields(value)
        }
        return {"class": f"{type(value).__module__}.{type(value).__qualname__}", "fields": fields}
    raise SpecError(
        f"{where}: a {type(value).__name__} cannot be part of a run's key; "
        "use str, int, float, bool, None, tuples or frozen dataclasses of them"
    )


def canonical_json(value: Any) -> str:
    """The one text of canonical data: sorted names, no spaces, floats by `repr`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def modules_of(value: object) -> set[str]:
    """The modules that define a frozen dataclass and every dataclass nested in its fields."""
    if isinstance(value, tuple):
        return set().union(*(modules_of(item) for item in value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        nested = (modules_of(getattr(value, f.name)) for f in dataclasses.fields(value))
        return {type(value).__module__}.union(*nested)
    return set()


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = []
    for name in LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return tuple(found)


def versions() -> dict[str, str]:
    """The versions of the numerical libraries as installed; ``not installed`` where one is missing."""
    return dict(_versions())


def _hash(value: Any) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
