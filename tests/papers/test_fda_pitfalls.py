"""Pitfalls of the released code that concern the study as a whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medda_lib.papers.fda.study import study
from medda_lib.papers.tuned import LeaveOnePairOut, PerPairOracle
from medda_lib.studies.identity import canonical, canonical_json

RNG = np.random.default_rng(3)


def curves() -> pd.DataFrame:
    """Tuning scores of six pairs at five values of beta."""
    betas = pd.Index(["0.01", "0.02", "0.04", "0.08", "0.16"], name="beta")
    return pd.DataFrame(RNG.random((5, 6)), index=betas, columns=[f"pair {i}" for i in range(6)])


def test_a_pairs_own_labels_do_not_choose_its_averaged_beta() -> None:
    """Whatever its own tuning scans say, "averaged" gives the best beta of the other five."""
    rule, table = LeaveOnePairOut(), curves()
    for pair in table.columns:
        chosen = rule.choose(table, pair)
        assert chosen == table.drop(columns=pair).sum(axis=1).idxmax()
        for beta in table.index:
            biased = table.copy()
            biased.loc[beta, pair] = 1e6
            assert rule.choose(biased, pair) == chosen
            assert PerPairOracle().choose(biased, pair) == beta
    assert (rule.oracle, PerPairOracle().oracle) == (False, True)


@pytest.mark.parametrize("data", ["phantom", "matrix", "real", "dial", "realism"])
def test_no_run_names_a_device_or_a_file(data: str) -> None:
    for spec in study("demo", data, seeds=1).specs:
        text = canonical_json([canonical(spec.method, "method"), canonical(spec.task, "task")])
        assert "cuda" not in text
        assert "/" not in text
