"""What all sets of volumes have in common, so that each module only says what is special.

A module scans its folder into a `VolumeScan`: one `VolumeRecord` per scan (who, which site, which
files) and the problems met on the way. From there the rest is the same for all: `VolumeSource.check`
opens every file and lists everything that is wrong; `choose` refuses a folder with problems and picks
the sites; `read` brings each scan to the set's grid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from medda_lib.datasets import nifti, parallel
from medda_lib.datasets.card import Card, CheckReport, DatasetError
from medda_lib.datasets.checking import (
    FolderScan,
    Seen,
    check_folder,
    content_of,
    looked_at,
    refuse_problems,
    scanned,
)
from medda_lib.datasets.folder import files, one_each
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

    @property
    def states(self) -> Mapping[str, str]:
        """What a second record of the same content may contradict."""
        return {"patient": self.patient, "site": self.site}


VolumeScan = FolderScan[VolumeRecord]


@dataclass(frozen=True)
class VolumeSource:
    """How one set of volumes is checked and loaded.

    sites: every site by name. scan: the records below a folder. groups: other names for several sites
    together. labels: the ids that its masks may hold, 0 included, () for any.
    """

    card: Card
    sites: tuple[str, ...]
    rule: nifti.MaskRule
    scan: Callable[[Path], VolumeScan]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Collection[int] = ()

    def check(
        self, root: Path, *, counts: Mapping[str, int] | None = None, decode: bool = True
    ) -> CheckReport:
        """Compare a folder with the card: counts, names, pairing, headers, readable files, grids.

        Never raises DatasetError. counts: expected numbers, by default the card's. decode False: file
        headers only (fast).
        """
        verify = self._decode if decode else _same_grid

        def look(records: Sequence[VolumeRecord]) -> Iterator[Seen]:
            return in_parallel(partial(looked_at, verify), records, f"checking {self.card.name}")

        return check_folder(
            self.card, root, self._scan, count=self._count, look=look, counts=counts
        )

    def choose(self, root: Path, site: str | None) -> list[VolumeRecord]:
        """The scans of a site or group (None: of all). Refuses unknown names and broken folders."""
        name, scan = self.card.name, self._scan(root)
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

        def placed(record: VolumeRecord) -> tuple[*Placed, float]:
            scan, stored = self._read(record)
            image, mask = bring(scan, stored)
            if not mask.any():
                raise DatasetError(
                    f"{record.mask}: nothing of the mask is left on the grid of the slices; check "
                    "the file's orientation and origin"
                )
            return image, mask, float(max(scan.grid.spacing))

        found = list(in_parallel(placed, records, f"reading {self.card.name}", progress=progress))
        return Volumes(
            images=torch.from_numpy(np.stack([image for image, _, _ in found])),
            masks=torch.from_numpy(np.stack([mask for _, mask, _ in found])),
            spacing=spacing,
            patients=tuple(r.patient for r in records),
            sites=tuple(r.site for r in records),
            native=max(side for _, _, side in found),
        )

    def _count(self, records: Sequence[VolumeRecord], names: Sequence[str]) -> dict[str, int]:
        tally = Counter(r.site for r in records)
        for group, sites in self.groups.items():
            tally[group] = sum(tally[s] for s in sites)
        tally["scans"] = len(records)
        return {name: tally[name] for name in names}

    def examine(self, scan: nifti.Scan) -> None:
        """Raise DatasetError for a scan that could not be brought to the set's grid."""

    def _read(self, record: VolumeRecord) -> tuple[nifti.Scan, NDArray[np.bool_]]:
        scan = nifti.read_scan(record.image)
        return scan, nifti.read_mask(record.mask, scan.grid, self.rule, self.labels)

    def _decode(self, record: VolumeRecord) -> Seen:
        """Read both files. Raises DatasetError for whatever is wrong with them."""
        scan, _ = self._read(record)
        self.examine(scan)
        return Seen(content_of(scan.values), scan.warnings)

    def _scan(self, root: Path) -> VolumeScan:
        return scanned(self.scan, root, lambda record: record.patient)


def volumes_in(folder: Path, problems: list[str]) -> dict[str, Path]:
    """Visible NIfTI files (.nii.gz or .nii) by name; two of one name are a problem, `one_each`."""
    return one_each(files(folder, problems, ".nii.gz", ".nii"), stem, problems)


def stem(path: Path) -> str:
    """A file's name without .nii.gz or .nii."""
    return path.name[: -len(".nii.gz" if path.name.lower().endswith(".gz") else ".nii")]


def in_parallel(
    work: Callable[[T], R], items: Iterable[T], what: str, *, progress: bool = True
) -> Iterator[R]:
    """`work` over `items` in order, by a few threads; a progress bar when there are many scans."""
    return parallel.in_parallel(
        work, items, what, unit="scan", threads=THREADS, many=MANY, progress=progress
    )


def _same_grid(record: VolumeRecord) -> Seen:
    """Compare the headers of a scan's two files. Raises DatasetError."""
    nifti.same_grid(nifti.read_grid(record.mask), nifti.read_grid(record.image))
    return Seen()
