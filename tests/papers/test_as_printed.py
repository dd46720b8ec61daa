"""The profile `paper` runs with the numbers that the paper prints, or says why not."""

from __future__ import annotations

import pytest

from medda_lib.papers import as_printed, catalogue, notes

ALL = [(paper.key, one) for paper in catalogue.papers() for one in paper.printed]


@pytest.mark.parametrize(("paper", "setting"), ALL, ids=[f"{p} {s.what}" for p, s in ALL])
def test_ours_is_the_printed_value_or_a_named_deviation(
    paper: str, setting: catalogue.Printed
) -> None:
    same = float(as_printed.ours(paper, setting)) == float(setting.value)
    assert same is not bool(setting.deviation)
    if setting.deviation:
        assert setting.deviation in notes.deviations(paper).frame["id"].tolist()


def test_the_table_has_both_sides() -> None:
    found = as_printed.side_by_side("fda")
    assert found.loc["training steps", ["printed", "here"]].tolist() == ["10000", "10000"]
    with pytest.raises(AttributeError):
        as_printed.ours("fda", catalogue.Printed("x", "y", "1", "segmenter.nothing"))
