"""What is peculiar to the claims of MultiMix: its two tables, and where they deny its prose."""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

import medda_lib.papers.multimix as here
from medda_lib.studies.claims import Claim, load

FOLDER = Path(here.__file__).parent
CLAIMS = load("multimix")
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


def value(printed: dict[tuple[str, str, str], float], side: Mapping[str, str]) -> float:
    row = "|".join((side["system"], side["labels"], side["masks"]))
    return printed.get((side["evaluation"], row, side["metric"]), math.nan)


def test_the_eleven_claims_of_the_paper_are_all_there() -> None:
    numbers = {int(claim.id[1:].rstrip("abcdefgh")) for claim in CLAIMS}
    assert set(range(1, 12)) <= numbers
    assert len(CLAIMS) >= 40


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_reported_effect_is_what_the_cells_give(
    claim: Claim, printed: dict[tuple[str, str, str], float]
) -> None:
    a = value(printed, claim.a)
    b = claim.margin if claim.b is None else value(printed, claim.b)
    assert claim.reported == pytest.approx(a - b, abs=1e-9, nan_ok=True)
    assert math.isnan(a - b) == (claim.a["metric"] == "auc")  # Figure 7 has curves


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_both_sides_stand_in_the_table_that_the_claim_names(claim: Claim) -> None:
    for side in (claim.a, claim.b or claim.a):
        assert set(side) == SIDE
        assert side["evaluation"] == claim.a["evaluation"]
        assert side["metric"] == "auc" or f"Table {TABLE[side['evaluation']]}" in claim.where


def test_the_paper_contradicts_itself_where_the_notes_say_so() -> None:
    """Claims that the prose makes and the paper's own cells deny."""
    effect = {claim.id: claim.reported for claim in CLAIMS}
    denied = {claim.id for claim in CLAIMS if claim.rule == "greater" and claim.reported < 0}
    assert denied == {"C13d", "C15a", "C15b", "C16b"}
    assert effect["C1a"] > 0 > effect["C1c"]


def test_which_claims_the_small_real_sets_can_judge() -> None:
    """They bear labels {100, all} and masks {10, 50}; the rest stays "not tested" there."""

    def small(side: Mapping[str, str]) -> bool:
        return side["labels"] in ("-", "100", "Full") and side["masks"] in ("-", "10", "50")

    judged = {claim.id for claim in CLAIMS if small(claim.a) and small(claim.b or claim.a)}
    assert {"C6b", "C7b", "C8b", "C9", "C17"} == {claim.id for claim in CLAIMS} - judged
