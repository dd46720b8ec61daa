import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medda_lib.studies.claims import Claim, ClaimError, load
from medda_lib.studies.verdict import judge

A = {"system": "A", "evaluation": "in-domain", "metric": "dice"}
B = {"system": "B", "evaluation": "in-domain", "metric": "dice"}
CLAIM = Claim("C1", "A beats B.", "Table 2", "greater", 0.0, 0.1, A, B)
UP = ([0.84, 0.85, 0.86], [0.64, 0.66, 0.65])  # differences 0.20, 0.19, 0.21
DOWN = (UP[1], UP[0])
MIXED = ([0.8, 0.6, 0.85], [0.7, 0.9, 0.75])
CLOSE = ([0.801, 0.800, 0.799], [0.800, 0.801, 0.800])


def rows(values: dict[str, list[float]], **fixed: Any) -> pd.DataFrame:
    base = {
        "paper": "toy",
        "profile": "demo",
        "data": "phantom",
        "evaluation": "in-domain",
        "domain": "jsrt",
        "problem": "segmentation",
        "metric": "dice",
    }
    return pd.DataFrame(
        {**base, **fixed, "system": system, "seed": seed, "value": value}
        for system, found in values.items()
        for seed, value in enumerate(found)
    )


def pair(values: tuple[list[float], list[float]], **fixed: Any) -> pd.DataFrame:
    return rows({"A": values[0], "B": values[1]}, **fixed)


def threshold(rule: str, margin: float) -> Claim:
    return Claim("C2", "A is high.", "Table 2", rule, margin, math.nan, A, None)


@pytest.mark.parametrize(
    ("claim", "values", "word"),
    [
        (CLAIM, UP, "supported"),
        (CLAIM, DOWN, "contradicted"),
        (CLAIM, MIXED, "undecided"),
        (replace(CLAIM, margin=0.05), UP, "supported"),
        (replace(CLAIM, margin=0.2), UP, "undecided"),
        (replace(CLAIM, margin=0.5), UP, "contradicted"),
        (replace(CLAIM, rule="less"), UP, "contradicted"),
        (replace(CLAIM, rule="less"), DOWN, "supported"),
        (replace(CLAIM, rule="less"), MIXED, "undecided"),
        (replace(CLAIM, rule="less", margin=0.5), DOWN, "contradicted"),
        (replace(CLAIM, rule="equivalent", margin=0.02), CLOSE, "supported"),
        (replace(CLAIM, rule="equivalent", margin=0.002), CLOSE, "undecided"),
        (replace(CLAIM, rule="equivalent", margin=0.02), UP, "contradicted"),
        (replace(CLAIM, rule="equivalent", margin=0.02), DOWN, "contradicted"),
        (threshold("above", 0.75), UP, "supported"),
        (threshold("above", 0.95), UP, "contradicted"),
        (threshold("above", 0.85), UP, "undecided"),
        (threshold("below", 0.95), UP, "supported"),
        (threshold("below", 0.75), UP, "contradicted"),
        (threshold("below", 0.85), UP, "undecided"),
    ],
)
def test_verdicts(claim: Claim, values: tuple[list[float], list[float]], word: str) -> None:
    assert judge(claim, pair(values)).verdict == word


def test_effect_and_interval_of_three_pairs_by_hand() -> None:
    verdict = judge(CLAIM, pair(UP))
    assert verdict.effect == pytest.approx(0.2)
    half = 4.3027 * 0.01 / 3**0.5  # Student's quantile for two degrees of freedom
    assert [verdict.low, verdict.high] == pytest.approx([0.2 - half, 0.2 + half], abs=1e-5)
    assert verdict.shows == pytest.approx(half + 1.0607 * 0.01 / 3**0.5, abs=1e-5)
    assert verdict.n == 3
    assert judge(threshold("above", 0.75), pair(UP)).effect == pytest.approx(0.1)


def test_undecided_says_what_would_have_shown_and_what_matters() -> None:
    reason = judge(replace(CLAIM, interest=0.02), pair(MIXED)).reason
    assert reason.startswith("an effect of 0.7")
    assert reason.endswith(
        "would have shown in four of five studies; of interest is 0.02: too coarse"
    )
    fine = judge(replace(CLAIM, interest=0.02), pair(CLOSE))
    assert fine.verdict == "undecided"
    assert fine.reason.endswith("enough")


@pytest.mark.parametrize("rule", ["greater", "less", "equivalent"])
def test_exact_ties_are_one_system_whatever_the_claim(rule: str) -> None:
    claim = replace(CLAIM, rule=rule, margin=0.02)
    assert judge(claim, pair((UP[0], UP[0]))).verdict == "same system here"
    nearly = (UP[0], [value + 1e-9 for value in UP[0]])
    assert judge(claim, pair(nearly)).verdict != "same system here"


def test_a_tie_with_a_threshold_is_no_twin() -> None:
    assert judge(threshold("above", 0.5), rows({"A": [0.5] * 3})).verdict == "undecided"


def test_pairs_are_made_by_seed_and_not_by_order() -> None:
    frame = pair(UP)
    verdict = judge(CLAIM, frame)
    assert judge(CLAIM, frame.sample(frac=1, random_state=1)) == verdict
    shifted = frame.assign(seed=frame["seed"] + np.where(frame["system"] == "B", 1, 0))
    again = judge(CLAIM, shifted)
    assert again.n == 2
    assert again.effect == pytest.approx((0.85 - 0.64 + 0.86 - 0.66) / 2)
    assert again.verdict == "not tested"


def test_domains_of_a_selection_are_averaged_per_seed() -> None:
    frame = pd.concat([pair(UP), pair(DOWN, domain="mcu")])
    assert judge(CLAIM, frame).effect == pytest.approx(0.0)
    assert judge(replace(CLAIM, a=A | {"domain": "jsrt"}), frame).n == 3
    # A seed that lacks one of the domains is not compared with whole ones.
    assert judge(CLAIM, frame.iloc[:-1]).n == 2


@pytest.mark.parametrize(
    ("claim", "frame", "reason"),
    [
        (CLAIM, rows({"A": UP[0]}), "b: no rows for B, in-domain, dice"),
        (replace(CLAIM, a=A | {"metric": "charm"}), pair(UP), "a: no rows for A, in-domain, charm"),
        (replace(CLAIM, a=A | {"colour": "x"}), pair(UP), "a: the rows have no column colour"),
        (CLAIM, pair(([0.8, 0.9], [0.7, 0.6])), "2 paired seeds, at least 3 are needed"),
        (CLAIM, pair(([math.nan] * 3, UP[1])), "a: no defined value"),
        (CLAIM, pair(UP).iloc[:0], "a: no rows for A, in-domain, dice"),
    ],
)
def test_not_tested(claim: Claim, frame: pd.DataFrame, reason: str) -> None:
    verdict = judge(claim, frame)
    assert verdict.verdict == "not tested"
    assert verdict.reason == reason
    assert math.isnan(verdict.low)
    assert verdict.cells()[2] == ""


def test_a_seed_with_an_undefined_value_is_left_out() -> None:
    values = ([0.8, math.nan, 0.85, 0.9], [0.7, 0.6, 0.75, 0.8])
    verdict = judge(CLAIM, pair(values))
    assert verdict.n == 3
    assert verdict.effect == pytest.approx(0.1)


@pytest.mark.parametrize("data", ["phantom", "real", "substitute", "own"])
@pytest.mark.parametrize("profile", ["smoke", "demo", "paper"])
@pytest.mark.parametrize(("values", "word"), [(UP, "supported"), (DOWN, "contradicted")])
def test_reproduced_is_for_own_data_at_the_paper_profile(
    data: str, profile: str, values: tuple[list[float], list[float]], word: str
) -> None:
    verdict = judge(CLAIM, pair(values, data=data, profile=profile)).verdict
    own = (data, profile, word) == ("own", "paper", "supported")
    assert verdict == ("reproduced" if own else word)


def test_kinds_of_data_are_judged_apart() -> None:
    with pytest.raises(ValueError, match="several profiles or data"):
        judge(CLAIM, pd.concat([pair(UP), pair(UP, data="real")]))


def test_a_verdict_as_row_and_cells() -> None:
    verdict = judge(CLAIM, pair(UP))
    row = verdict.row()
    assert {"id", "text", "where", "reported", "effect", "low", "high", "n", "verdict"} <= set(row)
    assert verdict.cells() == ("+0.100", "+0.200", "+0.175 to +0.225", "supported")
    assert judge(threshold("above", 0.5), pair(UP)).cells()[0] == ""


GOOD = """
[[claim]]
id = "C1"
text = "A beats B."
where = "Table 2"
rule = "greater"
margin = 0.0
reported = 0.1
a = {system = "A", metric = "dice"}
b = {system = "B", metric = "dice"}
"""


def written(papers: Path, text: str) -> Path:
    folder = papers / "toy"
    folder.mkdir(exist_ok=True)
    (folder / "claims.toml").write_text(text)
    return papers


def test_claims_are_read(tmp_path: Path) -> None:
    second = GOOD.replace('"C1"', '"C2"').replace('"greater"', '"above"')
    second = second.replace('b = {system = "B", metric = "dice"}\n', "").replace("0.1", "nan")
    one, two = load("toy", written(tmp_path, GOOD + second))
    assert one == replace(
        CLAIM, a={"system": "A", "metric": "dice"}, b={"system": "B", "metric": "dice"}
    )
    assert two.b is None
    assert math.isnan(two.reported)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"greater"', '"bigger"', r"claims\.toml, claim C1: unknown rule 'bigger', use greater"),
        ('text = "A beats B."\n', "", r"claims\.toml, claim C1: text must be a text"),
        ('id = "C1"\n', "", r"claims\.toml, claim 1: id must be a text"),
        ("margin = 0.0", 'margin = "0"', r"claim C1: margin must be a number"),
        ("margin = 0.0", "margin = true", r"claim C1: margin must be a number"),
        ("margin = 0.0", "margin = -0.1", r"claim C1: margin must not be negative"),
        ('"greater"', '"equivalent"', r"claim C1: equivalent needs a margin above 0"),
        ("reported = 0.1", 'reported = "?"', r"claim C1: reported must be a number"),
        ('b = {system = "B", metric = "dice"}\n', "", r"claim C1: greater needs b"),
        ('"greater"', '"above"', r"claim C1: above takes no b"),
        ('a = {system = "A", metric = "dice"}', 'a = {system = "A"}', r"claim C1: a must be a"),
        ('{system = "B"', "{system = 3", r"claim C1: b\.system must be a text in quotes, got 3"),
        ("margin", "margins", r"claim C1: unknown field margins"),
        ("reported = 0.1", "reported 0.1", r"claims\.toml: Expected '='"),
    ],
)
def test_mistakes_name_file_and_claim(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ClaimError, match=message):
        load("toy", written(tmp_path, GOOD.replace(old, new)))


def test_headlines_and_remarks(tmp_path: Path) -> None:
    two = GOOD + GOOD.replace('"C1"', '"C2"\nremark = true\ninterest = 0.02')
    one, other = load("toy", written(tmp_path, 'headline = ["C1"]\n' + two))
    assert (one.headline, one.remark, one.interest) == (True, False, 0.0)
    assert (other.headline, other.remark, other.interest) == (False, True, 0.02)
    for names in ('["C2"]', '["C3"]', '"C1"'):
        with pytest.raises(ClaimError, match="headline must list ids of claims"):
            load("toy", written(tmp_path, f"headline = {names}\n" + two))
    many = "".join(GOOD.replace('"C1"', f'"C{k}"') for k in range(1, 5))
    with pytest.raises(ClaimError, match="headline lists 4 claims, 3 at most"):
        load("toy", written(tmp_path, 'headline = ["C1", "C2", "C3", "C4"]\n' + many))


@pytest.mark.parametrize("line", ["interest = -1", 'interest = "x"', "remark = 1"])
def test_what_is_said_of_a_claim_is_checked(tmp_path: Path, line: str) -> None:
    with pytest.raises(ClaimError, match=f"claim C1: {line.split(maxsplit=1)[0]} must be"):
        load("toy", written(tmp_path, GOOD + line))


@pytest.mark.parametrize("paper", ["multimix", "fda", "aiva", "odex"])
def test_each_finished_paper_has_headlines_and_says_what_matters(paper: str) -> None:
    known = load(paper)
    assert 1 <= sum(claim.headline for claim in known) <= 3
    assert all(claim.interest > 0 for claim in known)
    assert any(claim.remark for claim in known)


def test_an_id_occurs_once(tmp_path: Path) -> None:
    with pytest.raises(ClaimError, match=r"claim C1: this id occurs twice"):
        load("toy", written(tmp_path, GOOD + GOOD))


def test_no_claims_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"claims\.toml"):
        load("toy", tmp_path)


def test_the_claims_of_multimix_are_well_formed() -> None:
    assert len(load("multimix")) >= 11
