"""A data set's folder, from the names of its files to a report: what all kinds of sets have in common.

A module scans its folder into a `FolderScan`: one record per image or scan (who, where, which files) and
the problems met on the way. `check_folder` adds numbers that differ from the card's and files that
cannot be read; a loader refuses a folder with problems (`refuse_problems`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from medda_lib.datasets.card import Card, CheckReport, DatasetError

R = TypeVar("R")


@dataclass(frozen=True)
class FolderScan(Generic[R]):
    """What a folder holds, by names alone (and headers, where a site is told by them).

    problems: what keeps the folder from being loaded. warnings: what does not, but is worth knowing.
    """

    root: Path
    records: tuple[R, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_folder(
    card: Card,
    root: Path,
    scan: Callable[[Path], FolderScan[R]],
    *,
    count: Callable[[Sequence[R], Sequence[str]], Mapping[str, int]],
    faults: Callable[[Sequence[R]], Iterable[str]],
    counts: Mapping[str, int] | None,
) -> CheckReport:
    """Everything that is missing or broken. Never raises DatasetError.

    count: (records, names) -> number of each name. faults: what is wrong with the records' files, ""
    for each without fault. counts: expected numbers, by default the card's.
    """
    try:
        found = scan(root)
    except DatasetError as error:
        return CheckReport(card.name, root, {}, (str(error),))
    expected = card.counts if counts is None else counts
    numbers = count(found.records, tuple(expected))
    problems = list(found.problems)
    problems += [
        f"{what}: expected {n:,}, found {numbers[what]:,}"
        for what, n in expected.items()
        if numbers[what] != n
    ]
    problems += [message for message in faults(found.records) if message]
    return CheckReport(card.name, root, numbers, tuple(problems), found.warnings)


def fault(verify: Callable[[R], object], record: R) -> str:
    """What `verify` finds wrong with a record, "" when nothing is."""
    try:
        verify(record)
    except DatasetError as error:
        return str(error)
    return ""


def refuse_problems(card: Card, found: FolderScan[R]) -> None:
    """Raise DatasetError with the first problem of a folder, and how many more there are."""
    if found.problems:
        more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
        raise DatasetError(f"{card.name}: {found.problems[0]}{more}")


def pairs(
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    no_mask: str = "no mask for this image",
    no_image: str = "no image for this mask",
) -> tuple[list[str], list[str]]:
    """(names that have both an image and a mask, problems for the others), sorted.

    no_mask, no_image: what is missing, with {name} where it should stand.
    """
    one, other = set(images), set(masks)
    problems = [f"{images[n]}: {no_mask.format(name=n)}" for n in sorted(one - other)]
    problems += [f"{masks[n]}: {no_image.format(name=n)}" for n in sorted(other - one)]
    return sorted(one & other), problems


def need_folder(folder: Path, card: Card) -> Path:
    """The folder, or DatasetError with how to get the data set."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: the folder is missing. {card.how_to_get}")
    return folder


def inner(root: Path, *candidates: str) -> Path:
    """The first of root/candidate that is a folder, else root itself."""
    return next((root / c for c in candidates if (root / c).is_dir()), root)
