"""The two tables of ODEx as transcribed, against each other.

How the cells are counted. Table 1: eight systems x two scenarios x (Dice, BWT, FWT) = 48, of which the
transfers of joint training (4) are left blank: it has no stages. Table 2: five systems x two scenarios x
(the same three and the number of models) = 40. Every mean has a spread but the numbers of models.
"""

from itertools import product

import pandas as pd
import pytest

from medda_lib.papers.catalogue import paper
from medda_lib.papers.tables import reported_table
from medda_lib.studies.reported import reported

SCENARIOS = ("Shifting source", "Transformed")
RIVALS = ["Sequential", "EWC", "MiB", "RW", "PLOP", "LwF"]
DETECTORS = [
    *("ODEx", "ODEx, a model per stage", "DiceEx"),
    *("ODEx without history", "ODEx with Gram distance"),
]
STAGES = 5


def wide(table: str, part: str = "mean") -> pd.DataFrame:
    return reported_table("odex", table, "column")[part]


def test_every_cell_is_there_in_the_order_of_print() -> None:
    assert wide("1").index.tolist() == ["Joint training", *RIVALS, "ODEx"]
    assert wide("2").index.tolist() == DETECTORS
    three = ("Dice", "BWT", "FWT")
    assert wide("1").columns.tolist() == [f"{s}|{m}" for s, m in product(SCENARIOS, three)]
    four = (*three, "models")
    assert wide("2").columns.tolist() == [f"{s}|{m}" for s, m in product(SCENARIOS, four)]
    cells = reported("odex")
    assert cells.groupby("table").size().to_dict() == {"1": 48, "2": 40}
    assert (cells["metric"] == cells["column"].str.partition("|")[2].str.lower()).all()


def test_systems_are_those_of_the_catalogue() -> None:
    named = {system.name for system in paper("odex").systems}
    assert named == {*wide("1").index, *wide("2").index}


def test_only_the_transfers_of_joint_training_are_undefined() -> None:
    cells = reported("odex")
    undefined = cells["mean"].isna()
    assert set(cells.loc[undefined, "row"]) == {"Joint training"}
    assert sorted(cells.loc[undefined, "metric"]) == ["bwt", "bwt", "fwt", "fwt"]
    assert ((cells["mark"] == "not applicable") == undefined).all()
    assert (cells["std"].isna() == (undefined | (cells["metric"] == "models"))).all()


def test_digits_are_kept_as_printed() -> None:
    cells = reported("odex").set_index(["table", "row", "column"])
    plop = cells.loc[("1", "PLOP", "Shifting source|BWT"), ["mean", "std"]]
    assert plop.tolist() == ["-.22", ".14"]
    ewc = cells.loc[("1", "EWC", "Transformed|Dice"), ["mean", "std"]]
    assert ewc.tolist() == [".79", ".10"]
    assert cells.loc[("2", "DiceEx", "Transformed|models"), "mean"] == "2"
    numbers = cells.loc[cells["metric"] != "models", ["mean", "std"]].stack().dropna()
    assert numbers.str.fullmatch(r"-?\.\d\d").all()


def test_both_tables_print_one_row_for_odex() -> None:
    for part in ("mean", "std"):
        row = wide("2", part).loc["ODEx"].drop([f"{s}|models" for s in SCENARIOS])
        assert row.equals(wide("1", part).loc["ODEx"].astype(float))


def test_two_ablations_are_the_sequential_run_on_shifting_source() -> None:
    """One model and no shift found is sequential training: the same numbers, spread included."""
    columns = [f"Shifting source|{m}" for m in ("Dice", "BWT", "FWT")]
    for part, name in product(("mean", "std"), DETECTORS[3:]):
        ours = wide("2", part).loc[name, columns]
        assert ours.tolist() == wide("1", part).loc["Sequential", columns].tolist()
        assert wide("2").loc[name, "Shifting source|models"] == 1


def test_a_spread_that_large_is_one_over_stages() -> None:
    """Dice .57 +- .32 cannot be chance between repetitions: it is the spread over test data."""
    assert wide("1", "std").loc["Sequential", "Shifting source|Dice"] == pytest.approx(0.32)
    per_stage = wide("2", "std").loc["ODEx, a model per stage"]
    assert per_stage["Shifting source|BWT"] == per_stage["Transformed|BWT"] == 0


def test_under_the_last_row_reading_stages_would_be_learned_far_worse_without_odex() -> None:
    """If BWT were R[N-1, j] - R[j, j] alone, the mean of R[j, j] would be Dice - BWT (N - 1) / N.

    For sequential training that is .72, with the same forward transfer as ODEx, for which it is .89.
    A mean over all later stages, which forgetting reaches by and by, need not have this gap.
    """
    table = wide("1")
    share = (STAGES - 1) / STAGES
    learned = table["Shifting source|Dice"] - share * table["Shifting source|BWT"]
    assert learned["Sequential"] == pytest.approx(0.722)
    assert learned["ODEx"] == pytest.approx(0.894)
    forth = table["Shifting source|FWT"]
    assert forth["Sequential"] == forth["ODEx"]
