"""The six pairs: the paper's rule on the paper's table, and on our committed one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medda_lib import _paths
from medda_lib.papers.fda.study import METRIC, PAIRS
from medda_lib.papers.pairs import SEVERITIES, Pair, declines, matrix_of, printed_matrix, six
from medda_lib.studies import ledger
from medda_lib.studies.reported import reported


def test_the_rule_recovers_the_papers_pairs() -> None:
    """The scores of the recovered pairs are the column "No DA" of Table 2, cell for cell."""
    cells = reported("fda", "2")
    no_da = cells[cells["column"] == "No DA|-"].set_index("row")["mean"].astype(float)
    table = printed_matrix("fda", "1")
    for name, pair in PAIRS["own"].items():
        assert table.loc[pair.target, pair.source] == no_da[name]
    assert tuple(PAIRS["own"]) == SEVERITIES
    assert len(set(PAIRS["own"].values())) == 6


def test_phantom_pairs_are_those_of_the_committed_matrix() -> None:
    """Until a matrix is committed the paper's pairs stand in."""
    try:
        frame = ledger.read(_paths.RESULTS / "fda", "demo", "matrix")
    except FileNotFoundError:
        assert dict(PAIRS["phantom"]) == dict(PAIRS["own"])
    else:
        assert dict(PAIRS["phantom"]) == six(matrix_of(frame, "No DA", METRIC))


def test_six_against_brute_force() -> None:
    sites = list("abcdef")
    table = pd.DataFrame(np.random.default_rng(0).random((6, 6)), index=sites, columns=sites)
    lost = sorted(
        ((table.loc[s, s] - table.loc[t, s], s, t) for s in sites for t in sites if s != t),
        reverse=True,
    )
    wanted = [lost[i][1:] for i in (0, 1, 14, 15, 28, 29)]
    assert [tuple(pair) for pair in six(table).values()] == wanted
    assert declines(table)["decline"].is_monotonic_decreasing


def test_matrix_of_rows_is_targets_by_sources() -> None:
    rows = [
        {
            "system": "No DA",
            "metric": "surface_dice",
            "source": s,
            "domain": t,
            "value": v,
            "seed": k,
        }
        for k in (0, 1)
        for s, t, v in (("a", "a", 0.9), ("a", "b", 0.2), ("b", "a", 0.4), ("b", "b", 0.8))
    ]
    rows += [{**rows[0], "metric": "dice"}, {**rows[0], "system": "FDA", "value": 0.0}]
    found = matrix_of(pd.DataFrame(rows), "No DA", METRIC)
    assert found.loc["b", "a"] == pytest.approx(0.2)  # trained on a, tested on b
    assert found.loc["a", "b"] == pytest.approx(0.4)


def test_too_small_a_matrix_is_refused() -> None:
    table = pd.DataFrame(np.eye(2), index=list("ab"), columns=list("ab"))
    with pytest.raises(ValueError, match="2 pairs"):
        six(table)


def test_pairs_of_a_kind_of_data() -> None:
    assert PAIRS["real"]["ixi_hh to nichart_demo"] == Pair("ixi_hh", "nichart_demo")
    assert "matrix" not in PAIRS
