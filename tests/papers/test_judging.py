"""Claims meet rows: of the right data, derived where the paper tabulates something derived."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from medda_lib.papers import catalogue, inventory, judging, results, tables
from medda_lib.studies import claims
from medda_lib.studies.per_image import PerImage
from medda_lib.studies.verdict import Verdict, judge

TOML = """
[[claim]]
id = "C1"
text = "Ours beats theirs."
where = "Table 1"
rule = "greater"
margin = 0.0
reported = 0.1
a = {system = "ours", metric = "dice"}
b = {system = "theirs", metric = "dice"}

[[claim]]
id = "C2"
text = "On the prostate, too."
where = "Table 2"
rule = "greater"
margin = 0.0
reported = 0.2
data = ["prostate"]
a = {system = "ours", metric = "dice"}
b = {system = "theirs", metric = "dice"}
"""


def rows(data: str, gain: float) -> pd.DataFrame:
    return pd.DataFrame(
        {"profile": "demo", "data": data, "system": system, "seed": seed, "metric": "dice"}
        | {"value": 0.5 + 0.01 * seed + better}
        for system, better in (("ours", gain), ("theirs", 0.0))
        for seed in range(3)
    )


@pytest.fixture(autouse=True)
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[claims.Claim]:
    """A paper "aiva" with two claims, whatever the book's own says."""
    (tmp_path / "aiva").mkdir()
    (tmp_path / "aiva" / "claims.toml").write_text(TOML, "utf-8")
    known = claims.load("aiva", tmp_path)
    for module in (judging, tables):
        monkeypatch.setattr(module, "load", lambda _: known)
    return known


def study(monkeypatch: pytest.MonkeyPatch, **offers: object) -> None:
    """Let the paper's study module offer these."""
    module = SimpleNamespace(**offers)
    for where in (judging, results):
        monkeypatch.setattr(where, "study_module", lambda _: module)


def no_study(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(key: str) -> None:
        raise catalogue.CatalogueError(f"{key} has no study yet")

    monkeypatch.setattr(judging, "study_module", refuse)


def test_only_claims_about_the_data_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    no_study(monkeypatch)
    brain = judging.judged("aiva", rows("phantom", 0.1))
    assert [(v.claim.id, v.verdict) for v in brain] == [("C1", "supported")]
    prostate = judging.judged("aiva", rows("prostate", -0.1))
    assert [v.verdict for v in prostate] == ["contradicted", "contradicted"]


def test_a_claim_about_other_data_is_not_tested_and_says_why(known: list[claims.Claim]) -> None:
    verdict = judge(known[1], rows("phantom", 0.1))
    assert (verdict.verdict, verdict.n) == ("not tested", 0)
    assert verdict.reason == "the claim is about prostate, not phantom"


def test_derived_rows_are_judged_where_a_study_derives(monkeypatch: pytest.MonkeyPatch) -> None:
    def worse(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(value=frame["value"] - 0.2 * (frame["system"] == "ours"))

    study(monkeypatch, derive=worse)
    (verdict,) = judging.judged("aiva", rows("phantom", 0.1))
    assert verdict.verdict == "contradicted"
    assert verdict.effect == pytest.approx(-0.1)
    (own,) = judging.judged("aiva", rows("phantom", 0.1), derive=lambda frame: frame)
    assert own.effect == pytest.approx(0.1)


def test_ledgers_of_a_kind() -> None:
    assert judging.ledgers("aiva", "phantom") == ("phantom", "prostate", "clusters")
    assert judging.ledgers("aiva", "real") == ("real",)
    assert judging.ledgers("fda", "phantom") == ("phantom", "matrix")  # the dial judges nothing
    assert judging.ledgers("multimix", "own") == ("own",)  # has none yet
    assert judging.ledgers("popar", "phantom") == ("phantom",)


def test_the_scoreboard_takes_the_first_ledger_that_can_judge(known: list[claims.Claim]) -> None:
    one, two = known

    def said(frame: pd.DataFrame) -> dict[str, Verdict]:
        data = frame["data"].iloc[0]
        return {c.id: judge(c, frame) for c in known if c.about(data)}

    brain, prostate = rows("phantom", 0.1), rows("prostate", -0.1)
    found = {"paper-phantom": said(brain), "demo-prostate": said(prostate)}
    names = ("phantom", "prostate")
    verdict, ledger = inventory._best(one, found, names)
    assert (verdict.verdict, ledger) == ("supported", "paper-phantom")
    verdict, ledger = inventory._best(two, found, names)
    assert (verdict.verdict, ledger) == ("contradicted", "demo-prostate")
    once = said(brain[brain["seed"] == 0])
    verdict, ledger = inventory._best(one, {"demo-once": once, **found}, names)
    assert verdict.verdict == "supported"
    verdict, ledger = inventory._best(two, {"paper-phantom": found["paper-phantom"]}, names)
    assert (verdict.verdict, ledger) == ("not tested", "")
    assert verdict.reason == inventory.NOT_RUN
    verdict, ledger = inventory._best(two, {}, ("real",))
    assert verdict.reason == inventory.NOT_ABOUT


def test_a_table_of_verdicts_has_a_row_for_each_claim_and_study_that_can_judge_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_study(monkeypatch)
    none = PerImage((), {})
    brain = results.Results(rows("phantom", 0.1), none, "demo", "phantom", {}, "aiva")
    gland = results.Results(rows("prostate", 0.1), none, "demo", "prostate", {}, "aiva")
    both = tables.verdict_table("aiva", {"phantom": brain, "prostate": gland, "real": None})
    assert both.frame[["id", "data"]].to_numpy().tolist() == [
        *(["C1", "phantom"], ["C1", "prostate"], ["C2", "prostate"])
    ]
    alone = tables.verdict_table("aiva", {"phantom": brain})
    assert alone.frame[["id", "data", "verdict"]].to_numpy().tolist() == [
        *(["C1", "phantom", "supported"], ["C2", "prostate", "not tested"])
    ]
    few = tables.chosen(both, ["C2", "C1"], "Two.")
    assert few.frame["id"].tolist() == ["C2", "C1", "C1"]
    with pytest.raises(ValueError, match=r"none of \['C9'\]"):
        tables.chosen(both, ["C9"], "One.")


def test_a_claim_names_its_data_as_a_list(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    text = TOML.replace('["prostate"]', '"prostate"')
    (tmp_path / "odd" / "claims.toml").write_text(text, "utf-8")
    with pytest.raises(claims.ClaimError, match=r"claim C2: data must be a list"):
        claims.load("odd", tmp_path)
