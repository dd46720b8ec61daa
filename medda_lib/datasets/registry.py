"""Every set of chest X-rays by name: its card, its check and its loader.

Adding a data set is one module with `CARD`, `check` and `load`, and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping

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
from medda_lib.datasets.entry import DatasetEntry, by_name

DATASETS: Mapping[str, DatasetEntry[Card, ChestXrays]] = by_name(
    kermany,
    jsrt,
    montgomery,
    nih_chestxray14,
    lung_xray_a,
    lung_xray_b,
    nih_chestxray14_subset,
)
