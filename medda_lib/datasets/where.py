"""Where the data sets are: one folder, named by the environment variable `MEDDA_DATA`.

Nothing else is searched and nothing is ever downloaded, so what a run used is never a surprise.
"""

from __future__ import annotations

import os
from pathlib import Path

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.registry import DATASETS

VARIABLE = "MEDDA_DATA"


def data_root() -> Path | None:
    """The folder named by `MEDDA_DATA`, or None when the variable is unset or empty."""
    value = os.environ.get(VARIABLE, "").strip()
    return Path(value).expanduser() if value else None


def find(name: str) -> Path:
    """The folder of the data set `name`.

    Raises DatasetError when the name is unknown, `MEDDA_DATA` is unset or not a folder, or the data
    set is not below it; the message says how to get it.
    """
    if name not in DATASETS:
        raise DatasetError(f"unknown data set {name!r}; there are: {', '.join(DATASETS)}")
    card, root = DATASETS[name].card, data_root()
    if root is None:
        raise DatasetError(
            f"{name}: {VARIABLE} is not set; export {VARIABLE}=/folder/that/holds/the/data/sets "
            f"with {card.folders[0]}/ in it. {card.how_to_get}"
        )
    if not root.is_dir():
        raise DatasetError(f"{name}: {VARIABLE}={root} is not a folder; correct the variable")
    for folder in card.folders:
        if (root / folder).is_dir():
            return root / folder
    raise DatasetError(
        f"{name}: no folder {' or '.join(card.folders)} in {root}. {card.how_to_get}"
    )
