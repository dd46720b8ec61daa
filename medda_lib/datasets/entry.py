"""A data set as the registry lists it, and where its folder is: below the one that `MEDDA_DATA` names.

Nothing but that folder is searched and nothing is ever downloaded, so what a run used is no surprise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from medda_lib.datasets.card import Card, CheckReport, DatasetError
from medda_lib.datasets.content import opened
from medda_lib.datasets.folder import inner, is_folder

VARIABLE = "MEDDA_DATA"

Card_co = TypeVar("Card_co", bound=Card, covariant=True)
Loaded_co = TypeVar("Loaded_co", covariant=True)


class DatasetModule(Protocol[Card_co, Loaded_co]):
    """What a module that reads one data set has."""

    @property
    def CARD(self) -> Card_co:
        """What is written down about the data set."""

    @property
    def check(self) -> Callable[..., CheckReport]:
        """Compare a folder with the card: (root, *, counts=None, decode=True)."""

    @property
    def load(self) -> Callable[..., Loaded_co]:
        """Read a folder: (root, *, ...), what else depends on the kind. Raises DatasetError."""


@dataclass(frozen=True)
class DatasetEntry(Generic[Card_co, Loaded_co]):
    """One data set: its kind in words, its card, check(root, ...) and load(root, ...)."""

    kind: str
    card: Card_co
    check: Callable[..., CheckReport]
    load: Callable[..., Loaded_co]


def by_name(
    kind: str,
    *modules: DatasetModule[Card_co, Loaded_co],
) -> Mapping[str, DatasetEntry[Card_co, Loaded_co]]:
    """These modules of one kind, in this order."""
    entries = (DatasetEntry(kind, m.CARD, m.check, m.load) for m in modules)
    return MappingProxyType({entry.card.name: entry for entry in entries})


def data_root() -> Path | None:
    """The folder named by `MEDDA_DATA`, or None when the variable is unset or empty."""
    value = os.environ.get(VARIABLE, "").strip()
    return Path(value).expanduser() if value else None


def find_folder(name: str, registry: Mapping[str, DatasetEntry[Card, object]]) -> Path:
    """The folder of the data set `name` of a registry, or of those of one kind.

    Raises DatasetError when the name is unknown, `MEDDA_DATA` is unset or not a folder, or the data
    set is not below it (the message says how to get it) or below it under two of its names;
    UnreadableError where that cannot be told.
    """
    if name not in registry:
        raise DatasetError(f"unknown data set {name!r}; there are: {', '.join(registry)}")
    card, root = registry[name].card, data_root()
    if root is None:
        raise DatasetError(
            f"{name}: {VARIABLE} is not set; export {VARIABLE}=/folder/that/holds/the/data/sets "
            f"with {card.folders[0]}/ in it. {card.how_to_get}"
        )
    if not is_folder(root):
        raise DatasetError(f"{name}: {VARIABLE}={root} is not a folder; correct the variable")
    folder = inner(root, *card.folders)
    if folder == root:
        raise DatasetError(
            f"{name}: no folder {' or '.join(card.folders)} in {root}. {card.how_to_get}"
        )
    opened(name)
    return folder
