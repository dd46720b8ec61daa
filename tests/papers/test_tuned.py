"""Pairs and a tuned number: which pairs a matrix names, and who chooses beta by whose labels."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from medda_lib import _paths
from medda_lib.papers.fda.study import METRIC, PAIRS, derive
from medda_lib.papers.pairs import SEVERITIES, declines, matrix_of, printed_matrix, six
from medda_lib.papers.tuned import AVERAGE, LeaveOnePairOut, PerPairOracle
from medda_lib.studies import ledger
from medda_lib.studies.reported import reported

BETAS, SYSTEMS = ("0.01", "0.03", "0.12"), ("FDA", "FDA + MST")
HEADS = ["system", "source", "domain"]
KNOWN = PAIRS["phantom"]


def made_up(seeds: int = 2) -> pd.DataFrame:
    """Ledger rows with random scores for all pairs, betas, systems and repetitions."""
    rng, rows = np.random.default_rng(5), []
    for seed, (source, target) in product(range(seeds), KNOWN.values()):
        place = {"paper": "fda", "profile": "demo", "data": "phantom", "metric": METRIC}
        tested = [("No DA", "-", "cross-domain", target), ("No DA", "-", "in-domain", source)]
        for system, beta in product(SYSTEMS, BETAS):
            tested.append((system, beta, "cross-domain", target))
            tested.append((system, beta, "tuning", f"{target} tuning"))
        for values in tested:
            names = dict(zip(("system", "beta", "evaluation", "domain"), values, strict=True))
            numbers = {"source": source, "seed": seed, "value": rng.random()}
            rows.append(place | names | numbers)
    return pd.DataFrame(rows)


def test_derived_rows_against_a_plain_computation() -> None:
    frame = made_up()
    keys = ["evaluation", "system", "seed", "source", "domain", "beta"]
    scores = frame.set_index(keys)["value"]
    found = derive(frame).set_index(["system", "beta", "pair", "seed"])["value"]

    def score(evaluation: str, system: str, seed: int, pair: str, beta: str) -> float:
        source, target = KNOWN[pair]
        domain = target if evaluation == "cross-domain" else f"{target} tuning"
        return float(scores[evaluation, system, seed, source, domain, beta])

    for seed, system in product((0, 1), SYSTEMS):
        values: dict[str, list[float]] = {"averaged": [], "per pair": []}
        for pair in KNOWN:
            tuned = {b: {p: score("tuning", system, seed, p, b) for p in KNOWN} for b in BETAS}
            others = {b: sum(v for p, v in tuned[b].items() if p != pair) for b in BETAS}
            own = {b: tuned[b][pair] for b in BETAS}
            for rule, known in (("averaged", others), ("per pair", own)):
                beta = max(known, key=known.__getitem__)
                values[rule].append(score("cross-domain", system, seed, pair, beta))
                assert found[system, rule, pair, seed] == pytest.approx(values[rule][-1])
        for rule, each in values.items():
            assert found[system, rule, AVERAGE, seed] == pytest.approx(np.mean(each))
    plain = [score("cross-domain", "No DA", 1, p, "-") for p in KNOWN]
    assert found["No DA", "-", AVERAGE, 1] == pytest.approx(np.mean(plain))


def test_test_scores_choose_nothing_and_averages_need_every_pair() -> None:
    frame = made_up()
    before = derive(frame)["chosen"].tolist()
    tested = frame["evaluation"] == "cross-domain"
    flipped = frame.assign(value=frame["value"].where(~tested, 1 - frame["value"]))
    assert derive(flipped)["chosen"].tolist() == before
    source, target = KNOWN["Severe #1"]
    gone = (frame["source"] == source) & (frame["domain"] == target) & (frame["seed"] == 1)
    found = derive(frame[~(gone & (frame["system"] == "No DA"))])
    average = found[(found["pair"] == AVERAGE) & (found["system"] == "No DA")]
    assert average["seed"].tolist() == [0]
    other = frame.assign(data="matrix")
    assert derive(other) is other


def test_a_pairs_own_labels_do_not_choose_its_averaged_beta() -> None:
    """Whatever its own tuning scans say, "averaged" gives the best beta of the others."""
    names = [f"pair {i}" for i in range(6)]
    table = pd.DataFrame(np.random.default_rng(3).random((3, 6)), index=BETAS, columns=names)
    rule = LeaveOnePairOut()
    for pair, beta in product(names, BETAS):
        chosen = rule.choose(table, pair)
        assert chosen == table.drop(columns=pair).sum(axis=1).idxmax()
        biased = table.copy()
        biased.loc[beta, pair] = 1e6
        assert rule.choose(biased, pair) == chosen
        assert PerPairOracle().choose(biased, pair) == beta
    assert (rule.oracle, PerPairOracle().oracle) == (False, True)
    assert rule.choose(table * 0, "pair 0") == "0.01"  # the smaller window on a tie
    with pytest.raises(ValueError, match="no other pair"):
        rule.choose(table[["pair 0"]], "pair 0")


def test_the_rule_recovers_the_papers_pairs_and_ours() -> None:
    """Scores of the recovered pairs are the column "No DA" of Table 2, cell for cell."""
    cells = reported("fda", "2").query("column == 'No DA|-'")
    no_da, table = cells.set_index("row")["mean"].astype(float), printed_matrix("fda", "1")
    assert tuple(PAIRS["own"]) == SEVERITIES
    for name, pair in PAIRS["own"].items():
        assert table.loc[pair.target, pair.source] == no_da[name]
    frame = ledger.read(_paths.RESULTS / "fda", "demo", "matrix")
    assert dict(KNOWN) == six(matrix_of(frame[frame["seed"] == 0], "No DA", METRIC))


def test_six_against_brute_force_on_rows_of_targets_by_sources() -> None:
    rng, sites = np.random.default_rng(0), list("abcdef")
    rows = pd.DataFrame(product(("FDA", "No DA"), sites, sites), columns=HEADS)
    rows = rows.assign(metric=METRIC, value=rng.random(72))
    known: dict[tuple[str, str], float] = {
        (s, t): v for _, s, t, _, v in rows.tail(36).itertuples(index=False)
    }
    frame = pd.concat([rows.assign(seed=k) for k in (0, 1)])
    table = matrix_of(frame, "No DA", METRIC)
    assert table.loc["b", "a"] == pytest.approx(known["a", "b"])  # trained on a, tested on b
    lost = sorted(((known[s, s] - v, s, t) for (s, t), v in known.items() if s != t), reverse=True)
    assert [tuple(p) for p in six(table).values()] == [lost[i][1:] for i in (0, 1, 14, 15, 28, 29)]
    assert declines(table)["decline"].is_monotonic_decreasing
    with pytest.raises(ValueError, match="2 pairs"):
        six(table.loc[["a", "b"], ["a", "b"]])
