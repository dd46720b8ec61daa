"""Every data set by name: its card, its check and its loader.

Adding a data set is one module with `CARD`, `check` and `load`, and one line here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from medda_lib.datasets.card import Card, CheckReport
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


@dataclass(frozen=True)
class DatasetEntry:
    """check(root) -> CheckReport; load(root, *, size, split=None, scheme=..., seed=0)."""

    card: Card
    check: Callable[..., CheckReport]
    load: Callable[..., ChestXrays]


_MODULES = (
    kermany,
    jsrt,
    montgomery,
    nih_chestxray14,
    lung_xray_a,
    lung_xray_b,
    nih_chestxray14_subset,
)

DATASETS: Mapping[str, DatasetEntry] = MappingProxyType(
    {m.CARD.name: DatasetEntry(m.CARD, m.check, m.load) for m in _MODULES}
)
