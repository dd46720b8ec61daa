"""Where the sets of chest X-rays are, and the folder that is searched for all data sets."""

from __future__ import annotations

from pathlib import Path

from medda_lib.datasets.entry import data_root, find_folder
from medda_lib.datasets.registry import DATASETS

__all__ = ["data_root", "find"]


def find(name: str) -> Path:
    """The folder of the data set `name`. Raises DatasetError, with how to get it."""
    return find_folder(name, DATASETS)
