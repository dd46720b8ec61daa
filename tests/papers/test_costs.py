"""Tables of measured costs: read where they are, rows replaced by their key."""

from pathlib import Path

from medda_lib.papers.costs import read, replace_rows

HEADS = ("system", "device", "seconds")


def test_what_was_not_measured_is_none() -> None:
    assert read("odex", "nothing.csv") is None
    found = read("odex", "overhead.csv")
    assert found is not None
    assert {"system", "device", "stage_s"} <= set(found)


def test_rows_of_the_same_key_are_replaced_and_others_kept(tmp_path: Path) -> None:
    file = tmp_path / "costs.csv"
    row = {"system": "EWC", "device": "one core", "seconds": "1"}
    replace_rows(file, HEADS, [row, row | {"device": "one GPU"}], HEADS[:2])
    replace_rows(file, HEADS, [row | {"seconds": "2"}], HEADS[:2])
    assert file.read_text().splitlines() == [
        "system,device,seconds",
        "EWC,one GPU,1",
        "EWC,one core,2",
    ]
