"""What the sets of hippocampi share: records, the check of a folder, and loading on to the grid.

A module scans its folder into a `CropScan`, and says how one record is read (`Read`): the image, the
mask of one hippocampus on the same voxels, and in which regime the intensities were stored. With both,
`CropSource` checks and loads the set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import torch
from numpy.typing import NDArray

from medda_lib.datasets.card import CheckReport, DatasetError
from medda_lib.datasets.checking import (
    FolderScan,
    Seen,
    check_folder,
    content_of,
    looked_at,
    refuse_problems,
    scanned,
)
from medda_lib.datasets.hippocampus.crops import (
    FIELD,
    Crops,
    Millimetres,
    grid_shape,
    on_grid,
    rescaled,
)
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

    @property
    def states(self) -> Mapping[str, str]:
        """What a second record of the same content may contradict."""
        return {"scan": self.scan, "person": self.person, "site": self.site}


CropScan = FolderScan[CropRecord]


class Acquired(NamedTuple):
    """An image as stored, its mask on the same voxels, the regime of its intensities.

    head: the whole scan, where the image was cut from it.
    """

    image: Scan
    mask: NDArray[np.bool_]
    regime: str
    head: Scan | None = None


Read = Callable[[CropRecord], Acquired]


@dataclass(frozen=True)
class CropSource:
    """How one set is checked and loaded."""

    card: VolumeCard
    scan: Callable[[Path], CropScan]
    read: Read

    def check(
        self, root: Path, *, counts: Mapping[str, int] | None = None, decode: bool = True
    ) -> CheckReport:
        """Compare a folder with the card: counts, names, pairing, headers, readable files, grids.

        Never raises DatasetError. counts: expected numbers of "scans" and "people", by default the
        card's. decode False: names only.
        """

        def look(records: Sequence[CropRecord]) -> Iterator[Seen]:
            work = partial(looked_at, self._look if decode else _names_only)
            return in_parallel(work, records, f"checking {self.card.name}")

        return check_folder(self.card, root, self._scan, count=_count, look=look, counts=counts)

    def load(
        self,
        root: Path,
        *,
        site: str | None = None,
        spacing: float = 1.0,
        field: Millimetres = FIELD,
        progress: bool = True,
    ) -> Crops:
        """The scans of a site (None: of all) on a grid of `spacing` mm around the middle of each.

        Raises DatasetError, naming the file or the argument.
        """
        found = self._of_site(self._scan(root), site)
        grid_shape(spacing, field)
        refuse_problems(self.card, found)
        if not found.records:
            raise DatasetError(f"{found.root}: no scan is here. {self.card.how_to_get}")

        def bring(record: CropRecord) -> tuple[Values, NDArray[np.bool_], str]:
            image, mask, regime, _ = self.read(record)
            values, inside = on_grid(image, mask, spacing, field)
            if not inside.any():
                raise DatasetError(
                    f"{record.mask}: nothing of the mask is left on a field of {field} mm at "
                    f"{spacing:g} mm; choose a larger field or smaller voxels"
                )
            return values, inside, regime

        what = f"reading {self.card.name}"
        placed = list(in_parallel(bring, found.records, what, progress=progress))
        return Crops(
            images=torch.from_numpy(np.stack([image for image, _, _ in placed])),
            masks=torch.from_numpy(np.stack([mask for _, mask, _ in placed])),
            spacing=(spacing, spacing, spacing),
            patients=tuple(record.scan for record in found.records),
            sites=tuple(record.site for record in found.records),
            people=tuple(record.person for record in found.records),
            regimes=tuple(regime for _, _, regime in placed),
        )

    def _scan(self, root: Path) -> CropScan:
        return scanned(self.scan, root, lambda record: record.scan)

    def _look(self, record: CropRecord) -> Seen:
        """Read both files and scale the crop, as for loading. Raises DatasetError."""
        image, _, _, head = self.read(record)
        rescaled(image.values, image.grid)
        whole = head or image
        return Seen(content_of(whole.values), whole.warnings)

    def _of_site(self, found: CropScan, site: str | None) -> CropScan:
        """The scans of one site (None: of all). Raises DatasetError that lists the sites there are."""
        if site is None:
            return found
        sites = sorted({record.site for record in found.records})
        if site not in sites:
            raise DatasetError(f"{self.card.name}: no site {site!r}; there are: {', '.join(sites)}")
        return replace(found, records=tuple(r for r in found.records if r.site == site))


def stored_type(path: Path) -> str:
    """The type in which a file's values are stored, by NumPy's name: "uint8", "float32" ..."""
    header: Any = nib.load(path).header
    return str(np.dtype(header.get_data_dtype()).name)


def _names_only(_record: CropRecord) -> Seen:
    return Seen()


def _count(records: Sequence[CropRecord], _names: Sequence[str]) -> dict[str, int]:
    return {"scans": len(records), "people": len({record.person for record in records})}
