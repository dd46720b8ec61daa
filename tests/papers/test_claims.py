"""The claims of all papers: sentences about like cells, which printed numbers and ours can judge."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping

import pandas as pd
import pytest

from medda_lib import _paths
from medda_lib.papers.catalogue import FOLDER, paper
from medda_lib.papers.judging import BELOW, judged, ledgers
from medda_lib.studies import ledger
from medda_lib.studies.claims import Claim, load
from medda_lib.studies.reported import reported
from medda_lib.studies.verdict import judge
from tests.papers import printed

KEYS = sorted(path.parent.name for path in FOLDER.glob("*/claims.toml"))
CLAIMS = [(key, claim) for key in KEYS for claim in load(key)]
TABLED = [(key, claim) for key, claim in CLAIMS if claim.where.startswith("Table")]
EACH = pytest.mark.parametrize(("key", "claim"), CLAIMS, ids=[f"{k}-{c.id}" for k, c in CLAIMS])
TYPED = {"fda": ["C12a"]}
"""Claims whose reported effect no two cells give: it stands in the entry, and a test computes it."""
DENIED = {"fda": {"C2d", "C2g"}, "multimix": {"C13d", "C15a", "C15b", "C16b"}}
"""Sentences that the paper's own tables deny: the chapter says so beside each."""
WITHIN = {"aiva": 2e-4, "fda": 6e-5}
"""How far means of printed cells are from the printed means; single cells are met exactly."""


def sides(claim: Claim) -> Iterator[Mapping[str, str]]:
    yield from (side for side in (claim.a, claim.b) if side)


def data_of(key: str, claim: Claim) -> str:
    """The first of our data that can judge a claim."""
    return claim.data[0] if claim.data else next(one.name for one in paper(key).data if one.judges)


@EACH
def test_a_claim_is_a_sentence_about_like_cells_of_a_table_that_is_there(
    key: str, claim: Claim
) -> None:
    assert claim.text.endswith(".")
    assert not {"{", "}"} & set(claim.text + claim.where)
    assert (claim.margin > 0) or claim.rule not in ("equivalent", "above", "below")
    assert len({frozenset(side) for side in sides(claim)}) == 1
    assert len({side["metric"] for side in sides(claim)}) == 1
    kind, _, rest = claim.where.partition(" ")
    assert kind in ("Table", "Figure")
    if kind == "Table":
        assert rest[0] in set(reported(key)["table"])
    else:
        assert math.isnan(claim.reported)  # a curve prints no number


@pytest.mark.parametrize(("key", "claim"), TABLED, ids=[f"{k}-{c.id}" for k, c in TABLED])
def test_the_printed_numbers_give_the_reported_effect_and_bear_the_claim_out(
    key: str, claim: Claim
) -> None:
    verdict = judge(claim, printed.rows(key, claim, data_of(key, claim)))
    assert verdict.effect == pytest.approx(claim.reported, abs=WITHIN.get(key, 1e-9))
    denied = claim.id in DENIED.get(key, ())
    if claim.b is not None and claim.reported == 0:  # equal digits are no twins, but look so here
        assert verdict.verdict == "same system here"
    else:
        assert verdict.verdict == ("contradicted" if denied else "supported")


@EACH
def test_rows_of_three_repetitions_can_bear_a_claim_out_deny_it_or_say_nothing(
    key: str, claim: Claim
) -> None:
    # Nearly equal for an equivalence: exact ties are one system under two names.
    bar = {"greater": 1, "less": -1, "above": 1, "below": -1, "equivalent": 1e-6}[claim.rule]
    for effect, word in ((bar, "supported"), (1 - 3 * bar, "contradicted")):
        a, b = (claim.margin, None) if claim.b is None else (0.0, 0.0)
        found = [{**claim.a, "value": a + effect * (2 + claim.margin)}]
        found += [{**claim.b, "value": b}] if claim.b else []
        frame = pd.DataFrame(found).merge(pd.DataFrame({"seed": range(3)}), "cross")
        frame = frame.assign(profile="demo", data=data_of(key, claim))
        assert judge(claim, frame).verdict == word
        others = frame[frame["system"] != claim.a["system"]]
        assert judge(claim, others.assign(seed=0)).verdict == "not tested"
        assert judge(claim, frame[frame["seed"] < 2]).verdict == "not tested"


@pytest.mark.parametrize("key", KEYS)
def test_each_claim_finds_its_rows_among_the_committed_results(key: str) -> None:
    """On phantoms each does, unless it is about a system that is not implemented.

    Rows may be too few to judge by, or withdrawn, since the instrument was too coarse.
    """
    there = {p.stem.partition("-")[2] for p in (_paths.RESULTS / key).glob("demo-*.csv")}
    verdicts = [
        verdict
        for data in ledgers(key, "phantom")
        if data in there
        for verdict in judged(key, ledger.read(_paths.RESULTS / key, "demo", data))
    ]
    found = {v.claim.id for v in verdicts if v.verdict != "not tested" or v.n or v.reason == BELOW}
    waiting = {system.name for system in paper(key).systems if system.status == "not yet"}
    wanted = {c.id for c in load(key) if not waiting & {side["system"] for side in sides(c)}}
    assert found == wanted


@pytest.mark.parametrize("key", KEYS)
def test_every_system_is_claimed_about_and_no_other(key: str) -> None:
    named = {side["system"] for claim in load(key) for side in sides(claim)}
    known = {system.name for system in paper(key).systems}
    assert named == known if paper(key).chapter else named <= known


@pytest.mark.parametrize("key", KEYS)
def test_claims_are_judged_on_data_that_the_paper_has(key: str) -> None:
    judging = {one.name for one in paper(key).data if one.judges}
    assert {data for claim in load(key) for data in claim.data} <= judging
    numbers = [int("".join(filter(str.isdigit, claim.id))) for claim in load(key)]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))  # none is lost


@pytest.mark.parametrize("key", KEYS)
def test_reported_effects_are_computed_and_not_typed(key: str) -> None:
    content = tomllib.loads((FOLDER / key / "claims.toml").read_text("utf-8"))
    assert [c["id"] for c in content["claim"] if "reported" in c] == TYPED.get(key, [])
    records = [r for c in content["claim"] for axis in c.get("over", []) for r in axis]
    records += [r for axis in content.get("axes", {}).values() for r in axis]
    assert not [r for r in records if isinstance(r, dict) and "reported" in r]


def test_how_many_claims_each_paper_makes() -> None:
    """Pages say these numbers through `{count}`; an entry that reads out wrongly changes them."""
    assert Counter(key for key, _ in CLAIMS) == {"aiva": 52, "fda": 55, "multimix": 41, "odex": 62}
