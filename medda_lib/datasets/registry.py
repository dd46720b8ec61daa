"""Every data set by name: its kind, its card, its check, its loader, and where its folder is.

Adding a data set is one module with `CARD`, `check` and `load`, and its name here. Sets of one kind load
as the same class, which is why each kind has a table of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from medda_lib.datasets.brain_mr import brain_sites, cc359
from medda_lib.datasets.card import Card
from medda_lib.datasets.chest_xray import (
    jsrt,
    kermany,
    lung_xray_a,
    lung_xray_b,
    montgomery,
    nih_chestxray14,
    nih_chestxray14_subset,
)
from medda_lib.datasets.chest_xray.xrays import ChestXrays
from medda_lib.datasets.entry import DatasetEntry, by_name, find_folder
from medda_lib.datasets.hippocampus import decathlon, dryad, harp
from medda_lib.datasets.hippocampus.crops import Crops
from medda_lib.datasets.prostate_mr import multi_site
from medda_lib.datasets.volumes import VolumeCard, Volumes

Loaded = TypeVar("Loaded")
Entry = DatasetEntry[Card, object]
"""A data set of any kind."""

CHEST_XRAYS: Mapping[str, DatasetEntry[Card, ChestXrays]] = by_name(
    "chest X-rays",
    kermany,
    jsrt,
    montgomery,
    nih_chestxray14,
    lung_xray_a,
    lung_xray_b,
    nih_chestxray14_subset,
)
VOLUMES: Mapping[str, DatasetEntry[VolumeCard, Volumes]] = by_name(
    "whole scans", cc359, brain_sites, multi_site
)
HIPPOCAMPI: Mapping[str, DatasetEntry[VolumeCard, Crops]] = by_name(
    "hippocampi", decathlon, harp, dryad
)

DATASETS: Mapping[str, Entry] = MappingProxyType({**CHEST_XRAYS, **VOLUMES, **HIPPOCAMPI})


def find(name: str) -> Path:
    """The folder of a data set. Raises DatasetError, with how to get it."""
    return find_folder(name, DATASETS)


def load(kind: Mapping[str, DatasetEntry[Card, Loaded]], name: str, **options: Any) -> Loaded:
    """A set of one kind, from its folder below `MEDDA_DATA`. Raises DatasetError.

    kind: `CHEST_XRAYS`, `VOLUMES` or `HIPPOCAMPI`. options: what its own `load` takes, such as size.
    """
    root = find_folder(name, kind)
    return kind[name].load(root, **options)
