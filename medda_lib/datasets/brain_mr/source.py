"""Head scans, whichever set they are of: all are put on the brain grid in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medda_lib.datasets import brain_grid, nifti
from medda_lib.datasets.volume_source import VolumeSource
from medda_lib.datasets.volumes import Volumes


@dataclass(frozen=True)
class BrainSource(VolumeSource):
    """How one set of head scans is checked and loaded."""

    def examine(self, scan: nifti.Scan) -> None:
        """Raise DatasetError where no head is found."""
        brain_grid.need_head(scan)

    def load(
        self,
        root: Path,
        *,
        site: str | None = None,
        progress: bool = True,
        **part: Any,
    ) -> Volumes:
        """Scans of a site (None: all) on the brain grid; part: fields of `brain_grid.Part`.

        Raises DatasetError for an unknown site, a bad size or a file that cannot be trusted.
        """
        taken = brain_grid.Part(**part)
        return self.read(self.choose(root, site), taken.of, taken.spacing, progress=progress)
