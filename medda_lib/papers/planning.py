"""A paper's study from its budgets and its kinds of data: the same for all papers.

A paper's `study` module holds `BUDGETS` (what a profile spends) and `DATA` (for each kind of data, the
function that lists the runs of one repetition). Here both are looked up, with errors that name what
there is. `Place` is what all runs of a repetition share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from medda_lib.studies.method import Method
from medda_lib.studies.profile import PROFILES
from medda_lib.studies.run import Study
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import TaskSpec


@dataclass(frozen=True)
class Place:
    """Where the runs of one repetition are filed: `seed` is its index."""

    paper: str
    profile: str
    data: str
    seed: int

    def spec(self, method: Method, task: TaskSpec, **condition: str) -> RunSpec:
        """A run of this repetition; `condition` names its columns and values, in the table's order."""
        columns = tuple(condition.items())
        return RunSpec(self.paper, self.profile, self.data, columns, method, task, self.seed)


class HasSeeds(Protocol):
    """A budget: how many repetitions a profile has, and whatever else the paper needs."""

    @property
    def seeds(self) -> int:
        """Repetitions."""
        ...


B = TypeVar("B", bound=HasSeeds)
Kinds = Mapping[str, Callable[[Place, B], Iterable[RunSpec]]]
"""For each kind of data, what lists the runs of one repetition."""


def by_profile(budget: Callable[..., B], **columns: tuple[Any, Any, Any]) -> dict[str, B]:
    """The budget of each profile, from what a field is at `smoke`, `demo` and `paper`, side by side."""
    rows = zip(*columns.values(), strict=True)
    found = (budget(**dict(zip(columns, row, strict=True))) for row in rows)
    return dict(zip(PROFILES, found, strict=True))


class Plan(Protocol):
    """The study of one profile and one kind of data; ValueError names the choices."""

    def __call__(self, profile: str, data: str, seeds: int | None = None) -> Study:
        """seeds: repetitions, the budget's number unless given."""
        ...


def studies(paper: str, budgets: Mapping[str, B], kinds: Kinds[B]) -> Plan:
    """A paper's `study`, from its budgets and kinds of data: runs repetition by repetition."""

    def study(profile: str, data: str, seeds: int | None = None) -> Study:
        if profile not in budgets:
            raise ValueError(f"unknown profile {profile!r}; there are: {', '.join(budgets)}")
        if data not in kinds:
            raise ValueError(f"unknown data {data!r} for {paper}; there are: {', '.join(kinds)}")
        budget = budgets[profile]
        places = (Place(paper, profile, data, seed) for seed in range(seeds or budget.seeds))
        specs = (spec for at in places for spec in kinds[data](at, budget))
        return Study(f"{paper} {profile} {data}", tuple(specs))

    return study
