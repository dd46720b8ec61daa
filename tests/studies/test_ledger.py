import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from medda_lib.studies import ledger
from medda_lib.studies.machine import instruction_set
from medda_lib.studies.store import RunStore
from tests.studies.toy import toy_spec, toy_study

STUDY = toy_study(methods=2, seeds=3)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    store = RunStore(tmp_path_factory.mktemp("runs"))
    STUDY.run(store, progress=False)
    return store


def test_frame_has_the_agreed_columns(store: RunStore) -> None:
    frame = ledger.frame(store, STUDY.specs)
    assert (
        list(frame.columns)
        == (
            "paper profile data system labels seed evaluation domain problem metric value seconds key"
        ).split()
    )
    assert len(frame) == 6 * 18
    assert frame["value"].dtype == float
    assert frame["seed"].dtype == int
    assert list(dict.fromkeys(frame["key"])) == [spec.key for spec in STUDY.specs]
    row = store.read(STUDY.specs[0].key).rows[0]
    assert all(frame.iloc[0][name] == value for name, value in row.items())


def test_missing_runs_give_no_rows(store: RunStore) -> None:
    frame = ledger.frame(store, toy_study(methods=3, seeds=3).specs)
    assert frame["key"].nunique() == 6
    empty = ledger.frame(store, [toy_spec(9)])
    assert empty.empty
    assert "labels" in empty.columns


def test_runs_without_a_condition_column_show_a_dash(store: RunStore) -> None:
    short = replace(STUDY.specs[0], condition=(("system", "bare"),))
    frame = ledger.frame(store, [STUDY.specs[1], short])
    assert frame.set_index("system").loc["bare", "labels"].unique() == ["-"]


def test_commit_and_read(store: RunStore, tmp_path: Path) -> None:
    frame = ledger.frame(store, STUDY.specs)
    file = ledger.commit(frame, tmp_path / "toys")
    assert file == tmp_path / "toys" / "smoke-phantom.csv"
    back = ledger.read(tmp_path / "toys", "smoke", "phantom")
    assert list(back.columns) == list(frame.columns)
    places = [c for c in frame.columns if c not in {"value", "seconds"}]
    merged = frame.merge(back, on=places, suffixes=("", "_read"), validate="one_to_one")
    assert len(merged) == len(frame)
    assert merged["value_read"].to_numpy() == pytest.approx(merged["value"].to_numpy(), rel=1e-5)
    assert (merged["seconds_read"] == merged["seconds"]).all()


def test_the_text_is_stable_and_sorted(store: RunStore, tmp_path: Path) -> None:
    frame = ledger.frame(store, STUDY.specs)
    shuffled = frame.sample(frac=1, random_state=0)
    one = ledger.commit(frame, tmp_path / "a", store)
    two = ledger.commit(shuffled, tmp_path / "b", store)
    assert one.read_bytes() == two.read_bytes()
    assert one.with_suffix(".json").read_bytes() == two.with_suffix(".json").read_bytes()
    lines = one.read_text().splitlines()
    assert (
        lines[0] == "paper,profile,data,system,labels,seed,evaluation,domain,problem,metric,value"
    )
    assert lines[1:] == sorted(lines[1:])


@pytest.mark.parametrize(
    ("value", "text"),
    [(1 / 3, "0.333333"), (123456.7, "123457"), (1e-9, "1e-09"), (1.0, "1"), (float("nan"), "nan")],
)
def test_values_have_six_significant_digits(
    store: RunStore, tmp_path: Path, value: float, text: str
) -> None:
    frame = ledger.frame(store, STUDY.specs[:1]).head(1).assign(value=value)
    file = ledger.commit(frame, tmp_path, store)
    assert file.read_text().splitlines()[1].rpartition(",")[2] == text
    back = ledger.read(tmp_path, "smoke", "phantom")["value"].iloc[0]
    assert back == pytest.approx(value, rel=1e-5, nan_ok=True)


def test_provenance_says_what_made_the_numbers(store: RunStore, tmp_path: Path) -> None:
    ledger.commit(ledger.frame(store, STUDY.specs), tmp_path)
    known = ledger.provenance(tmp_path, "smoke", "phantom")
    assert known == json.loads((tmp_path / "smoke-phantom.json").read_text())
    assert {
        "commit",
        "versions",
        "hardware",
        "device",
        "threads",
        "seconds",
        "first",
        "last",
    } <= set(known)
    assert known["seconds"] == pytest.approx(sum(r["seconds"] for r in known["runs"]), abs=0.06)
    assert {run["key"] for run in known["runs"]} == {spec.key for spec in STUDY.specs}
    (origin,) = known["origins"].values()
    assert origin["modules"] == STUDY.specs[0].closure()
    assert origin["hardware"]["instructions"] == instruction_set()
    assert {run["origin"] for run in known["runs"]} == set(known["origins"])


def test_rows_of_two_kinds_are_not_committed_together(store: RunStore, tmp_path: Path) -> None:
    frame = ledger.frame(store, STUDY.specs)
    both = pd.concat([frame, frame.assign(data="real")])
    with pytest.raises(ValueError, match="one profile and one data, got 2"):
        ledger.commit(both, tmp_path, store)
    with pytest.raises(ValueError, match="which run store"):
        ledger.commit(pd.DataFrame(frame.to_dict("list")), tmp_path)
    with pytest.raises(FileNotFoundError, match="smoke-phantom"):
        ledger.read(tmp_path, "smoke", "phantom")


def test_study_commits_rows_and_per_image_values(store: RunStore, tmp_path: Path) -> None:
    file = STUDY.commit(STUDY.run(store, progress=False), tmp_path)
    assert file == tmp_path / "toys" / "smoke-phantom.csv"
    assert sorted(f.name for f in file.parent.iterdir()) == [
        f"smoke-phantom.{kind}" for kind in ("csv", "json", "npz")
    ]
