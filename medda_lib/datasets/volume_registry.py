"""Every set of volumes by name, and where its folder is.

The counterpart of `registry` and `where` for whole scans. Results on chest X-rays are tied to those two
modules, so sets of volumes stand beside them: adding one leaves the others' results valid. Adding a set
is one module with `CARD`, `check` and `load`, and one line here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from medda_lib.datasets.brain_mr import brain_sites, cc359
from medda_lib.datasets.card import CheckReport, DatasetError
from medda_lib.datasets.prostate_mr import multi_site
from medda_lib.datasets.volumes import VolumeCard, Volumes

VARIABLE = "MEDDA_DATA"


@dataclass(frozen=True)
class VolumeEntry:
    """check(root) -> CheckReport; load(root, *, site=None, size, ...) -> Volumes."""

    card: VolumeCard
    check: Callable[..., CheckReport]
    load: Callable[..., Volumes]


_MODULES = (cc359, brain_sites, multi_site)

VOLUMES: Mapping[str, VolumeEntry] = MappingProxyType(
    {m.CARD.name: VolumeEntry(m.CARD, m.check, m.load) for m in _MODULES}
)


def find_volumes(name: str) -> Path:
    """The folder of the set `name` below the one that `MEDDA_DATA` names.

    Raises DatasetError when the name is unknown, `MEDDA_DATA` is unset or not a folder, or the set is
    not below it; the message says how to get it.
    """
    if name not in VOLUMES:
        raise DatasetError(f"unknown data set {name!r}; there are: {', '.join(VOLUMES)}")
    card, value = VOLUMES[name].card, os.environ.get(VARIABLE, "").strip()
    if not value:
        raise DatasetError(
            f"{name}: {VARIABLE} is not set; export {VARIABLE}=/folder/that/holds/the/data/sets "
            f"with {card.folders[0]}/ in it. {card.how_to_get}"
        )
    root = Path(value).expanduser()
    if not root.is_dir():
        raise DatasetError(f"{name}: {VARIABLE}={root} is not a folder; correct the variable")
    for folder in card.folders:
        if (root / folder).is_dir():
            return root / folder
    raise DatasetError(
        f"{name}: no folder {' or '.join(card.folders)} in {root}. {card.how_to_get}"
    )


def load_volumes(name: str, *, site: str | None = None, **options: Any) -> Volumes:
    """The scans of one site (None: of all) of a set, from its folder below `MEDDA_DATA`.

    options: what the set's own `load` takes, such as size and step. Raises DatasetError.
    """
    root = find_volumes(name)
    return VOLUMES[name].load(root, site=site, **options)
