"""Every set of hippocampi by name, and where its folder is.

The counterpart of `volume_registry`, which results on brains and prostates are tied to: a list of its
own for the hippocampus leaves them valid.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from medda_lib.datasets.card import CheckReport, DatasetError
from medda_lib.datasets.hippocampus import decathlon, dryad, harp
from medda_lib.datasets.hippocampus.crops import Crops
from medda_lib.datasets.volumes import VolumeCard

VARIABLE = "MEDDA_DATA"


@dataclass(frozen=True)
class CropEntry:
    """check(root) -> CheckReport; load(root, *, site=None, spacing=1.0, ...) -> Crops."""

    card: VolumeCard
    check: Callable[..., CheckReport]
    load: Callable[..., Crops]


_MODULES = (decathlon, harp, dryad)

HIPPOCAMPI: Mapping[str, CropEntry] = MappingProxyType(
    {m.CARD.name: CropEntry(m.CARD, m.check, m.load) for m in _MODULES}
)


def find_hippocampi(name: str) -> Path:
    """The folder of the set `name` below the one that `MEDDA_DATA` names.

    Raises DatasetError when the name is unknown, `MEDDA_DATA` is unset or not a folder, or the set is
    not below it; the message says how to get it.
    """
    if name not in HIPPOCAMPI:
        raise DatasetError(f"unknown data set {name!r}; there are: {', '.join(HIPPOCAMPI)}")
    card, value = HIPPOCAMPI[name].card, os.environ.get(VARIABLE, "").strip()
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


def load_hippocampi(name: str, **options: Any) -> Crops:
    """The scans of a set from its folder below `MEDDA_DATA`. options: what its own `load` takes."""
    return HIPPOCAMPI[name].load(find_hippocampi(name), **options)
