"""The five tables of MultiMix as transcribed: nothing lost, nothing added, everything odd is marked.

How the cells are counted. A cell is a place of a table that a number (or, in Tables 4 and 5, a
tensor shape) belongs to; dashes do not count. Table 1: 24 places less 6 dashes = 18. Tables 2 and 3:
57 rows x 9 metrics less 63 dashes (3 U-Net rows without the 3 classification metrics, 9 encoder rows
without the 6 segmentation metrics) = 450 each. Table 4: 43 layers x 2 shapes = 86. Table 5: 33
layers x 2 = 66. Together 1,070, of which 34 cannot be read in the source: 8 in the last row of Table
2, and 8 + 9 + 9 in the last three rows of Table 3.
"""

import re
from itertools import product
from pathlib import Path

import pandas as pd
import pytest

import medda_lib.papers.multimix as here
from medda_lib.studies.reported import reported

FOLDER = Path(here.__file__).parent / "reported"
TABLES = ("1", "2", "3", "4", "5")
METRICS = ["accuracy", "f1_normal", "f1_abnormal"]
METRICS += ["dice", "jaccard", "ssim", "hausdorff", "precision", "recall"]
PRINTED = ["Acc", "F1-Nor", "F1-Abn", "DS", "JS", "SSIM", "HD", "P", "R"]
LABELS, MASKS = ("100", "1000", "Full"), ("10", "50", "Full")


def read(table: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"table{table}.csv", dtype=str, keep_default_na=False)


def marks(frame: pd.DataFrame, word: str) -> pd.DataFrame:
    """The rows of which one mark is `word` (before a colon)."""
    chosen = frame["mark"].map(lambda m: word in [one.split(":")[0] for one in m.split(";")])
    return frame[chosen]


@pytest.fixture(scope="module")
def cells() -> pd.DataFrame:
    return pd.concat([read(table) for table in TABLES], ignore_index=True)


@pytest.fixture(scope="module")
def wide() -> dict[str, pd.DataFrame]:
    """Tables 2 and 3 as numbers: rows x metrics, NaN where nothing is printed."""
    return {
        t: read(t)
        .assign(mean=lambda f: pd.to_numeric(f["mean"]))
        .pivot(index="row", columns="metric", values="mean")
        for t in ("2", "3")
    }


def test_every_table_has_the_contract_columns_and_no_cell_twice(cells: pd.DataFrame) -> None:
    assert list(cells.columns) == ["table", "row", "column", "metric", "mean", "std", "mark"]
    assert not cells.duplicated(["table", "row", "column"]).any()


def test_cell_counts(cells: pd.DataFrame) -> None:
    printed = cells[~cells.index.isin(marks(cells, "not applicable").index)]
    assert printed.groupby("table").size().to_dict() == dict(
        zip(TABLES, (18, 450, 450, 86, 66), strict=True)
    )
    assert len(printed) == 1070
    assert marks(cells, "missing").groupby("table").size().to_dict() == {"2": 8, "3": 26}


def test_a_cell_is_empty_exactly_where_its_mark_says_so(cells: pd.DataFrame) -> None:
    empty = marks(cells, "missing").index.union(marks(cells, "not applicable").index)
    assert set(cells.index[cells["mean"] == ""]) == set(empty)
    results = cells[cells["table"].isin(["2", "3"])]
    assert ((results["mean"] == "") == (results["std"] == "")).all()
    others = cells[~cells["table"].isin(["2", "3"])]
    assert (others["std"] == "").all()


def test_marks_are_of_known_kinds(cells: pd.DataFrame) -> None:
    known = {"", "missing", "garbled", "shifted", "underlined", "not applicable", "suspect"}
    kinds = {one.split(":")[0] for mark in cells["mark"] for one in mark.split(";")}
    assert kinds == known
    assert all(
        re.fullmatch(r"suspect:.{8,}", m.split(";")[-1]) for m in marks(cells, "suspect").mark
    )


@pytest.mark.parametrize("table", ["2", "3"])
def test_every_row_and_metric_of_the_result_tables(table: str) -> None:
    wanted = [f"U-Net|-|{m}" for m in MASKS]
    wanted += [f"{e}|{n}|-" for e, n in product(("Enc", "Enc-MM", "Enc-SSL"), LABELS)]
    joint = ("UMTL", "UMTL-S", "UMTL-SSL", "UMTL-SSL-S", "MultiMix")
    wanted += ["|".join(parts) for parts in product(joint, LABELS, MASKS)]
    frame = read(table)
    assert list(frame["row"].drop_duplicates()) == wanted
    assert len(wanted) == 57
    for _, row in frame.groupby("row"):
        assert row["metric"].tolist() == METRICS
        assert row["column"].tolist() == PRINTED


def test_digits_are_kept_as_printed(cells: pd.DataFrame) -> None:
    def cell(table: str, row: str, column: str) -> tuple[str, str]:
        chosen = (cells["table"] == table) & (cells["row"] == row) & (cells["column"] == column)
        found = cells[chosen]
        assert len(found) == 1
        return str(found["mean"].item()), str(found["std"].item())

    assert cell("1", "in-domain|CheX", "Total") == ("5,856", "")
    assert cell("1", "cross-domain|NIHX", "Test") == ("4185", "")
    assert cell("2", "UMTL|100|Full", "JS") == ("0.872", "0.0252")
    assert cell("2", "UMTL-SSL-S|1000|50", "Acc") == ("0.808", ".013")
    assert cell("2", "UMTL|100|10", "DS") == ("0.626", "0.008")
    assert cell("2", "UMTL-S|100|10", "DS") == ("0.922", "0.007")
    assert cell("2", "MultiMix|Full|Full", "Acc") == ("0.843", "0.024")
    assert cell("3", "UMTL|Full|50", "P") == ("0.898", "0.0378")
    assert cell("3", "UMTL-SSL|Full|10", "JS") == ("0.765", "0.0312")
    assert cell("3", "MultiMix|Full|10", "Acc") == ("0.550", "0.")
    assert cell("4", "Conv layer - 1", "Output Feature Maps") == ("m x 256 x 256 x 16", "")
    assert cell("5", "Conv Layer - 1", "Input Feature Maps") == ("m x 32 x 32 x 386", "")


def test_only_one_cell_is_garbled_and_two_rows_per_table_have_slid(cells: pd.DataFrame) -> None:
    garbled = marks(cells, "garbled")
    assert garbled[["table", "row", "metric"]].values.tolist() == [
        ["3", "MultiMix|Full|10", "accuracy"]
    ]
    shifted = marks(cells, "shifted")
    assert set(shifted["row"]) == {"U-Net|-|50", "U-Net|-|Full"}
    assert len(shifted) == 2 * 2 * 6


def test_jaccard_exceeds_dice_where_it_cannot(wide: dict[str, pd.DataFrame]) -> None:
    """Of masks, J <= D always. The tables print the reverse for 19 and for 7 of 48 rows."""
    broken = {t: set(w.index[w["jaccard"] > w["dice"]]) for t, w in wide.items()}
    assert len(broken["2"]) == 19
    assert len(broken["3"]) == 7
    no_bridge = {f"{s}|{n}|{m}" for s, n, m in product(("UMTL", "UMTL-SSL"), LABELS, MASKS)}
    assert broken["2"] == no_bridge | {"U-Net|-|10"}
    assert not any(row.split("|")[0].endswith("-S") for row in broken["2"] | broken["3"])


def test_dice_is_marked_where_its_own_jaccard_contradicts_it(
    wide: dict[str, pd.DataFrame],
) -> None:
    """More than 0.015 away from 2 J / (1 + J), unless the mark is on the Jaccard itself."""
    for table, values in wide.items():
        implied = 2 * values["jaccard"] / (1 + values["jaccard"])
        off = set(values.index[(values["dice"] - implied).abs() > 0.015])
        suspects = marks(read(table), "suspect")
        chosen = suspects[suspects["metric"].isin(["dice", "jaccard"])]
        assert set(chosen["row"]) == off
        for _, cell in chosen[chosen["metric"] == "dice"].iterrows():
            assert cell["mark"].endswith(f"implies {implied[cell['row']]:.3f}")


def test_a_layer_takes_what_the_one_before_gives() -> None:
    """Table 4 is a chain; Table 5 is one up to the skip connections at its odd convolutions."""
    encoder = read("4").pivot(index="row", columns="column", values="mean")
    order = read("4")["row"].drop_duplicates()
    outs = encoder.loc[order, "Output Feature Maps"].tolist()
    ins = encoder.loc[order, "Input Feature Maps"].tolist()
    assert outs[:-1] == ins[1:]
    frame = read("5")
    gives = frame[frame["column"] == "Output Feature Maps"]["mean"].tolist()
    takes = frame[frame["column"] == "Input Feature Maps"]["mean"].tolist()
    last = [int(s.split(" x ")[-1]) for s in takes[1:]]
    before = [int(s.split(" x ")[-1]) for s in gives[:-1]]
    jumps = [b - a for a, b in zip(before, last, strict=True) if b != a]
    assert jumps == [130, 64, 32, 16]  # 128 + saliency + image, then the plain skips


def test_the_library_reads_the_tables_as_they_are_checked_here(cells: pd.DataFrame) -> None:
    read_by_library = reported("multimix").fillna("")
    pd.testing.assert_frame_equal(read_by_library.astype(str), cells, check_dtype=False)
