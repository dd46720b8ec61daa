"""The three tables of the Fourier paper as transcribed, against each other.

How the cells are counted. Table 1: six sources x six targets = 36, each with a spread. Table 2: six
pairs and their average x (No DA, four baselines, three choices of donors x two rules for beta) = 77.
Table 3: the same seven rows x three systems x two rules = 42. No cell is missing or unreadable.
"""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from medda_lib.studies.reported import reported

SITES = ["sm15", "sm3", "ge15", "ge3", "ph15", "ph3"]
PAIRS = [f"{kind} #{i}" for kind in ("Severe", "Medium", "Subtle") for i in (1, 2)]
OURS = [f"FDA + MST + SR-SIM {d}" for d in ("3D", "2.5D", "2D")]
BASELINES = ["No DA", "StyleSegor", "CycleGAN", "StyleGAN", "Fast stylisation"]
RULES = ["averaged", "per pair"]
ABLATION = [OURS[2], "FDA + MST", "FDA"]


def wide(table: str) -> pd.DataFrame:
    """The means of a table as numbers, rows and columns in printed order."""
    cells = reported("fda", table).assign(mean=lambda f: pd.to_numeric(f["mean"]))
    rows, columns = dict.fromkeys(cells["row"]), dict.fromkeys(cells["column"])
    return cells.pivot(index="row", columns="column", values="mean").loc[list(rows), list(columns)]


def test_every_cell_is_there_in_the_order_of_print() -> None:
    assert wide("1").index.tolist() == wide("1").columns.tolist() == SITES
    two = [f"{name}|-" for name in BASELINES]
    two += [f"{name}|{rule}" for rule, name in product(RULES, OURS)]
    assert wide("2").columns.tolist() == two
    three = [f"{name}|{rule}" for rule, name in product(RULES, ABLATION)]
    assert wide("3").columns.tolist() == three
    for table in ("2", "3"):
        assert wide(table).index.tolist() == [*PAIRS, "Average"]
    cells = reported("fda")
    assert cells.groupby("table").size().to_dict() == {"1": 36, "2": 77, "3": 42}
    assert set(cells["metric"]) == {"surface_dice"}
    assert (cells["mark"] == "").all()
    assert cells["mean"].notna().all()


def test_only_table_1_has_spreads() -> None:
    cells = reported("fda")
    assert (cells["std"].notna() == (cells["table"] == "1")).all()
    spreads = pd.to_numeric(cells["std"].dropna())
    assert spreads.between(0.02, 0.18).all()


def test_digits_are_kept_as_printed() -> None:
    cells = reported("fda").set_index(["table", "row", "column"])
    assert cells.loc[("1", "ge3", "ph15"), ["mean", "std"]].tolist() == ["0.76", "0.1"]
    assert cells.loc[("1", "ph15", "sm3"), ["mean", "std"]].tolist() == ["0.45", "0.1"]
    assert cells.loc[("1", "ge15", "sm3"), ["mean", "std"]].tolist() == ["0.11", "0.06"]
    assert cells.loc[("2", "Average", f"{OURS[0]}|averaged"), "mean"] == "0.7"
    assert cells.loc[("2", "Average", "No DA|-"), "mean"] == "0.60"
    short = cells.loc[cells["mean"].str.fullmatch(r"0\.\d"), "mean"]
    assert len(short) == 1  # all others have two decimals


@pytest.mark.parametrize("table", ["2", "3"])
def test_averages_are_those_of_their_six_cells(table: str) -> None:
    """Cells are rounded to 0.005 and so is their printed mean: together 0.01 at most."""
    values = wide(table)
    computed = values.loc[PAIRS].mean()
    assert ((computed - values.loc["Average"]).abs() <= 0.005 + 0.005).all()
    # All but one agree with plain rounding of the mean of the printed cells.
    off = computed.index[(computed + 1e-9).round(2) != values.loc["Average"]]
    assert off.tolist() == ([f"{OURS[1]}|averaged"] if table == "2" else [])


def test_the_average_with_one_digit_is_not_a_slip() -> None:
    assert wide("2").loc[PAIRS, f"{OURS[0]}|averaged"].mean() == pytest.approx(0.695)


def ranked(home: str) -> list[tuple[str, str]]:
    """All 30 (source, target) by what is lost against the home score of the source or target."""
    table = wide("1").round(2)
    diagonal = pd.Series(np.diag(table), index=SITES)
    lost = {
        (source, target): diagonal[source if home == "source" else target]
        - table.loc[target, source]
        for source, target in product(SITES, SITES)
        if source != target
    }
    return sorted(lost, key=lambda pair: (-round(lost[pair], 4), pair))


def test_the_six_pairs_are_the_top_middle_and_bottom_of_table_1() -> None:
    """By loss against the source's own home score, the unadapted column of Table 2 comes out."""
    order = ranked("source")
    assert len(order) == 30
    six = [*order[:2], *order[14:16], *order[28:]]
    assert six == [
        *(("sm3", "ge15"), ("ge3", "ph3")),
        *(("ph3", "ge15"), ("sm15", "ph3")),
        *(("ph3", "sm15"), ("ge15", "ph15")),
    ]
    assert [wide("1").loc[target, source] for source, target in six] == [
        *(0.11, 0.39, 0.67, 0.74, 0.84, 0.87)
    ]
    assert [wide("1").loc[target, source] for source, target in six] == wide("2").loc[
        PAIRS, "No DA|-"
    ].tolist()


def test_ranking_against_the_targets_home_score_gives_other_pairs() -> None:
    order = ranked("target")
    values = [wide("1").loc[t, s] for s, t in (*order[:2], *order[14:16], *order[28:])]
    assert values != wide("2").loc[PAIRS, "No DA|-"].tolist()


def test_home_is_best_for_every_source() -> None:
    table = wide("1")
    for site in SITES:
        assert table[site].idxmax() == site
        assert table.loc[site].idxmax() == site


def test_the_ablation_is_on_the_2d_choice() -> None:
    """Table 3's column "SR-SIM+" equals Table 2's column 2D cell for cell, and not the 3D one."""
    for rule in RULES:
        two, three = wide("2"), wide("3")
        assert (three[f"{OURS[2]}|{rule}"] == two[f"{OURS[2]}|{rule}"]).all()
        assert (three[f"{OURS[2]}|{rule}"] != two[f"{OURS[0]}|{rule}"]).sum() >= 5


def test_beta_per_pair_changes_plain_swapping_on_one_pair_only() -> None:
    table = wide("3")
    for system, pairs in (("FDA", ["Severe #1"]), ("FDA + MST", ["Severe #1", "Severe #2"])):
        differ = table.index[table[f"{system}|per pair"] != table[f"{system}|averaged"]]
        assert differ.tolist() == [*pairs, "Average"]
