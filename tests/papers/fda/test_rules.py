"""Derived rows of a tuned number against a plain computation on made-up rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medda_lib.papers.fda.study import PAIRS, derive
from medda_lib.papers.tuned import AVERAGE, LeaveOnePairOut

BETAS = ("0.01", "0.03", "0.12")
SYSTEMS = ("FDA", "FDA + MST")
HEAD = {"paper": "fda", "profile": "demo", "data": "phantom", "metric": "surface_dice"}


def made_up(seeds: int = 2, data: str = "phantom") -> pd.DataFrame:
    """Ledger rows with random scores for all pairs, betas, systems and repetitions."""
    rng = np.random.default_rng(5)
    pairs = PAIRS[data]
    rows = []
    for seed in range(seeds):
        for source, target in pairs.values():
            place = {**HEAD, "data": data, "source": source, "seed": seed}
            plain = {"system": "No DA", "beta": "-"}
            for site, evaluation in ((target, "cross-domain"), (source, "in-domain")):
                tested = {"evaluation": evaluation, "domain": site, "value": rng.random()}
                rows.append({**place, **plain, **tested})
            for system in SYSTEMS:
                for beta in BETAS:
                    for evaluation, domain in (
                        ("cross-domain", target),
                        ("tuning", f"{target} tuning"),
                    ):
                        rows.append(
                            {
                                **place,
                                "system": system,
                                "beta": beta,
                                "evaluation": evaluation,
                                "domain": domain,
                                "value": rng.random(),
                            }
                        )
    return pd.DataFrame(rows)


def score(
    frame: pd.DataFrame, evaluation: str, system: str, seed: int, pair: str, beta: str
) -> float:
    source, target = PAIRS["phantom"][pair]
    domain = target if evaluation == "cross-domain" else f"{target} tuning"
    chosen = frame[
        (frame["evaluation"] == evaluation)
        & (frame["system"] == system)
        & (frame["seed"] == seed)
        & (frame["source"] == source)
        & (frame["domain"] == domain)
        & (frame["beta"] == beta)
    ]
    assert len(chosen) == 1
    return float(chosen["value"].iloc[0])


def test_derived_rows_against_a_plain_computation() -> None:
    frame = made_up()
    found = derive(frame).set_index(["system", "beta", "pair", "seed"])["value"]
    for seed in (0, 1):
        for system in SYSTEMS:
            averaged: list[float] = []
            oracle: list[float] = []
            for pair in PAIRS["phantom"]:
                means = {
                    b: np.mean(
                        [
                            score(frame, "tuning", system, seed, other, b)
                            for other in PAIRS["phantom"]
                            if other != pair
                        ]
                    )
                    for b in BETAS
                }
                own = {b: score(frame, "tuning", system, seed, pair, b) for b in BETAS}
                for rule, scores, values in (
                    ("averaged", means, averaged),
                    ("per pair", own, oracle),
                ):
                    beta = max(scores, key=scores.__getitem__)
                    values.append(score(frame, "cross-domain", system, seed, pair, beta))
                    assert found[system, rule, pair, seed] == pytest.approx(values[-1])
            assert found[system, "averaged", AVERAGE, seed] == pytest.approx(np.mean(averaged))
            assert found[system, "per pair", AVERAGE, seed] == pytest.approx(np.mean(oracle))
        plain = [score(frame, "cross-domain", "No DA", seed, p, "-") for p in PAIRS["phantom"]]
        assert found["No DA", "-", AVERAGE, seed] == pytest.approx(np.mean(plain))


def test_test_scores_choose_nothing() -> None:
    frame = made_up()
    before = derive(frame)
    tested = frame["evaluation"] == "cross-domain"
    frame.loc[tested, "value"] = 1 - frame.loc[tested, "value"]
    after = derive(frame)
    assert before["chosen"].tolist() == after["chosen"].tolist()


def test_a_repetition_without_all_pairs_has_no_average() -> None:
    frame = made_up()
    source, target = PAIRS["phantom"]["Severe #1"]
    gone = (frame["source"] == source) & (frame["domain"] == target) & (frame["seed"] == 1)
    found = derive(frame[~(gone & (frame["system"] == "No DA"))])
    average = found[(found["pair"] == AVERAGE) & (found["system"] == "No DA")]
    assert average["seed"].tolist() == [0]


def test_ties_go_to_the_smaller_window() -> None:
    flat = pd.DataFrame(0.5, index=[0.01, 0.03], columns=["a", "b"])
    assert LeaveOnePairOut().choose(flat, "a") == "0.01"


def test_one_pair_alone_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="no other pair"):
        LeaveOnePairOut().choose(pd.DataFrame({"a": [0.5]}, index=[0.01]), "a")


def test_rows_without_pairs_come_back_as_they_are() -> None:
    frame = made_up().assign(data="matrix")
    assert derive(frame) is frame
