"""What all sets of volumes have in common, so that each module only says what is special.

A module scans its folder into a `VolumeScan`: one `VolumeRecord` per scan (who, which site, which
files) and the problems met on the way. From there the rest is the same for all: `VolumeSource.check`
opens every file and lists everything that is wrong; `choose` refuses a folder with problems and picks
the sites; `read` brings each scan to the set's grid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from medda_lib.datasets import nifti, parallel
from medda_lib.datasets.card import Card, CheckReport, DatasetError
from medda_lib.datasets.folder import (
    FolderScan,
    check_folder,
    fault,
    need_folder,
    refuse_problems,
)
from medda_lib.datasets.volumes import Volumes

T = TypeVar("T")
R = TypeVar("R")

MANY = 8  # scans; more than this and a progress bar is shown
THREADS = 4

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


VolumeScan = FolderScan[VolumeRecord]


@dataclass(frozen=True)
class VolumeSource:
    """How one set of volumes is checked and loaded.

    sites: every site by name. scan: the records below a folder. groups: other names for several sites
    together.
    """

    card: Card
    sites: tuple[str, ...]
    rule: nifti.MaskRule
    scan: Callable[[Path], VolumeScan]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def check(
        self, root: Path, *, counts: Mapping[str, int] | None = None, decode: bool = True
    ) -> CheckReport:
        """Compare a folder with the card: counts, names, pairing, headers, readable files, grids.

        Never raises DatasetError. counts: expected numbers, by default the card's. decode False: file
        headers only (fast).
        """
        verify = self._decode if decode else _same_grid

        def faults(records: Sequence[VolumeRecord]) -> Iterator[str]:
            return in_parallel(partial(fault, verify), records, f"checking {self.card.name}")

        return check_folder(
            self.card, root, self.scan, count=self._count, faults=faults, counts=counts
        )

    def choose(self, root: Path, site: str | None) -> list[VolumeRecord]:
        """The scans of a site or group (None: of all). Refuses unknown names and broken folders."""
        name, scan = self.card.name, self.scan(root)
        refuse_problems(self.card, scan)
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

    def read(
        self,
        records: Sequence[VolumeRecord],
        bring: Bring,
        spacing: Spacing,
        *,
        progress: bool = True,
    ) -> Volumes:
        """Read the scans and bring each to the grid. Raises DatasetError, naming the file."""

        def placed(record: VolumeRecord) -> Placed:
            scan = nifti.read_scan(record.image)
            image, mask = bring(scan, nifti.read_mask(record.mask, scan.grid, self.rule))
            if not mask.any():
                raise DatasetError(
                    f"{record.mask}: nothing of the mask is left on the grid of the slices; check "
                    "the file's orientation and origin"
                )
            return image, mask

        found = list(in_parallel(placed, records, f"reading {self.card.name}", progress=progress))
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

    def _decode(self, record: VolumeRecord) -> None:
        """Read both files. Raises DatasetError for whatever is wrong with them."""
        scan = nifti.read_scan(record.image)
        nifti.read_mask(record.mask, scan.grid, self.rule)


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
    return parallel.in_parallel(
        work, items, what, unit="scan", threads=THREADS, many=MANY, progress=progress
    )


def _same_grid(record: VolumeRecord) -> None:
    """Compare the headers of a scan's two files. Raises DatasetError."""
    nifti.same_grid(nifti.read_grid(record.mask), nifti.read_grid(record.image))
