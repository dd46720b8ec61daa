"""What is peculiar to MultiMix: 57 rows, a Dice that its own Jaccard denies, layers as printed."""

from __future__ import annotations

from functools import partial

import pandas as pd
import pytest

from medda_lib.methods.multimix import system
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.papers.multimix import pictures
from medda_lib.papers.multimix.study import BUDGETS, conditions, study
from medda_lib.papers.tables import reported_table
from medda_lib.studies.reported import reported
from medda_lib.tasks.chest_xray import ChestXrayTask

COUNTS = {"10": 10, "50": 50, "100": 100, "1000": 1000, "Full": None, "-": None}
PAPER, OURS = "paper: printed Dice minus implied", "ours: soft Dice minus Dice"


@pytest.mark.parametrize("table", ["2", "3"])
def test_the_57_rows_are_run_in_the_papers_order_with_the_papers_counts(table: str) -> None:
    printed = list(dict.fromkeys(reported("multimix", table)["row"]))
    specs = study("demo", "phantom", 1).specs
    assert [spec.label for spec in specs] == [f"{row} seed 0" for row in printed]
    for spec, (name, labels, masks) in zip(specs, conditions(), strict=True):
        assert spec.method == system(name, BUDGETS["demo"].settings)
        assert isinstance(spec.task, ChestXrayTask)
        assert (spec.task.labels, spec.task.masks) == (COUNTS[labels], COUNTS[masks])


@pytest.mark.parametrize("table", ["2", "3"])
def test_dice_is_marked_where_its_own_jaccard_contradicts_it(table: str) -> None:
    """More than 0.015 away from 2 J / (1 + J), unless the mark is on the Jaccard itself."""
    cells, values = reported("multimix", table), reported_table("multimix", table)["mean"]
    implied = 2 * values["jaccard"] / (1 + values["jaccard"])
    overlaps = cells[cells["metric"].isin(["dice", "jaccard"])]
    suspects = overlaps[overlaps["mark"].str.contains("suspect")]
    assert set(suspects["row"]) == set(values.index[(values["dice"] - implied).abs() > 0.015])
    for cell in suspects[suspects["metric"] == "dice"].itertuples():
        assert cell.mark.endswith(f"implies {implied[cell.row]:.3f}")
    shares = pictures.implied_dice(table).groupby("bridge")["contradicts"].mean()
    assert shares[True] == 0 <= shares[False] - 0.9


def test_every_printed_shape_is_met_and_a_wider_network_is_found_out() -> None:
    assert len(pictures.layers()) == sum(len(reported("multimix", table)) for table in "45")
    assert pictures.layers()["equal"].all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "MultiMixNet", partial(MultiMixNet, 32))
        assert (~pictures.layers()["equal"]).sum() > 90


def test_the_verdict_on_the_soft_dice_says_what_the_numbers_say() -> None:
    for without, low in ((-0.1, "is"), (-0.01, "is not"), (0.05, "is not")):
        rows = {"without bridge": [-0.11, without], "with bridge": [0.0, without / 10]}
        said = pictures.soft_verdict({"in-domain": pd.DataFrame(rows, [PAPER, OURS])})
        assert f"a soft Dice {low} low enough" in said
        assert "the bridge does lift it" in said
