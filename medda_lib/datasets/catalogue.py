"""All kinds of data sets by name (images, whole scans, hippocampi), for whoever lists or checks them.

Loaders and tasks do not come through here: they use the registry of their own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from medda_lib.datasets.card import Card, CheckReport, DatasetError
from medda_lib.datasets.hippocampus.registry import HIPPOCAMPI, find_hippocampi
from medda_lib.datasets.registry import DATASETS
from medda_lib.datasets.volume_registry import VOLUMES, find_volumes
from medda_lib.datasets.where import find as find_images


class Entry(Protocol):
    """What all kinds of data sets have: a card and a check(root)."""

    @property
    def card(self) -> Card:
        """What is written down about the data set."""

    @property
    def check(self) -> Callable[..., CheckReport]:
        """Compare a folder with the card."""


ALL: Mapping[str, Entry] = MappingProxyType({**DATASETS, **VOLUMES, **HIPPOCAMPI})


def find(name: str) -> Path:
    """The folder of a data set of any kind. Raises DatasetError, with how to get it."""
    if name not in ALL:
        raise DatasetError(f"unknown data set {name!r}; there are: {', '.join(ALL)}")
    if name in HIPPOCAMPI:
        return find_hippocampi(name)
    return find_volumes(name) if name in VOLUMES else find_images(name)
