"""All kinds of data sets by name (images, whole scans, hippocampi), for whoever lists or checks them.

Loaders and tasks do not come through here: they use the registry of their own kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from medda_lib.datasets.card import Card
from medda_lib.datasets.entry import DatasetEntry, find_folder
from medda_lib.datasets.hippocampus.registry import HIPPOCAMPI
from medda_lib.datasets.registry import DATASETS
from medda_lib.datasets.volume_registry import VOLUMES

Entry = DatasetEntry[Card, object]
"""A data set of any kind."""

ALL: Mapping[str, Entry] = MappingProxyType({**DATASETS, **VOLUMES, **HIPPOCAMPI})


def find(name: str) -> Path:
    """The folder of a data set of any kind. Raises DatasetError, with how to get it."""
    return find_folder(name, ALL)
