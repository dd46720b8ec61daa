"""Every claim of MultiMix points at cells that exist, and prints the effect that they give."""

import math
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import medda_lib.papers.multimix as here

FOLDER = Path(here.__file__).parent
CLAIMS: list[dict[str, Any]] = tomllib.loads((FOLDER / "claims.toml").read_text("utf-8"))["claim"]
TABLE = {"in-domain": "2", "cross-domain": "3"}
SIDE = {"system", "labels", "masks", "evaluation", "metric"}


@pytest.fixture(scope="module")
def printed() -> dict[tuple[str, str, str], float]:
    """(evaluation, row, metric) -> the mean that the table prints."""
    found = {}
    for evaluation, table in TABLE.items():
        frame = pd.read_csv(FOLDER / f"reported/table{table}.csv", dtype=str, keep_default_na=False)
        for cell in frame[frame["mean"] != ""].to_dict("records"):
            found[evaluation, str(cell["row"]), str(cell["metric"])] = float(cell["mean"])
    return found


def value(printed: dict[tuple[str, str, str], float], side: dict[str, str]) -> float:
    row = "|".join((side["system"], side["labels"], side["masks"]))
    return printed.get((side["evaluation"], row, side["metric"]), math.nan)


def test_the_eleven_claims_of_the_paper_are_all_there() -> None:
    ids = [claim["id"] for claim in CLAIMS]
    assert len(set(ids)) == len(ids)
    numbers = {int(name[1:].rstrip("abcdefgh")) for name in ids}
    assert set(range(1, 12)) <= numbers
    assert len(CLAIMS) >= 40


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim["id"]))
def test_reported_effect_is_what_the_cells_give(
    claim: dict[str, Any], printed: dict[tuple[str, str, str], float]
) -> None:
    a = value(printed, claim["a"])
    b = value(printed, claim["b"]) if "b" in claim else claim["margin"]
    if claim["a"]["metric"] == "auc":  # Figure 7 has curves, the tables no AUC
        assert math.isnan(claim["reported"])
    else:
        assert claim["reported"] == pytest.approx(a - b, abs=5e-4)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim["id"]))
def test_a_claim_compares_like_with_like_and_names_its_table(claim: dict[str, Any]) -> None:
    assert set(claim) - {"b"} == {"id", "text", "where", "rule", "margin", "reported", "a"}
    assert (claim["rule"] in ("above", "below")) == ("b" not in claim)
    assert claim["rule"] in ("greater", "less", "equivalent", "above", "below")
    assert (claim["margin"] > 0) == (claim["rule"] in ("equivalent", "above", "below"))
    assert claim["text"].endswith(".")
    sides = [claim["a"], claim["b"]] if "b" in claim else [claim["a"]]
    for side in sides:
        assert set(side) == SIDE
        if side["metric"] != "auc":
            assert f"Table {TABLE[side['evaluation']]}" in claim["where"]
    assert len({(side["evaluation"], side["metric"]) for side in sides}) == 1


def test_the_paper_contradicts_itself_where_the_notes_say_so() -> None:
    """Claims that the prose makes and the paper's own cells deny."""
    effect = {claim["id"]: claim["reported"] for claim in CLAIMS}
    rule = {claim["id"]: claim["rule"] for claim in CLAIMS}
    denied = {i for i in effect if rule[i] == "greater" and effect[i] < 0}
    assert denied == {"C13d", "C15a", "C15b", "C16b"}
    assert effect["C1a"] > 0 > effect["C1c"]


def test_which_claims_the_small_real_sets_can_judge() -> None:
    """They bear labels {100, all} and masks {10, 50}; the rest stays "not tested" there."""

    def small(side: dict[str, str]) -> bool:
        return side["labels"] in ("-", "100", "Full") and side["masks"] in ("-", "10", "50")

    judged = [c["id"] for c in CLAIMS if small(c["a"]) and small(c.get("b", c["a"]))]
    assert {"C6b", "C7b", "C8b", "C9", "C17"} == {c["id"] for c in CLAIMS} - set(judged)
