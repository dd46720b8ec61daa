"""The world of six prostate sites: outline the gland at a site that no labels come from.

`ProstateTask` leaves one site out: labelled scans of the other five together, bare training scans of the
target, and the target's test scans, as in Goodman et al., table 2. `ProstateTargetTask` is the upper
bound there, learned from the target's own labelled scans; it can be tested at other sites as well, or
along a dial towards one. Both are built from phantoms or the real set (`prostate_pools`) and fill the
same slots, so a method cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from medda_lib.studies.setting import Role
from medda_lib.studies.task import SEGMENTATION, Pool, Slot, Task
from medda_lib.tasks.prostate_pools import PROSTATE_SITES, pooled

IN_DOMAIN, CROSS_DOMAIN = "in-domain", "cross-domain"
OTHERS = "other sites"


class Prostates(Protocol):
    """Where the scans come from: a frozen dataclass, since it is hashed with the run."""

    @property
    def label(self) -> str:
        """What the data are, for messages."""
        ...

    def pool(self, site: str, part: str) -> Pool:
        """The scans of a site for "train", "validation" or "test", whole and with spacing."""
        ...


@dataclass(frozen=True)
class ProstateTask:
    """Learn from the other five sites, look at bare training scans of `target`, be tested there."""

    kind: ClassVar[str] = "ProstateTask"

    data: Prostates
    target: str

    def __post_init__(self) -> None:
        _check_site(self.target)

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"{self.data.label}: {OTHERS} to {self.target}"

    def build(self, seed: int) -> Task:
        """The same scans for every repetition; `seed` changes the training only."""
        sources = [site for site in PROSTATE_SITES if site != self.target]
        pools = {
            Slot(role, SEGMENTATION, OTHERS): pooled(
                {site: self.data.pool(site, part) for site in sources}
            )
            for role, part in _LABELLED.items()
        }
        bare = replace(self.data.pool(self.target, "train"), masks=None)
        pools[Slot(Role.UNLABELLED_TARGET, SEGMENTATION, self.target)] = bare
        pools[_test(self.target)] = self.data.pool(self.target, "test")
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """No label comes from the target."""
        return {_test(self.target): CROSS_DOMAIN}


@dataclass(frozen=True)
class ProstateTargetTask:
    """Learn from the target's own scans. `elsewhere`: other sites ("B", "A>B@0.5") to be tested at."""

    kind: ClassVar[str] = "ProstateTargetTask"

    data: Prostates
    target: str
    elsewhere: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_site(self.target)
        if self.target in self.elsewhere:
            raise ValueError(f"elsewhere: {self.target!r} is the target, which is tested anyway")

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        return f"{self.data.label}: {self.target} at home"

    def build(self, seed: int) -> Task:
        """The same scans for every repetition; `seed` changes the training only."""
        pools = {
            Slot(role, SEGMENTATION, self.target): self.data.pool(self.target, part)
            for role, part in _LABELLED.items()
        }
        for site in (self.target, *self.elsewhere):
            pools[_test(site)] = self.data.pool(site, "test")
        return Task(self.name, pools)

    def evaluations(self) -> Mapping[Slot, str]:
        """In-domain at home, cross-domain elsewhere."""
        return {
            _test(site): IN_DOMAIN if site == self.target else CROSS_DOMAIN
            for site in (self.target, *self.elsewhere)
        }


_LABELLED = {Role.LABELLED_SOURCE: "train", Role.VALIDATION_SOURCE: "validation"}


def _test(site: str) -> Slot:
    return Slot(Role.TEST, SEGMENTATION, site)


def _check_site(site: str) -> None:
    if site not in PROSTATE_SITES:
        raise ValueError(f"target: unknown site {site!r}; there are: {', '.join(PROSTATE_SITES)}")
