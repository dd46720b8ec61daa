"""From the names in a folder to a report: what all kinds of sets have in common.

A module scans its folder into a `FolderScan`: one record per image or scan (who, where, which files) and
the problems met on the way. `check_folder` then looks at every record by itself, so that one bad file is
one problem and the others are looked at all the same. A loader refuses what a check calls a problem of
the folder, its tables and the files that are read. Numbers alone are compared by the check only, so that
a part of a set can be used.

The same content under two names is a warning, not a problem: published sets have such pairs. Contents
are compared as decoded, so a copy in another compression is found, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from medda_lib.datasets.card import Card, CheckReport, DatasetError
from medda_lib.datasets.folder import unreadable


class Labelled(Protocol):
    """A record: its image, and what else it states (patient, class, split, site), by name."""

    @property
    def image(self) -> Path:
        """Its file."""

    @property
    def states(self) -> Mapping[str, str]:
        """Whose it is and where it belongs."""


R = TypeVar("R", bound=Labelled)
T = TypeVar("T")


@dataclass(frozen=True)
class FolderScan(Generic[R]):
    """What a folder holds, by names alone (and headers, where a site is told by them).

    problems: what keeps the folder from being loaded. warnings: what does not, but is worth knowing.
    """

    root: Path
    records: tuple[R, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What was seen in a record's files: the hash of its image, "" if not decoded, and warnings."""

    content: str = ""
    warnings: tuple[str, ...] = ()
    problem: str = ""


def scanned(
    scan: Callable[[Path], FolderScan[R]], root: Path, name: Callable[[R], str] | None = None
) -> FolderScan[R]:
    """The scan of a folder. Raises DatasetError, also where the system refuses to read something.

    name: what has to be unique among the records; two of one name are a problem.
    """
    try:
        found = scan(root)
    except OSError as error:
        raise unreadable(Path(error.filename or root), error) from error
    if name is None:
        return found
    first: dict[str, R] = {}
    twice = [
        f"{record.image}: {other.image.name} is {name(record)!r} as well; keep the one that belongs here"
        for record in found.records
        if (other := first.setdefault(name(record), record)) is not record
    ]
    return replace(found, problems=(*found.problems, *twice))


def check_folder(
    card: Card,
    root: Path,
    scan: Callable[[Path], FolderScan[R]],
    *,
    count: Callable[[Sequence[R], Sequence[str]], Mapping[str, int]],
    look: Callable[[Sequence[R]], Iterable[Seen]],
    counts: Mapping[str, int] | None,
) -> CheckReport:
    """Everything that is missing, broken or suspicious. Never raises DatasetError.

    count: (records, names) -> number of each name. look: what is seen in each record's files, in order.
    counts: expected numbers, by default the card's.
    """
    try:
        found = scanned(scan, root)
        expected = card.counts if counts is None else counts
        numbers = count(found.records, tuple(expected))
    except DatasetError as error:
        return CheckReport(card.name, root, {}, (str(error),))
    problems = list(found.problems)
    problems += [
        f"{what}: expected {n:,}, found {numbers[what]:,}"
        for what, n in expected.items()
        if numbers[what] != n
    ]
    seen = list(look(found.records))
    problems += [one.problem for one in seen if one.problem]
    warnings = [*found.warnings, *(w for one in seen for w in one.warnings)]
    warnings += same_content(found.records, seen)
    return CheckReport(card.name, root, numbers, tuple(problems), tuple(warnings))


def looked_at(look: Callable[[T], Seen], record: T) -> Seen:
    """What `look` sees in a record, or the problem that it raises."""
    try:
        return look(record)
    except DatasetError as error:
        return Seen(problem=str(error))


def refuse_problems(card: Card, found: FolderScan[R]) -> None:
    """Raise DatasetError with the first problem of a folder, and how many more there are."""
    if found.problems:
        more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
        raise DatasetError(f"{card.name}: {found.problems[0]}{more}")


def content_of(values: NDArray[Any]) -> str:
    """The hash of decoded values: equal for equal values of one shape and type."""
    turned = values.T if values.flags.f_contiguous else values  # as it lies in memory: no copy
    head = f"{values.shape} {values.dtype.str} {values.flags.f_contiguous}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(turned).data.cast("B")).hexdigest()


def same_content(records: Sequence[R], seen: Sequence[Seen]) -> Iterator[str]:
    """A warning for each content that lies under several names, with what the names state."""
    groups: dict[str, dict[Path, R]] = {}
    for record, one in zip(records, seen, strict=True):
        if one.content:
            groups.setdefault(one.content, {})[record.image] = record
    for group in groups.values():
        if len(group) > 1:
            first, second, *more = group.values()
            others = f" (and {len(more):,} more)" if more else ""
            yield (
                f"{second.image}: the same content as {first.image}{others}; "
                f"{_difference(first, second)}: leave one out, or keep both in one part of a split"
            )


def _difference(one: Labelled, other: Labelled) -> str:
    """Where two records of one content state different things."""
    told = [
        f"{what} {mine!r} and {theirs!r}"
        for what, mine in one.states.items()
        if mine != (theirs := other.states.get(what, ""))
    ]
    return f"stated as {', '.join(told)}" if told else "it counts twice"
