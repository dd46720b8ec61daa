"""The two tables of AIVA as transcribed, against each other.

How the cells are counted. Table 1: six targets and their average x six systems = 42. Table 2: the same
seven rows x five systems (Seg-JDOT did not converge there and has no column) = 35. All are printed as
percent with two decimals; none is missing or unreadable.
"""

import pandas as pd
import pytest

from medda_lib.papers.tables import reported_table
from medda_lib.studies.reported import reported

ROWS = {"1": ["sm15", "sm3", "ge15", "ge3", "ph15", "ph3"], "2": ["A", "B", "C", "D", "E", "F"]}
SYSTEMS = ["Target site model", "Source site model", "AdaBN", "Seg-JDOT", "AdaptSegNet", "AIVA"]
METRIC = {"1": "surface_dice", "2": "dice"}


def wide(table: str) -> pd.DataFrame:
    return reported_table("aiva", table, "column")["mean"]


def test_every_cell_is_there_in_the_order_of_print() -> None:
    assert wide("1").columns.tolist() == SYSTEMS
    assert wide("2").columns.tolist() == [s for s in SYSTEMS if s != "Seg-JDOT"]
    cells = reported("aiva")
    assert cells.groupby("table").size().to_dict() == {"1": 42, "2": 35}
    for table, rows in ROWS.items():
        assert wide(table).index.tolist() == [*rows, "Average"]
        assert set(cells.loc[cells["table"] == table, "metric"]) == {METRIC[table]}
    assert (cells["mark"] == "").all()
    assert cells["std"].isna().all()
    assert cells["mean"].str.fullmatch(r"\d\d\.\d\d").all()


def test_digits_are_kept_as_printed() -> None:
    cells = reported("aiva").set_index(["table", "row", "column"])["mean"]
    assert cells["1", "sm15", "AdaBN"] == "62.20"
    assert cells["1", "ph15", "Target site model"] == "84.00"
    assert cells["1", "ph3", "AIVA"] == "54.34"
    assert cells["2", "B", "AIVA"] == "78.50"
    assert cells["2", "F", "AdaBN"] == "53.36"
    assert cells["2", "Average", "Target site model"] == "83.98"


@pytest.mark.parametrize("table", ["1", "2"])
def test_averages_are_those_of_their_six_cells(table: str) -> None:
    """Rounding of the cells and of the mean moves it by 0.01 at most; nothing is beyond that."""
    values = wide(table)
    computed = values.loc[ROWS[table]].mean()
    assert ((computed - values.loc["Average"]).abs() < 0.01).all()


def test_two_averages_of_table_2_are_cut_off_rather_than_rounded() -> None:
    values = wide("2")
    computed = values.loc[ROWS["2"]].mean()
    cut = (computed * 100 + 1e-6).astype(int) / 100
    rounded = (computed + 1e-9).round(2)
    printed = values.loc["Average"]
    assert computed["AIVA"] == pytest.approx(78.6767, abs=1e-4)
    assert computed["Target site model"] == pytest.approx(83.985)
    assert computed.index[printed != rounded].tolist() == ["Target site model", "AIVA"]
    assert (printed == cut)[["Target site model", "AIVA"]].all()
    assert printed["Source site model"] == rounded["Source site model"] != cut["Source site model"]


def test_all_averages_of_table_1_are_rounded() -> None:
    values = wide("1")
    assert (values.loc[ROWS["1"]].mean().round(2) == values.loc["Average"]).all()


def test_the_upper_bound_bounds_everywhere() -> None:
    for table in ROWS:
        values = wide(table)
        others = values.drop(columns="Target site model")
        assert (others.lt(values["Target site model"], axis=0)).all().all()


def test_percent_can_be_had_as_fractions_like_ours() -> None:
    fraction = reported_table("aiva", "1", "column", scale=0.01)
    assert fraction["mean"].loc["Average", "AIVA"] == pytest.approx(0.6479)
    assert fraction["mean"].max().max() < 1
