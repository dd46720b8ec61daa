"""What the sets of hippocampi share: records, the check of a folder, and loading on to the grid.

A module scans its folder into a `CropScan`, and says how one record is read (`Read`): the image, the
mask of one hippocampus on the same voxels, and in which regime the intensities were stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray

from medda_lib.datasets.card import CheckReport, DatasetError
from medda_lib.datasets.hippocampus.crops import FIELD, Crops, Millimetres, grid_shape, on_grid
from medda_lib.datasets.nifti import Scan
from medda_lib.datasets.resampling import Values
from medda_lib.datasets.volume_source import in_parallel
from medda_lib.datasets.volumes import VolumeCard


@dataclass(frozen=True)
class CropRecord:
    """One scan before it is read. Scans of both sides have one `person` and two names (`scan`)."""

    scan: str
    person: str
    site: str
    image: Path
    mask: Path


@dataclass(frozen=True)
class CropScan:
    """What a folder holds. Warnings: true of an incomplete copy too, which can be used as it is."""

    root: Path
    records: tuple[CropRecord, ...]
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Acquired(NamedTuple):
    """An image as stored, its mask on the same voxels, and the regime of its intensities."""

    image: Scan
    mask: NDArray[np.bool_]
    regime: str


Read = Callable[[CropRecord], Acquired]


def check_crops(
    card: VolumeCard,
    root: Path,
    scan: Callable[[Path], CropScan],
    read: Read,
    *,
    counts: Mapping[str, int] | None = None,
    decode: bool = True,
) -> CheckReport:
    """Everything that is missing or broken. Never raises DatasetError.

    counts: expected numbers of "scans" and "people", by default the card's. decode False: names only.
    """
    try:
        found = scan(root)
    except DatasetError as error:
        return CheckReport(card.name, root, {}, (str(error),))
    numbers = {
        "scans": len(found.records),
        "people": len({record.person for record in found.records}),
    }
    expected = card.counts if counts is None else counts
    problems = list(found.problems)
    problems += [
        f"{what}: expected {n:,}, found {numbers[what]:,}"
        for what, n in expected.items()
        if numbers[what] != n
    ]
    if decode:
        faults = in_parallel(
            lambda record: _fault(record, read), found.records, f"checking {card.name}"
        )
        problems += [fault for fault in faults if fault]
    return CheckReport(card.name, root, numbers, tuple(problems), found.warnings)


def load_crops(
    card: VolumeCard,
    found: CropScan,
    read: Read,
    *,
    spacing: float,
    field: Millimetres = FIELD,
    progress: bool = True,
) -> Crops:
    """All scans of a folder on the grid. Raises DatasetError, naming the file, for a broken folder."""
    grid_shape(spacing, field)
    if found.problems:
        more = f" (and {len(found.problems) - 1} more)" if len(found.problems) > 1 else ""
        raise DatasetError(f"{card.name}: {found.problems[0]}{more}")
    if not found.records:
        raise DatasetError(f"{found.root}: no scan is here. {card.how_to_get}")

    def bring(record: CropRecord) -> tuple[Values, NDArray[np.bool_], str]:
        image, mask, regime = read(record)
        values, inside = on_grid(image, mask, spacing, field)
        if not inside.any():
            raise DatasetError(
                f"{record.mask}: nothing of the mask is left on a field of {field} mm at {spacing:g} "
                "mm; choose a larger field or smaller voxels"
            )
        return values, inside, regime

    placed = list(in_parallel(bring, found.records, f"reading {card.name}", progress=progress))
    return Crops(
        images=torch.from_numpy(np.stack([image for image, _, _ in placed])),
        masks=torch.from_numpy(np.stack([mask for _, mask, _ in placed])),
        spacing=(spacing, spacing, spacing),
        patients=tuple(record.scan for record in found.records),
        sites=tuple(record.site for record in found.records),
        people=tuple(record.person for record in found.records),
        regimes=tuple(regime for _, _, regime in placed),
    )


def of_site(found: CropScan, site: str | None, card: VolumeCard) -> CropScan:
    """The scans of one site (None: of all). Raises DatasetError that lists the sites there are."""
    if site is None:
        return found
    sites: Sequence[str] = sorted({record.site for record in found.records})
    if site not in sites:
        raise DatasetError(f"{card.name}: no site {site!r}; there are: {', '.join(sites)}")
    chosen = tuple(record for record in found.records if record.site == site)
    return CropScan(found.root, chosen, found.problems, found.warnings)


def stored_type(path: Path) -> str:
    """The type in which a file's values are stored, by NumPy's name: "uint8", "float32" ..."""
    header: Any = nib.load(path).header
    return str(np.dtype(header.get_data_dtype()).name)


def _fault(record: CropRecord, read: Read) -> str:
    try:
        read(record)
    except DatasetError as error:
        return str(error)
    return ""
