"""Where the folders of data sets are looked for, whichever kind of set it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from medda_lib.commands.doctor import findings
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.entry import data_root
from medda_lib.datasets.folder import UnreadableError
from medda_lib.datasets.registry import CHEST_XRAYS, DATASETS, HIPPOCAMPI, VOLUMES, find, load

EACH_KIND = ("jsrt", "cc359", "dryad")


@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize("name", EACH_KIND)
def test_an_unset_variable_is_explained(
    name: str, value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("MEDDA_DATA", value)
    assert data_root() is None
    with pytest.raises(DatasetError, match=f"{name}: MEDDA_DATA is not set; export") as caught:
        find(name)
    assert DATASETS[name].card.how_to_get in str(caught.value)


@pytest.mark.parametrize("name", EACH_KIND)
def test_a_variable_that_names_no_folder_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path / "no"))
    with pytest.raises(DatasetError, match=f"{name}: MEDDA_DATA=.*/no is not a folder"):
        find(name)


@pytest.mark.parametrize("name", DATASETS)
def test_a_set_is_found_by_each_of_its_folders(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    card = DATASETS[name].card
    with pytest.raises(DatasetError, match=f"{name}: no folder {card.folders[0]}") as caught:
        find(name)
    assert card.how_to_get in str(caught.value)
    for folder in card.folders:
        (tmp_path / folder).mkdir(parents=True)
        assert find(name).samefile(tmp_path / folder)
        (tmp_path / folder).rename(tmp_path / "elsewhere")
        (tmp_path / "elsewhere").rmdir()


def test_two_folders_of_one_set_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    (tmp_path / "harp").mkdir()
    (tmp_path / "HarP").symlink_to("harp")
    assert find("harp").samefile(tmp_path / "harp")  # one folder under two names
    (tmp_path / "HarP").unlink()
    (tmp_path / "HarP").mkdir()
    with pytest.raises(DatasetError, match=r"HarP: .*harp fits the same place"):
        find("harp")


def test_what_cannot_be_looked_at_is_no_missing_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "harp").symlink_to("harp")  # to itself: the system refuses, whoever asks
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    with pytest.raises(UnreadableError, match="harp: cannot be read"):
        find("harp")
    remarks = {finding.what: finding.remark for finding in findings()}
    assert "harp: cannot be read" in remarks["harp"]
    assert remarks["dryad"] == "`medda data card dryad`"


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(DatasetError, match="unknown data set 'mnist'; there are: kermany, jsrt"):
        find("mnist")


def test_a_set_of_another_kind_is_refused_with_those_of_the_kind() -> None:
    with pytest.raises(DatasetError, match="unknown data set 'cc359'; there are: kermany, jsrt"):
        load(CHEST_XRAYS, "cc359", size=8)
    with pytest.raises(DatasetError, match="unknown data set 'jsrt'; there are: cc359"):
        load(VOLUMES, "jsrt")
    with pytest.raises(DatasetError, match="unknown data set 'jsrt'; there are: decathlon, harp"):
        load(HIPPOCAMPI, "jsrt")
