"""What is peculiar to the claims of the Fourier paper: derived rows, the matrix, and who is denied."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from medda_lib.papers.judging import judged
from medda_lib.papers.tables import reported_table
from medda_lib.studies.claims import Claim, load
from medda_lib.studies.verdict import judge

CLAIMS = load("fda")
BY_ID = {claim.id: claim for claim in CLAIMS}
DERIVED = {"system", "beta", "pair", "metric"}
MATRIX = [{"system", "source", "domain", "metric"}, {"system", "evaluation", "metric"}]
TABLES = {name: reported_table("fda", name, "column")["mean"] for name in ("1", "2", "3")}


def printed(claim: Claim, side: Any) -> float:
    """The number that the claim's table prints for a selection."""
    table = claim.where.removeprefix("Table ")[0]
    if "beta" in side:
        return float(TABLES[table].loc[side["pair"], f"{side['system']}|{side['beta']}"])
    if "domain" in side:
        return float(TABLES["1"].loc[side["domain"], side["source"]])
    home = np.eye(6, dtype=bool) == (side["evaluation"] == "in-domain")
    return float(TABLES["1"].to_numpy()[home].mean())


def test_the_nine_claims_of_the_notes_and_more_are_there() -> None:
    numbers = {int(name[1:].rstrip("abcdefgh")) for name in BY_ID}
    assert numbers == set(range(1, 13))
    assert len(CLAIMS) >= 50


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_reported_effect_is_what_the_cells_give(claim: Claim) -> None:
    assert claim.b is not None
    effect = printed(claim, claim.a) - printed(claim, claim.b)
    assert claim.reported == pytest.approx(effect, abs=6e-5)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_of_derived_rows_or_of_the_matrix(claim: Claim) -> None:
    assert claim.b is not None
    assert set(claim.a) == set(claim.b)
    keys = set(claim.a)
    assert (keys == DERIVED) == ("matrix" not in claim.data)
    assert keys == DERIVED or keys in MATRIX
    assert claim.a["metric"] == "surface_dice"
    if keys == DERIVED:
        assert claim.a["pair"] == claim.b["pair"]
        assert f"row {claim.a['pair']}" in claim.where
        assert ("real" in claim.data) == (claim.a["pair"] == "Average")


def test_every_column_of_the_tables_is_claimed_about() -> None:
    named = {side["system"] for claim in CLAIMS for side in (claim.a, claim.b) if side}
    columns = {name.split("|")[0] for table in ("2", "3") for name in TABLES[table].columns}
    assert named == columns


def test_only_systems_that_adapt_by_fourier_have_a_rule_for_beta() -> None:
    for claim in CLAIMS:
        for side in (claim.a, claim.b):
            if side and "beta" in side:
                assert (side["beta"] == "-") == (not side["system"].startswith("FDA"))


def holds(claim: Claim) -> bool:
    """Whether the printed effect itself bears the claim out."""
    effect = claim.reported
    if claim.rule == "equivalent":
        return abs(effect) <= claim.margin
    return effect > claim.margin if claim.rule == "greater" else effect < -claim.margin


def test_which_sentences_the_papers_own_tables_deny() -> None:
    """The text names CycleGAN alone on Severe #2, and calls StyleSegor's gain there slight."""
    assert {claim.id for claim in CLAIMS if not holds(claim)} == {"C2d", "C2g"}


def rows() -> pd.DataFrame:
    """Derived rows of three repetitions with the paper's own numbers in Tables 2 and 3."""
    found = []
    for table in (TABLES["3"], TABLES["2"]):
        for pair, column in ((p, c) for p in table.index for c in table.columns):
            system, beta = column.split("|")
            found += [
                {"profile": "demo", "data": "phantom", "seed": seed, "metric": "surface_dice"}
                | {"system": system, "beta": beta, "pair": pair, "value": table.loc[pair, column]}
                for seed in range(3)
            ]
    places = ["system", "beta", "pair", "seed"]
    return pd.DataFrame(found).drop_duplicates(places, keep="last")


def test_the_papers_numbers_as_rows_give_the_papers_effects() -> None:
    verdicts = judged("fda", rows(), derive=lambda frame: frame)
    assert {v.claim.id for v in verdicts} == {i for i in BY_ID if not i.startswith("C12")}
    for verdict in verdicts:
        assert verdict.effect == pytest.approx(verdict.claim.reported, abs=1e-9)
        wanted = "supported" if holds(verdict.claim) else "contradicted"
        assert verdict.verdict == wanted, verdict.claim.id


def test_claims_about_systems_that_were_not_run_are_not_tested() -> None:
    some = rows()
    some = some[~some["system"].isin(["CycleGAN", "StyleGAN", "StyleSegor", "Fast stylisation"])]
    verdict = judge(BY_ID["C1b"], some)
    assert (verdict.verdict, verdict.reason[:15]) == ("not tested", "b: no rows for ")
    assert judge(BY_ID["C1a"], some).verdict == "supported"
