"""Every set of hippocampi by name, and where its folder is.

The counterpart of `volume_registry`, which results on brains and prostates are tied to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medda_lib.datasets.entry import DatasetEntry, by_name, find_folder
from medda_lib.datasets.hippocampus import decathlon, dryad, harp
from medda_lib.datasets.hippocampus.crops import Crops
from medda_lib.datasets.volumes import VolumeCard

HIPPOCAMPI: Mapping[str, DatasetEntry[VolumeCard, Crops]] = by_name(decathlon, harp, dryad)


def find_hippocampi(name: str) -> Path:
    """The folder of the set `name`. Raises DatasetError, with how to get it."""
    return find_folder(name, HIPPOCAMPI)


def load_hippocampi(name: str, **options: Any) -> Crops:
    """The scans of a set from its folder below `MEDDA_DATA`. options: what its own `load` takes."""
    return HIPPOCAMPI[name].load(find_hippocampi(name), **options)
