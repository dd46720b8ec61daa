"""What MultiMix's tables say against themselves, counted; what its notes say of MixMatch."""

from __future__ import annotations

import pytest

from medda_lib.papers import notes
from medda_lib.papers.multimix import pictures
from medda_lib.papers.multimix.study import BUDGETS
from medda_lib.papers.tables import reported_table


@pytest.mark.parametrize("table", ["2", "3"])
def test_contradictions_are_counted(table: str) -> None:
    values = reported_table("multimix", table)["mean"].dropna(
        subset=["dice", "jaccard", "precision"]
    )
    counts = pictures.contradictions().loc[table]
    for name, rows in values.groupby(lambda row: row.split("|")[0]):
        if "Enc" not in str(name):
            assert counts.loc[name, "rows"] == len(rows)
            assert counts.loc[name, "J above D"] == (rows["jaccard"] > rows["dice"]).sum()
    with_ = counts[counts.index.isin(pictures.BRIDGED)]
    assert "with it in 0 of" in pictures.contradicted()
    assert with_["J above D"].sum() == with_["D off"].sum() == 0


def test_the_notes_on_mixmatch_say_how_far_its_weight_gets() -> None:
    said = next(e["choice"] for e in notes.read("multimix")["deviation"] if "78%" in e["choice"])
    for profile, share in (("demo", "1.9%"), ("paper", "78%")):
        given = BUDGETS[profile].settings
        end = given.recipe.steps / given.mixmatch.adapted(given.recipe.steps).ramp_steps
        assert share in said
        assert float(share.strip("%")) / 100 == pytest.approx(end, abs=0.005)
