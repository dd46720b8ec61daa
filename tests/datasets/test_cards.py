"""Cards, reports, the registry and where the data are."""

from __future__ import annotations

from pathlib import Path

import pytest

from medda_lib.datasets.card import SHOWN, CheckReport, DatasetError
from medda_lib.datasets.registry import DATASETS
from medda_lib.datasets.where import data_root, find
from tests.datasets.cards import assert_says_everything

NAMES = [
    "kermany",
    "jsrt",
    "montgomery",
    "nih_chestxray14",
    "lung_xray_a",
    "lung_xray_b",
    "nih_chestxray14_subset",
]


def test_registry_names_every_data_set() -> None:
    assert list(DATASETS) == NAMES
    assert all(entry.card.name == name for name, entry in DATASETS.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_everything_in_its_text(name: str) -> None:
    card = DATASETS[name].card
    assert_says_everything(card)
    flat = " ".join(card.text().split())
    for what, n in card.counts.items():
        assert f"{n:,} {what}" in flat
    assert all(len(line) <= 100 or "://" in line for line in card.text().splitlines())


@pytest.mark.parametrize(
    ("name", "parts", "total"),
    [
        ("kermany", ("train", "validation", "test"), 5856),
        ("kermany", ("normal", "pneumonia"), 5856),
        ("jsrt", ("fold1", "fold2"), 247),
        ("jsrt", ("nodule", "no nodule"), 247),
        ("montgomery", ("normal", "tuberculosis"), 138),
        ("nih_chestxray14", ("train_val", "test"), 112120),
        ("nih_chestxray14_subset", ("normal", "pneumonia"), 1000),
    ],
)
def test_published_numbers_add_up(name: str, parts: tuple[str, ...], total: int) -> None:
    counts = DATASETS[name].card.counts
    assert sum(counts[p] for p in parts) == counts["images"] == total


def test_a_report_lists_problems_and_counts_the_rest() -> None:
    problems = tuple(f"file{i}.png: broken" for i in range(SHOWN + 5))
    report = CheckReport("xyz", Path("there"), {"images": 1234}, problems, ("odd",))
    assert not report.ok
    text = report.text()
    assert "25 problem(s)" in text
    assert "1,234 images" in text
    assert f"file{SHOWN - 1}.png" in text
    assert f"file{SHOWN}.png" not in text
    assert "5 more problems" in text
    assert "warning: odd" in text


def test_a_report_without_problems_is_ok() -> None:
    report = CheckReport("xyz", Path("there"), {"images": 3}, warnings=("odd",))
    assert report.ok
    assert "complete" in report.text()


@pytest.mark.parametrize("value", [None, "", "  "])
def test_data_root_unset(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("MEDDA_DATA", value)
    assert data_root() is None
    with pytest.raises(DatasetError, match=r"jsrt: MEDDA_DATA is not set.*Register"):
        find("jsrt")


def test_data_root_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path / "no"))
    with pytest.raises(DatasetError, match="is not a folder"):
        find("jsrt")


@pytest.mark.parametrize("name", NAMES)
def test_find(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    card = DATASETS[name].card
    with pytest.raises(DatasetError) as caught:
        find(name)
    assert card.how_to_get in str(caught.value)
    for folder in reversed(card.folders):
        (tmp_path / folder).mkdir()
        assert find(name).samefile(tmp_path / folder)


def test_find_unknown_name() -> None:
    with pytest.raises(DatasetError, match=r"unknown data set 'mnist'; there are: kermany, jsrt"):
        find("mnist")
