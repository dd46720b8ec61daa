"""What is peculiar to the claims of ODEx: two scenarios, and tables that bear every claim out."""

import math
from collections.abc import Mapping
from itertools import product

import pandas as pd
import pytest

from medda_lib.papers.judging import judged
from medda_lib.papers.tables import reported_table
from medda_lib.papers.transfer import METRICS, MODELS
from medda_lib.studies.claims import Claim, load

CLAIMS = load("odex")
BY_ID = {claim.id: claim for claim in CLAIMS}
TABLES = {name: reported_table("odex", name, "column")["mean"] for name in ("1", "2")}
HEADS = {"dice": "Dice", "bwt": "BWT", "fwt": "FWT", "models": "models"}
STUDIES = {
    "Shifting source": ("shifting", "ordered", "own"),
    "Transformed": ("transformed", "real"),
}


def scenario(claim: Claim) -> str:
    return claim.text.partition(":")[0]


def printed(claim: Claim, side: Mapping[str, str]) -> float:
    """The number that a table prints for a selection; the claim's own table comes first."""
    own = claim.where.removeprefix("Table ")[0]
    column = f"{scenario(claim)}|{HEADS[side['metric']]}"
    for table in (TABLES[own], TABLES["1"], TABLES["2"]):
        if side["system"] in table.index and column in table.columns:
            return float(table.loc[side["system"], column])
    raise KeyError(column)


def test_the_nine_claims_of_the_notes_and_the_pools_are_there() -> None:
    assert {int(name[1:].rstrip("abcdefghijkl")) for name in BY_ID} == set(range(1, 11))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_reported_effect_is_what_the_cells_give(claim: Claim) -> None:
    other = claim.margin if claim.b is None else printed(claim, claim.b)
    assert claim.reported == pytest.approx(printed(claim, claim.a) - other, abs=1e-9)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_about_one_scenario_and_names_its_rows(claim: Claim) -> None:
    assert set(claim.a) == {"system", "metric"}
    assert claim.data == STUDIES[scenario(claim)]
    assert claim.a["system"] in claim.where
    if claim.b is not None:
        assert claim.b["system"] in claim.where
        assert claim.b["system"] != claim.a["system"]


def test_every_rival_is_claimed_against_on_both_scenarios() -> None:
    ours = {(scenario(c), c.b["system"]) for c in CLAIMS if c.id.startswith("C1") and c.b}
    rivals = TABLES["1"].index.drop(["Joint training", "ODEx"])
    assert ours >= set(product(STUDIES, rivals))


def test_the_papers_own_tables_bear_every_claim_out() -> None:
    for claim in CLAIMS:
        effect = claim.reported
        bar = claim.margin if claim.rule in ("greater", "less") else 0.0
        if claim.rule == "equivalent":
            assert abs(effect) <= claim.margin, claim.id
        elif claim.rule in ("greater", "above"):
            assert effect > bar, claim.id
        else:
            assert effect < -bar, claim.id


def rows(name: str, data: str) -> pd.DataFrame:
    """The paper's own numbers of a scenario as derived rows of three repetitions."""
    found = {}
    for table in (TABLES["2"], TABLES["1"]):
        for system, metric in product(table.index, (*METRICS, MODELS)):
            column = f"{name}|{HEADS[metric]}"
            if column in table.columns:
                found[system, metric] = table.loc[system, column]
    return pd.DataFrame(
        {"profile": "demo", "data": data, "seed": seed, "system": system, "metric": metric}
        | {"value": value}
        for ((system, metric), value), seed in product(found.items(), range(3))
    )


@pytest.mark.parametrize(("name", "data"), [(n, d) for n, ds in STUDIES.items() for d in ds])
def test_the_papers_numbers_as_rows_give_the_papers_effects(name: str, data: str) -> None:
    verdicts = judged("odex", rows(name, data), derive=lambda frame: frame)
    assert {v.claim.id for v in verdicts} == {c.id for c in CLAIMS if scenario(c) == name}
    assert len(verdicts) >= 20
    for verdict in verdicts:
        assert verdict.effect == pytest.approx(verdict.claim.reported, abs=1e-9)
        assert verdict.verdict == "supported", verdict.claim.id


def test_claims_about_systems_that_were_not_run_are_not_tested() -> None:
    some = rows("Shifting source", "shifting")
    some = some[~some["system"].isin(["PLOP", "ODEx with Gram distance"])]
    verdicts = {v.claim.id: v for v in judged("odex", some, derive=lambda frame: frame)}
    idle = {name for name, v in verdicts.items() if v.verdict == "not tested"}
    sides = {name: (BY_ID[name].a, BY_ID[name].b or {}) for name in verdicts}
    missing = {"PLOP", "ODEx with Gram distance"}
    assert idle == {n for n, s in sides.items() if {x.get("system") for x in s} & missing}
    assert all(math.isnan(verdicts[name].effect) for name in idle)
