"""Tables: what stands in which cell, and that nothing is filled in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from medda_lib.figures.side_by_side import shade, side_by_side
from medda_lib.figures.tables import plain
from medda_lib.figures.verdicts import verdicts


@pytest.fixture
def reported() -> pd.DataFrame:
    return pd.DataFrame(
        {"accuracy": [np.nan, 0.732, 0.800], "dice": [0.634, np.nan, 0.954]},
        index=["U-Net|-|10", "Enc|100|-", "MultiMix|100|10"],
    )


@pytest.fixture
def marks(reported: pd.DataFrame) -> pd.DataFrame:
    marks = pd.DataFrame("", index=reported.index, columns=reported.columns)
    marks.loc["U-Net|-|10", "accuracy"] = "not applicable"
    marks.loc["MultiMix|100|10", "dice"] = 'suspect: "JS" exceeds DS'
    return marks


def test_side_by_side_subtracts_and_says_what_is_missing(
    reported: pd.DataFrame, marks: pd.DataFrame
) -> None:
    measured = pd.DataFrame({"dice": [0.700, 0.9], "accuracy": [np.nan, 0.752]})
    measured.index = pd.Index(["U-Net|-|10", "Enc|100|-"])
    table = side_by_side(
        reported, measured, "Table 2", marks=marks, measured_sd=measured * 0 + 0.01
    )
    assert table.frame.loc["U-Net|-|10", ("dice", "difference")] == pytest.approx(0.066)
    assert table.frame.loc["Enc|100|-", ("accuracy", "difference")] == pytest.approx(0.020)
    unfilled = table.frame.loc["MultiMix|100|10", ("dice", "measured")]
    assert np.isnan(unfilled), "a cell that was not run is not filled from the paper"
    page = table._repr_html_()
    assert '<td class="r x">not applicable</td>' in page
    assert '<td class="r x">missing</td><td>0.900 ± 0.010</td><td></td>' in page
    assert '<td class="r">0.634</td><td>0.700 ± 0.010</td><td class="p2">+0.066</td>' in page
    assert '<td class="r" title="suspect: &quot;JS&quot; exceeds DS">0.954*</td>' in page
    assert page.count(">not run</td>") == 3
    assert "doubtful as printed" in page


def test_side_by_side_is_deterministic_and_small(reported: pd.DataFrame) -> None:
    wide = pd.DataFrame(np.full((57, 8), 0.5), columns=list("abcdefgh"))
    wide.index = pd.Index([f"System|{i}|10" for i in range(57)])
    page = side_by_side(wide, wide, "all", measured_sd=wide).html
    assert page == side_by_side(wide, wide, "all", measured_sd=wide).html
    assert len(page) < 50_000


def test_side_by_side_refuses_repeated_rows(reported: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="row labels repeat"):
        side_by_side(pd.concat([reported, reported]), reported, "twice")
    with pytest.raises(ValueError, match="caption"):
        side_by_side(reported, reported, " ")


@pytest.mark.parametrize(
    ("difference", "kind"),
    [(0.0, ""), (0.019, ""), (0.02, "p1"), (-0.06, "n2"), (-0.5, "n3"), (0.1, "p3")],
)
def test_shade(difference: float, kind: str) -> None:
    assert shade(difference) == kind


def _claim(data: str, verdict: str, effect: float | None, low: float | None) -> dict[str, object]:
    high = None if low is None or effect is None else 2 * effect - low
    return {
        "id": "C1",
        "text": "The bridge raises Dice & more.",
        "where": "Table 2",
        "reported": 0.296,
        "data": data,
        "effect": effect,
        "low": low,
        "high": high,
        "n": 3,
        "verdict": verdict,
    }


def test_verdicts_give_effect_interval_and_word() -> None:
    rows = [
        _claim("phantom", "contradicted", -0.01, -0.03),
        _claim("real", "not tested", None, None),
    ]
    table = verdicts(rows, "Claims")
    assert "-0.010 [-0.030, +0.010]" in table.html
    assert "▼ contradicted" in table.html
    assert "○ not tested" in table.html
    assert table.html.count("The bridge raises Dice &amp; more.") == 1, "words stand once"
    assert table.html.count("+0.296") == 1
    assert list(table.frame["verdict"]) == ["contradicted", "not tested"]
    assert "contradicted" in repr(table)


def test_verdicts_refuse_unknown_words_and_missing_columns() -> None:
    with pytest.raises(ValueError, match="unknown \\['proved'\\]"):
        verdicts([_claim("real", "proved", 0.1, 0.0)], "Claims")
    with pytest.raises(ValueError, match="lack \\['text'"):
        verdicts([{"id": "C1", "verdict": "supported"}], "Claims")


def test_plain_shows_a_frame_as_it_stands() -> None:
    frame = pd.DataFrame({"who": ["A & B", "-"], "n": [3, 4], "share": [0.126, np.nan]})
    frame["year"] = pd.array([2021, None], dtype="Int64")
    frame["status"] = ["done", "not yet"]
    marks = {"not yet": ("○ not yet", "x")}
    page = plain(frame, "Who", long=("who",), marks=marks).html
    assert '<td class="w">A &amp; B</td><td>3</td><td>0.13</td><td>2021</td>' in page
    assert '<td>4</td><td></td><td></td><td class="m x">○ not yet</td>' in page
    assert '<th class="h">who</th><th>n</th>' in page
    assert plain(frame.head(0), "Nobody").html.endswith("<tbody></tbody></table></div>")
