"""The claims of all papers: each is one plain sentence about like cells of a table that is there."""

import tomllib
from collections import Counter

import pytest

from medda_lib.papers.catalogue import FOLDER, paper
from medda_lib.studies.claims import Claim, load
from medda_lib.studies.reported import reported

KEYS = sorted(path.parent.name for path in FOLDER.glob("*/claims.toml"))
CLAIMS = [(key, claim) for key in KEYS for claim in load(key)]
TYPED = {"fda": ["C12a"]}
"""Claims whose reported effect no two cells give: it stands in the entry, and a test computes it."""


@pytest.mark.parametrize(("key", "claim"), CLAIMS, ids=[f"{k}-{c.id}" for k, c in CLAIMS])
def test_a_claim_is_a_sentence_about_like_cells_of_a_table_that_is_there(
    key: str, claim: Claim
) -> None:
    assert claim.text.endswith(".")
    assert not {"{", "}"} & set(claim.text + claim.where)
    assert (claim.margin > 0) or claim.rule not in ("equivalent", "above", "below")
    if claim.b is not None:
        assert claim.b["metric"] == claim.a["metric"]
    kind, _, rest = claim.where.partition(" ")
    assert kind in ("Table", "Figure")
    if kind == "Table":
        assert rest[0] in set(reported(key)["table"])
    else:
        assert claim.reported != claim.reported  # NaN: a curve prints no number


@pytest.mark.parametrize("key", KEYS)
def test_every_system_is_claimed_about_and_no_other(key: str) -> None:
    sides = (side for claim in load(key) for side in (claim.a, claim.b) if side)
    assert {side["system"] for side in sides} <= {system.name for system in paper(key).systems}


@pytest.mark.parametrize("key", ["aiva", "fda", "odex"])
def test_no_system_of_the_paper_is_left_out(key: str) -> None:
    sides = (side for claim in load(key) for side in (claim.a, claim.b) if side)
    assert {system.name for system in paper(key).systems} == {side["system"] for side in sides}


@pytest.mark.parametrize("key", KEYS)
def test_claims_are_judged_on_data_that_the_paper_has(key: str) -> None:
    judging = {one.name for one in paper(key).data if one.judges}
    assert {data for claim in load(key) for data in claim.data} <= judging


@pytest.mark.parametrize("key", KEYS)
def test_reported_effects_are_computed_and_not_typed(key: str) -> None:
    content = tomllib.loads((FOLDER / key / "claims.toml").read_text("utf-8"))
    assert [c["id"] for c in content["claim"] if "reported" in c] == TYPED.get(key, [])
    records = [r for c in content["claim"] for axis in c.get("over", []) for r in axis]
    records += [r for axis in content.get("axes", {}).values() for r in axis]
    assert not [r for r in records if isinstance(r, dict) and "reported" in r]


def test_how_many_claims_each_paper_makes() -> None:
    """Pages say these numbers through `{count}`; an entry that reads out wrongly changes them."""
    assert Counter(key for key, _ in CLAIMS) == {"aiva": 52, "fda": 54, "multimix": 41, "odex": 62}
