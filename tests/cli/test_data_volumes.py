"""`medda data` and `medda doctor` treat whole scans like images."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from medda_lib.cli import app
from medda_lib.datasets.registry import DATASETS, find
from medda_lib.pages.maps import datasets_table
from tests.datasets.scans import cc359

DONE, FOUND_WRONG, BAD_COMMAND = 0, 1, 2


def medda(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_all_kinds_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    result = medda("data", "list")
    assert result.exit_code == DONE
    table = datasets_table()
    for name, entry in DATASETS.items():
        assert name in result.stdout
        assert entry.kind in result.stdout
        assert f"`{name}`" in table
        assert entry.card.licence in table


def test_the_card_of_a_set_of_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    result = medda("data", "card", "cc359")
    assert result.exit_code == DONE
    for words in ("STAPLE", "CC BY-ND 4.0", "https://www.ccdataset.com", "masks: the brain"):
        assert words in result.stdout


def test_a_check_finds_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cc359(tmp_path / "cc359")
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    assert find("cc359") == folder.root
    result = medda("data", "check", "cc359")
    assert result.exit_code == FOUND_WRONG
    assert "scans: expected 359, found 6" in result.output
    folder.mask.unlink()
    result = medda("data", "check", "cc359", "--root", str(folder.root))
    assert "no mask for this image" in " ".join(result.output.split())


def test_a_set_that_is_not_here_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    result = medda("data", "check", "brain_sites")
    assert result.exit_code == FOUND_WRONG
    assert "no folder brain_sites in" in result.stderr


def test_the_doctor_looks_for_scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "brain_sites").mkdir()
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    result = medda("doctor")
    assert result.exit_code == DONE
    state = {line.split("│")[0].strip(): line for line in result.stdout.splitlines() if "│" in line}
    assert " ok " in state["brain_sites"]
    assert "medda data card cc359" in state["cc359"]
    assert " ok " in state["nibabel"]
