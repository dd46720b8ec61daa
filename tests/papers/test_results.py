"""Tidy rows as tables, and committed numbers of any paper."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace

import pandas as pd
import pytest

from medda_lib import _paths
from medda_lib.papers import catalogue, notes, results
from medda_lib.papers.catalogue import Data
from medda_lib.studies import ledger
from medda_lib.studies.per_image import PerImage


def frame() -> pd.DataFrame:
    """Two systems, two targets, two sources each, two repetitions with known values."""
    rows = [
        {"profile": "demo", "data": "phantom", "system": system, "source": source, "seed": seed}
        | {"domain": domain, "metric": "dice", "evaluation": "cross-domain"}
        | {"value": 0.1 * s + 0.01 * o + 0.001 * t + 0.5 * seed}
        for (s, system), (o, source), (t, domain), seed in product(
            enumerate("XY"), enumerate("ab"), enumerate("cd"), range(2)
        )
    ]
    return pd.DataFrame(rows)


def test_a_cell_is_the_mean_over_its_rows_in_each_repetition_then_over_repetitions() -> None:
    mean, std = results.cells(frame(), ["domain"], ["system"], evaluation="cross-domain")
    assert mean.index.tolist() == ["c", "d"]
    assert mean.columns.tolist() == ["X", "Y"]
    # sources 0.00 and 0.01, repetitions 0.0 and 0.5
    assert mean.loc["c", "X"] == pytest.approx(0.005 + 0.25)
    assert mean.loc["d", "Y"] == pytest.approx(0.1 + 0.005 + 0.001 + 0.25)
    # the spread between sources is no spread between repetitions: |0.5| / sqrt(2)
    assert std.to_numpy() == pytest.approx(0.5 / 2**0.5)


def test_rows_are_named_by_several_columns_and_chosen_by_value() -> None:
    mean, _ = results.cells(frame(), ["source", "domain"], ["metric"], system="Y")
    assert mean.index.tolist() == ["a|c", "a|d", "b|c", "b|d"]
    assert mean.loc["b|d", "dice"] == pytest.approx(0.1 + 0.01 + 0.001 + 0.25)
    with pytest.raises(ValueError, match="no rows for"):
        results.cells(frame(), ["source"], ["metric"], system="Z")


def test_a_cell_that_was_not_run_is_empty() -> None:
    some = frame().query("not (system == 'X' and domain == 'd')")
    mean, std = results.cells(some, ["domain"], ["system"])
    assert mean.isna().to_numpy().tolist() == std.isna().to_numpy().tolist()
    assert mean.isna().to_numpy().tolist() == [[False, False], [True, False]]


def test_measured_on_takes_its_words_from_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"phantom": Data("phantom", "phantom", "six phantoms")}
    monkeypatch.setattr(catalogue, "paper", lambda _: SimpleNamespace(on=known.get))
    found = results.Results(frame(), PerImage((), {}), "demo", "phantom", {"commit": "0" * 40}, "x")
    assert found.measured_on == (
        "Measured on six phantoms; profile demo, 2 repetitions, commit 000000000."
    )
    other = results.Results(frame().query("seed == 0"), PerImage((), {}), "smoke", "dial", {}, "x")
    assert other.measured_on == "Measured on dial; profile smoke, 1 repetition, commit this run."


def test_at_smoke_real_images_are_not_read_and_nothing_is_made_up() -> None:
    found = results.results("aiva", "smoke", "real")
    assert found is not None
    assert found.profile == "demo"
    assert found.frame.equals(ledger.read(_paths.RESULTS / "aiva", "demo", "real"))
    assert results.results("aiva", "smoke", "own-clusters") is None


def test_notes_of_a_paper_without_a_file_name_the_file() -> None:
    with pytest.raises(FileNotFoundError, match="notes"):
        notes.read("popar")
