"""Entries of claims.toml that stand for several claims, and the numbers that tables print for them."""

import math
from pathlib import Path

import pytest

from medda_lib.studies.claims import ClaimError, load
from medda_lib.studies.families import read_out
from medda_lib.studies.printed import Cell, Printed, PrintedError, Spelling

TABLES = """table,row,column,metric,mean,std,mark
1,A|-,x,dice,81.5,,
1,B|10,x,dice,.9,,
1,C,x,dice,,,missing
2,A|-,y,dice,70.25,,
2,A|-,z,auc,3,,
"""
CLAIMS = """
[[cell]]
row = "{system}|{labels}"
scale = 0.01

[[cell]]
row = "{system}"

[every]
rule = "greater"
both = {metric = "dice"}

[axes]
table = ["1", "2"]

[[claim]]
id = "C1"
over = ["table"]
text = "A beats one half ({way}), see {table}."
where = "Table {table}, row {a}"
way = "by Dice"
rule = "above"
margin = 0.5
a = {system = "A", labels = "-"}
"""
BOTH = """
[[claim]]
id = "C2"
letters = "acbd"
over = [[{n = "10"}, {n = "-"}], [{m = "greater", word = "above"}, {rule = "less", word = "below"}]]
text = "A is {word} B at {n}: {a}, {b}."
where = "Figure 1"
data = ["phantom"]
a = {system = "A", labels = "-"}
b = {system = "B", labels = "{n}"}
"""


def toy(folder: Path, claims: str) -> Path:
    (folder / "toy" / "reported").mkdir(parents=True)
    (folder / "toy" / "reported" / "tables.csv").write_text(TABLES, "utf-8")
    (folder / "toy" / "claims.toml").write_text(claims, "utf-8")
    return folder


def test_an_entry_stands_for_a_claim_per_record_and_its_own_table_comes_first(
    tmp_path: Path,
) -> None:
    one, two = load("toy", toy(tmp_path, CLAIMS))
    assert (one.id, two.id) == ("C1a", "C1b")
    assert one.text == "A beats one half (by Dice), see 1."
    assert (one.where, two.where) == ("Table 1, row A", "Table 2, row A")
    assert one.a == two.a == {"system": "A", "labels": "-", "metric": "dice"}
    assert (one.reported, two.reported) == (0.315, 0.2025)  # exactly: decimals, not floats


def test_the_last_axis_is_fastest_letters_name_and_ids_sort(tmp_path: Path) -> None:
    found = load("toy", toy(tmp_path, BOTH + CLAIMS.replace("[every]", "[every]\nmargin = 0.1")))
    assert [claim.id for claim in found] == ["C1a", "C1b", "C2a", "C2b", "C2c", "C2d"]
    by_id = {claim.id: claim for claim in found}
    assert by_id["C2a"].text == "A is above B at 10: A, B/10."
    assert by_id["C2c"].rule == "less"
    assert by_id["C2b"].text == "A is above B at -: A, B."
    assert all(math.isnan(by_id[f"C2{letter}"].reported) for letter in "abcd")
    assert {claim.margin for claim in found} == {0.1, 0.5}
    assert by_id["C2d"].data == ("phantom",)


def test_a_file_without_cells_computes_nothing(tmp_path: Path) -> None:
    claims = CLAIMS[CLAIMS.index("[every]") :].replace(", row {a}", "")
    assert all(math.isnan(claim.reported) for claim in load("toy", toy(tmp_path, claims)))
    typed = claims.replace("margin = 0.5", "margin = 0.5\nreported = 0.25")
    (tmp_path / "toy" / "claims.toml").write_text(typed, "utf-8")
    assert {claim.reported for claim in load("toy", tmp_path)} == {0.25}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'over = ["table"]',
            'over = ["tables"]',
            "claim C1: over: no axis 'tables'; there are: ta",
        ),
        (
            'over = ["table"]',
            'over = ["table"]\nletters = "abc"',
            "2 combinations, but the letters",
        ),
        ("({way})", "({way}{why})", "nothing fills {why}"),
        ("({way})", "", "claim C1: unknown field way"),
        ('way = "by Dice"', "way = 3", "claim C1: unknown field way"),
        ('system = "A"', 'system = "D"', "claim C1: no table prints dice in row 'D|-'"),
        ('{system = "A", labels = "-"}', '{system = "C"}', "no table prints dice in row 'C'"),
        ('{system = "A", labels = "-"}', '{name = "A"}', "nothing says in which cell"),
        ('rule = "above"', 'rule = "over"', "claim C1a: unknown rule 'over'"),
    ],
)
def test_mistakes_name_the_file_and_the_entry(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in CLAIMS
    with pytest.raises(ClaimError, match=r"claims\.toml, claim C1") as caught:
        load("toy", toy(tmp_path, CLAIMS.replace(old, new)))
    assert message in str(caught.value)


def test_a_single_claim_is_an_entry_without_axes() -> None:
    entry = {"id": "C7b", "text": "A is B.", "where": "Table 1", "rule": "less"}
    sides = {"a": {"metric": "dice"}, "b": {"metric": "dice"}}
    assert read_out({"claim": [entry | sides]}) == [entry | sides]


def test_a_column_may_be_a_pattern_and_the_metric_has_to_agree() -> None:
    cells = [Cell("1", "A", "early|Dice", "dice", ".1"), Cell("1", "A", "late|Dice", "dice", ".7")]
    cells += [Cell("1", "A", "late|BWT", "bwt", "-.2")]
    tables = Printed(cells, [Spelling("{system}", "{when}|*")])
    side = {"system": "A", "metric": "dice"}
    assert float(tables.number(side, {"when": "late"})) == 0.7
    assert float(tables.number(side | {"metric": "bwt"}, {"when": "late"})) == -0.2
    with pytest.raises(PrintedError, match="nothing says"):
        tables.number(side, {})
    assert tables.row(side, {}) == ""
