"""Cards, reports and the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from medda_lib.datasets.card import SHOWN, CheckReport
from medda_lib.datasets.registry import CHEST_XRAYS, DATASETS, HIPPOCAMPI, VOLUMES
from medda_lib.datasets.volumes import VolumeCard


def test_the_registry_names_every_data_set() -> None:
    assert list(CHEST_XRAYS) == [
        "kermany",
        "jsrt",
        "montgomery",
        "nih_chestxray14",
        "lung_xray_a",
        "lung_xray_b",
        "nih_chestxray14_subset",
    ]
    assert list(VOLUMES) == ["cc359", "brain_sites", "prostate_multi_site"]
    assert list(HIPPOCAMPI) == ["decathlon", "harp", "dryad"]
    assert list(DATASETS) == [*CHEST_XRAYS, *VOLUMES, *HIPPOCAMPI]  # no name is taken twice
    assert all(entry.card.name == name for name, entry in DATASETS.items())
    assert DATASETS["cc359"].kind == "whole scans"


@pytest.mark.parametrize("name", DATASETS)
def test_a_card_says_everything_in_its_text(name: str) -> None:
    card = DATASETS[name].card
    flat = " ".join(card.text().split())
    fields = (card.title, card.input, card.label, card.metadata, card.website, card.publication)
    for value in (*fields, card.licence, card.how_to_get, *card.caveats, *card.splits):
        assert value
        assert " ".join(value.split()) in flat
    if isinstance(card, VolumeCard):
        assert f"masks: {card.mask}" in flat
        assert card.mask
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
