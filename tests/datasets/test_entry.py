"""Where the folders of data sets are looked for, whichever kind of set it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from medda_lib.datasets import catalogue
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.hippocampus.registry import find_hippocampi
from medda_lib.datasets.volume_registry import find_volumes
from medda_lib.datasets.where import data_root, find

Find = Callable[[str], Path]

KINDS = [(find, "jsrt"), (find_volumes, "cc359"), (find_hippocampi, "dryad")]
"""The finder of each kind of sets, and one of its sets."""


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize(("find", "name"), KINDS)
def test_an_unset_variable_is_explained(
    find: Find, name: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("MEDDA_DATA", value)
    assert data_root() is None
    with pytest.raises(DatasetError, match=f"{name}: MEDDA_DATA is not set; export") as caught:
        find(name)
    assert catalogue.ALL[name].card.how_to_get in str(caught.value)


@pytest.mark.parametrize(("find", "name"), KINDS)
def test_a_variable_that_names_no_folder_is_refused(
    find: Find, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path / "no"))
    with pytest.raises(DatasetError, match=f"{name}: MEDDA_DATA=.*/no is not a folder"):
        find(name)


@pytest.mark.parametrize("name", catalogue.ALL)
def test_a_set_is_found_by_each_of_its_folders(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    card = catalogue.ALL[name].card
    with pytest.raises(DatasetError, match=f"{name}: no folder {card.folders[0]}") as caught:
        catalogue.find(name)
    assert card.how_to_get in str(caught.value)
    for folder in reversed(card.folders):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        assert catalogue.find(name).samefile(tmp_path / folder)


@pytest.mark.parametrize(
    ("find", "known"),
    [
        (find, "kermany, jsrt"),
        (find_volumes, "cc359, brain_sites"),
        (find_hippocampi, "decathlon, harp"),
        (catalogue.find, "kermany, jsrt"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(find: Find, known: str) -> None:
    with pytest.raises(DatasetError, match=f"unknown data set 'mnist'; there are: {known}"):
        find("mnist")
