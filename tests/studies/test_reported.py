from pathlib import Path

import pandas as pd
import pytest

from medda_lib.studies.reported import COLUMNS, ReportedError, reported

HEAD = ",".join(COLUMNS) + "\n"
GOOD = HEAD + (
    "2,MultiMix|100|10,DS,dice,0.950,0.010,\n"
    "2,Enc|100|-,DS,dice,,,not applicable\n"
    "2,Enc|100|-,Acc,accuracy,0.70,,suspect:differs from the text\n"
)


def paper(papers: Path, text: str, name: str = "table2.csv") -> Path:
    folder = papers / "toy" / "reported"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return papers


def test_cells_keep_their_digits(tmp_path: Path) -> None:
    papers = paper(tmp_path, GOOD)
    paper(tmp_path, HEAD + "4,Conv,Output,shape,m x 8 x 8,,\n", "table4.csv")
    cells = reported("toy", papers=papers)
    assert tuple(cells.columns) == COLUMNS
    assert list(cells["table"]) == ["2", "2", "2", "4"]
    assert list(cells["mean"][:1]) == ["0.950"]
    assert cells["mean"].isna().tolist() == [False, True, False, False]
    assert cells["std"].isna().tolist() == [False, True, True, True]
    assert pd.to_numeric(reported("toy", 2, papers)["mean"]).iloc[2] == 0.7
    assert list(reported("toy", "4", papers)["mean"]) == ["m x 8 x 8"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("mark", "marks"), r"table2\.csv: columns"),
        (GOOD.replace(",0.010,\n", ",0.010,odd\n"), r"table2\.csv, line 2: unknown mark 'odd'"),
        (GOOD.replace("not applicable", ""), r"table2\.csv, line 3: a cell without a number needs"),
        (GOOD.replace("suspect:differs from the text", "suspect:"), r"line 4: unknown mark"),
        (GOOD.replace("Acc,accuracy", "DS,dice"), r"table2\.csv, line 4: this cell occurs twice"),
        (HEAD, r"no table '2'"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ReportedError, match=message):
        reported("toy", "2", paper(tmp_path, text))


def test_marks_may_be_combined(tmp_path: Path) -> None:
    text = GOOD.replace(",0.010,\n", ",0.010,shifted;suspect:reads like Jaccard\n")
    assert reported("toy", "2", paper(tmp_path, text))["mark"][0].startswith("shifted;suspect:")


def test_unknown_papers_and_tables(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no reported tables"):
        reported("nobody", papers=tmp_path)
    with pytest.raises(ReportedError, match="no table '7'; there are: 2"):
        reported("toy", "7", paper(tmp_path, GOOD))


def test_the_tables_of_multimix_are_well_formed() -> None:
    assert set(reported("multimix")["table"]) == {"1", "2", "3", "4", "5"}
