"""Every set of whole scans by name, and where its folder is.

The counterpart of `registry` and `where`, which results on chest X-rays are tied to. Adding a set is one
module with `CARD`, `check` and `load`, and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medda_lib.datasets.brain_mr import brain_sites, cc359
from medda_lib.datasets.entry import DatasetEntry, by_name, find_folder
from medda_lib.datasets.prostate_mr import multi_site
from medda_lib.datasets.volumes import VolumeCard, Volumes

VOLUMES: Mapping[str, DatasetEntry[VolumeCard, Volumes]] = by_name(cc359, brain_sites, multi_site)


def find_volumes(name: str) -> Path:
    """The folder of the set `name`. Raises DatasetError, with how to get it."""
    return find_folder(name, VOLUMES)


def load_volumes(name: str, *, site: str | None = None, **options: Any) -> Volumes:
    """The scans of one site (None: of all) of a set, from its folder below `MEDDA_DATA`.

    options: what the set's own `load` takes, such as size and step. Raises DatasetError.
    """
    root = find_volumes(name)
    return VOLUMES[name].load(root, site=site, **options)
