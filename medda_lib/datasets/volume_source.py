"""What all sets of volumes have in common, so that each module only says what is special.

A module scans its folder into a `VolumeScan`: one `VolumeRecord` per scan (who, which site, which
files) and the problems met on the way. From there checking and loading are the same for all:
`VolumeSource.check` opens every file and lists everything that is wrong; `VolumeSource.load` refuses a
folder with problems, picks the sites, and brings each scan to the set's grid.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from medda_lib.datasets import nifti
from medda_lib.datasets.card import Card, CheckReport, DatasetError
from medda_lib.datasets.volumes import Volumes

T = TypeVar("T")
R = TypeVar("R")

MANY = 8  # scans; more than this and a progress bar is shown ...
PATIENCE = 1.0  # ... unless all is done within these seconds

Placed = tuple[NDArray[np.float32], NDArray[np.bool_]]
Bring = Callable[[nifti.Scan, NDArray[np.bool_]], Placed]
Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class VolumeRecord:
    """One scan before it is read."""

    patient: str
    site: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class VolumeScan:
    """What a folder holds, by names alone (and headers, where a site is told by them)."""

    root: Path
    records: tuple[VolumeRecord, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class VolumeSource:
    """How one set of volumes is checked and loaded.

    sites: every site by name. groups: other names for several sites together.
    """

    card: Card
    sites: tuple[str, ...]
    rule: nifti.MaskRule
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def check(
        self,
        root: Path,
        scan: Callable[[Path], VolumeScan],
        *,
        counts: Mapping[str, int] | None = None,
        decode: bool = True,
    ) -> CheckReport:
        """Everything that is missing or broken. Never raises DatasetError.

        counts: expected numbers, by default the card's. decode False: file headers only (fast).
        """
        try:
            found = scan(root)
        except DatasetError as error:
            return CheckReport(self.card.name, root, {}, (str(error),))
        expected = self.card.counts if counts is None else counts
        numbers = self._count(found.records, tuple(expected))
        problems = list(found.problems)
        problems += [
            f"{what}: expected {n:,}, found {numbers[what]:,}"
            for what, n in expected.items()
            if numbers[what] != n
        ]
        fault = self._fault_decoded if decode else self._fault
        faults = in_parallel(fault, found.records, f"checking {self.card.name}")
        problems += [message for message in faults if message]
        return CheckReport(self.card.name, root, numbers, tuple(problems), found.warnings)

    def choose(self, scan: VolumeScan, site: str | None) -> list[VolumeRecord]:
        """The scans of a site or group (None: of all). Refuses unknown names and broken folders."""
        name = self.card.name
        if scan.problems:
            more = f" (and {len(scan.problems) - 1} more)" if len(scan.problems) > 1 else ""
            raise DatasetError(f"{name}: {scan.problems[0]}{more}")
        known = {**{s: (s,) for s in self.sites}, **self.groups}
        if site is not None and site not in known:
            raise DatasetError(f"{name}: no site {site!r}; there are: {', '.join(known)}")
        wanted = self.sites if site is None else known[site]
        chosen = [r for r in scan.records if r.site in wanted]
        if not chosen:
            raise DatasetError(
                f"{name}: no scan of {site or 'any site'}; `medda data check {name}` says what is "
                "missing"
            )
        return chosen

    def load(
        self,
        records: Sequence[VolumeRecord],
        bring: Bring,
        spacing: Spacing,
        *,
        progress: bool = True,
    ) -> Volumes:
        """Read the scans and bring each to the grid. Raises DatasetError, naming the file."""

        def read(record: VolumeRecord) -> Placed:
            scan = nifti.read_scan(record.image)
            image, mask = bring(scan, nifti.read_mask(record.mask, scan.grid, self.rule))
            if not mask.any():
                raise DatasetError(
                    f"{record.mask}: nothing of the mask is left on the grid of the slices; check "
                    "the file's orientation and origin"
                )
            return image, mask

        found = list(in_parallel(read, records, f"reading {self.card.name}", progress=progress))
        return Volumes(
            images=torch.from_numpy(np.stack([image for image, _ in found])),
            masks=torch.from_numpy(np.stack([mask for _, mask in found])),
            spacing=spacing,
            patients=tuple(r.patient for r in records),
            sites=tuple(r.site for r in records),
        )

    def _count(self, records: Sequence[VolumeRecord], names: Sequence[str]) -> dict[str, int]:
        tally = Counter(r.site for r in records)
        for group, sites in self.groups.items():
            tally[group] = sum(tally[s] for s in sites)
        tally["scans"] = len(records)
        return {name: tally[name] for name in names}

    def _fault(self, record: VolumeRecord) -> str:
        """What the headers of one scan's files say is wrong; "" when nothing is."""
        try:
            nifti.same_grid(nifti.read_grid(record.mask), nifti.read_grid(record.image))
        except DatasetError as error:
            return str(error)
        return ""

    def _fault_decoded(self, record: VolumeRecord) -> str:
        """Like `_fault`, and the values are decoded too."""
        try:
            scan = nifti.read_scan(record.image)
            nifti.read_mask(record.mask, scan.grid, self.rule)
        except DatasetError as error:
            return str(error)
        return ""


def pairs(images: Mapping[str, Path], masks: Mapping[str, Path]) -> tuple[list[str], list[str]]:
    """(names that have both an image and a mask, problems for the others), sorted."""
    problems = [f"{images[n]}: no mask for this image" for n in sorted(set(images) - set(masks))]
    problems += [f"{masks[n]}: no image for this mask" for n in sorted(set(masks) - set(images))]
    return sorted(set(images) & set(masks)), problems


def volumes_in(folder: Path) -> list[Path]:
    """Visible NIfTI files (.nii.gz or .nii), sorted by name."""
    return sorted(
        p
        for p in folder.iterdir()
        if p.name.lower().endswith((".nii.gz", ".nii")) and not p.name.startswith(".")
    )


def stem(path: Path) -> str:
    """A file's name without .nii.gz or .nii."""
    return path.name[: -len(".nii.gz" if path.name.lower().endswith(".gz") else ".nii")]


def need_folder(folder: Path, card: Card) -> Path:
    """The folder, or DatasetError with how to get the data set."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: the folder is missing. {card.how_to_get}")
    return folder


def first_folder(root: Path, card: Card, *candidates: str) -> Path:
    """The first of root/candidate that is a folder, or DatasetError with how to get the data set."""
    for candidate in candidates:
        if (root / candidate).is_dir():
            return root / candidate
    return need_folder(root / candidates[0], card)


def in_parallel(
    work: Callable[[T], R], items: Iterable[T], what: str, *, progress: bool = True
) -> Iterator[R]:
    """`work` over `items` in order, by a few threads; a progress bar when there are many scans."""
    todo = list(items)
    terminal = sys.stderr.isatty()
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        try:
            yield from tqdm(
                pool.map(work, todo),
                total=len(todo),
                desc=what,
                unit="scan",
                disable=not progress or len(todo) <= MANY,
                ascii=not terminal,
                mininterval=0.2 if terminal else 10.0,
                leave=terminal,
                delay=PATIENCE,
            )
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # a bad file: do not read the rest
            raise
