"""What is peculiar to the claims of AIVA: averages and targets, brains and prostates, a curve."""

import math
from collections.abc import Iterator, Mapping
from itertools import product

import pandas as pd
import pytest

from medda_lib.papers.judging import judged
from medda_lib.papers.tables import reported_table
from medda_lib.studies.claims import Claim, load

CLAIMS = load("aiva")
BY_ID = {claim.id: claim for claim in CLAIMS}
METRIC = {"1": "surface_dice", "2": "dice"}
SIDES = [
    {"system", "evaluation", "metric"},
    {"system", "domain", "evaluation", "metric"},
    {"system", "k", "evaluation", "metric"},
]
TABLES = {name: reported_table("aiva", name, "column", scale=0.01)["mean"] for name in METRIC}
UPPER = "Target site model"


def printed(claim: Claim, side: Mapping[str, str]) -> float:
    """The fraction that the claim's table prints for a selection; NaN for the curve of Figure 5."""
    if "k" in side:
        return math.nan
    table = TABLES[claim.where.removeprefix("Table ")[0]]
    return float(table.loc[side.get("domain", "Average"), side["system"]])


def test_the_eight_claims_of_the_notes_and_more_are_there() -> None:
    numbers = {int(name[1:].rstrip("abcdefghijklmnopqr")) for name in BY_ID}
    assert numbers == set(range(1, 11))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_reported_effect_is_what_the_cells_give(claim: Claim) -> None:
    assert claim.b is not None
    effect = printed(claim, claim.a) - printed(claim, claim.b)
    assert claim.reported == pytest.approx(effect, abs=1e-6, nan_ok=True)
    assert math.isnan(effect) == claim.where.startswith("Figure 5")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_about_one_organ_and_says_which(claim: Claim) -> None:
    assert claim.b is not None
    assert set(claim.a) == set(claim.b)
    assert set(claim.a) in SIDES
    for side in (claim.a, claim.b):
        assert (side["evaluation"] == "in-domain") == (side["system"] == UPPER)
        assert side.get("domain") == claim.a.get("domain")
        if "k" not in side:
            table = claim.where.removeprefix("Table ")[0]
            assert side["metric"] == METRIC[table]
            assert (table == "2") == ("prostate" in claim.data) == ("rostate" in claim.text)
    assert ("k" in claim.a) == ("clusters" in claim.data)
    if "phantom" in claim.data:
        assert ("real" in claim.data) == ("domain" not in claim.a)


def test_every_baseline_is_claimed_against_on_every_target() -> None:
    ours = {
        (c.a["domain"], c.b["system"])
        for c in CLAIMS
        if c.b and c.id.startswith("C1")
        if "domain" in c.a and c.id[2].isalpha()
    }
    targets = TABLES["1"].index.drop("Average")
    assert ours == set(product(targets, ("AdaBN", "Seg-JDOT", "AdaptSegNet")))


def test_the_smallest_margin_over_the_best_baseline_is_on_ge15() -> None:
    """Over the best baseline of each target, as the tables print it, in points."""
    best: dict[str, float] = {}
    for claim in CLAIMS:
        if claim.id.startswith("C1") and claim.id[2].isalpha():
            target = claim.a["domain"]
            best[target] = min(best.get(target, math.inf), round(100 * claim.reported, 2))
    assert best == {
        "sm15": 3.16,
        "sm3": 4.48,
        "ge15": 1.91,
        "ge3": 5.22,
        "ph15": 2.67,
        "ph3": 3.16,
    }


def rows(table: str, data: str) -> Iterator[dict[str, object]]:
    """The paper's own numbers as rows of three repetitions."""
    values = TABLES[table].drop(index="Average")
    for (domain, system), seed in product(product(values.index, values.columns), range(3)):
        evaluation = "in-domain" if system == UPPER else "cross-domain"
        yield {"profile": "demo", "data": data, "seed": seed, "system": system, "k": "-"} | {
            "domain": domain,
            "evaluation": evaluation,
            "metric": METRIC[table],
            "value": values.loc[domain, system],
        }


@pytest.mark.parametrize(("table", "data"), [("1", "phantom"), ("2", "prostate")])
def test_the_papers_numbers_as_rows_bear_out_every_claim(table: str, data: str) -> None:
    """Means of the six cells differ from the printed averages by rounding alone."""
    verdicts = judged("aiva", pd.DataFrame(rows(table, data)), derive=lambda frame: frame)
    assert {v.claim.id for v in verdicts} == {c.id for c in CLAIMS if data in c.data}
    assert len(verdicts) >= 14
    for verdict in verdicts:
        assert verdict.verdict == "supported", verdict.claim.id
        assert verdict.effect == pytest.approx(verdict.claim.reported, abs=2e-4)


def test_claims_that_two_real_sites_can_judge() -> None:
    assert {c.id for c in CLAIMS if "real" in c.data} == {f"C2{letter}" for letter in "abcdef"}
