"""A committed ledger counts as finished runs, in part and anywhere, and says when it is outdated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medda_lib.studies import committed as module
from medda_lib.studies import per_image
from medda_lib.studies.committed import Committed, outdated
from medda_lib.studies.run import Study
from medda_lib.studies.store import RunStore
from tests.studies.toy import JOURNAL, ToyMethod, toy_spec, toy_study

STUDY = toy_study(methods=2, seeds=3)
KIND = ("smoke", "phantom")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a ledger with all runs, made in a store that is gone."""
    top = tmp_path_factory.mktemp("whole")
    STUDY.commit(STUDY.run(top / "runs", progress=False), top / "results")
    return top / "results" / "toys"


def read(folder: Path) -> Committed:
    found = Committed.read(folder, *KIND)
    assert found is not None
    return found


def values(frame: pd.DataFrame) -> list[float]:
    """In one order, as they are written."""
    places = ["system", "seed", "evaluation", "domain", "problem", "metric"]
    return [float(f"{value:.6g}") for value in frame.sort_values(places)["value"]]


def test_a_whole_ledger_leaves_nothing_to_do(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(JOURNAL, str(tmp_path / "journal"))
    frame = STUDY.run(tmp_path / "runs", progress=False, committed=read(whole))
    assert not (tmp_path / "journal").exists()
    assert RunStore(tmp_path / "runs").keys() == []
    monkeypatch.delenv(JOURNAL)
    assert values(frame) == values(STUDY.run(tmp_path / "other", progress=False))


def test_a_study_goes_on_elsewhere_from_half_a_ledger(tmp_path: Path) -> None:
    results = tmp_path / "results"
    first = STUDY.run(tmp_path / "here", progress=False, most=2)
    assert first["key"].nunique() == 2
    STUDY.commit(first, results)
    folder = results / "toys"
    second = STUDY.run(tmp_path / "there", progress=False, committed=read(folder), most=3)
    assert len(RunStore(tmp_path / "there").keys()) == 3
    STUDY.commit(second, results, committed=read(folder))
    third = STUDY.run(tmp_path / "third", progress=False, committed=read(folder))
    assert len(RunStore(tmp_path / "third").keys()) == 1
    STUDY.commit(third, results, committed=read(folder))

    at_once = STUDY.commit(STUDY.run(tmp_path / "once", progress=False), tmp_path / "once")
    pieces = folder / "smoke-phantom.csv"
    assert pieces.read_bytes() == at_once.read_bytes()
    one, other = (per_image.load(f.with_suffix(".npz")) for f in (pieces, at_once))
    assert one.runs == other.runs
    assert one.arrays.keys() == other.arrays.keys()
    for path, array in one.arrays.items():
        assert np.array_equal(array, other.arrays[path], equal_nan=array.dtype.kind == "f")
    known = read(folder).known
    assert len(known["runs"]) == 6
    assert {run["origin"] for run in known["runs"]} == set(known["origins"])
    assert known["seconds"] == pytest.approx(sum(run["seconds"] for run in known["runs"]), abs=0.1)


def test_nothing_is_run_where_nothing_may_be(whole: Path, tmp_path: Path) -> None:
    larger = toy_study(methods=3, seeds=3)
    frame = larger.run(tmp_path, progress=False, committed=read(whole), most=0)
    assert frame[["system", "seed"]].drop_duplicates().shape[0] == 6
    assert len(larger.missing(RunStore(tmp_path), read(whole))) == 3


def test_runs_that_are_doubted_are_made_again(whole: Path, tmp_path: Path) -> None:
    ledger = read(whole).without(lambda spec: "Toy 1" in spec.label)
    assert {s.label for s in STUDY.missing(RunStore(tmp_path), ledger).values()} == {
        f"Toy 1|100 seed {seed}" for seed in range(3)
    }


def test_another_specification_is_no_finished_run(whole: Path, tmp_path: Path) -> None:
    other = replace(STUDY.specs[0], method=ToyMethod("Toy 0", rate=9.0))
    changed = Study("toys", (other, *STUDY.specs[1:]))
    assert list(changed.missing(RunStore(tmp_path), read(whole)).values()) == [other]


def test_a_run_that_is_nowhere_is_not_committed(whole: Path, tmp_path: Path) -> None:
    frame = STUDY.run(tmp_path, progress=False)
    with pytest.raises(ValueError, match=r"neither in .* nor committed"):
        STUDY.commit(frame, tmp_path / "results", store=tmp_path / "empty")
    assert Committed.read(tmp_path / "results" / "toys", *KIND) is None


def test_outdated_names_the_condition(whole: Path, tmp_path: Path) -> None:
    assert outdated(tmp_path, *KIND, STUDY.specs) == ["nothing is committed for smoke on phantom"]
    assert outdated(whole, *KIND, STUDY.specs) == []
    assert outdated(whole, *KIND, toy_study(methods=3, seeds=3).specs) == []  # not run yet
    assert outdated(whole, *KIND, toy_study(methods=2, seeds=1).specs) == [
        "no longer in the study: Toy 0|100 seed 1, Toy 0|100 seed 2, Toy 1|100 seed 1 and 1 more",
    ]
    other = replace(STUDY.specs[0], method=ToyMethod("Toy 0", rate=9.0))
    changed = (other, *STUDY.specs[1:])
    assert outdated(whole, *KIND, changed) == ["the specification changed: Toy 0|100 seed 0"]


@pytest.fixture
def on_files(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ledger as if Toy 0 had been made on a set of two files, and the folder of that set."""
    data = tmp_path / "lung_xray_b"
    data.mkdir()
    (data / "a.png").write_bytes(b"a")
    (data / "b.png").write_bytes(b"b")
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    monkeypatch.setenv("MEDDA_RUNS", str(tmp_path / "store"))
    monkeypatch.setattr(type(STUDY.specs[0].task), "reads", ("lung_xray_b",), raising=False)
    folder = tmp_path / "toys"
    folder.mkdir()
    known = json.loads((whole / "smoke-phantom.json").read_text())
    content = STUDY.specs[0].content()["lung_xray_b"].__dict__
    for run in known["runs"]:
        run["content"] = {"lung_xray_b": content} if run["condition"]["system"] == "Toy 0" else {}
    (folder / "smoke-phantom.json").write_text(json.dumps(known))
    return folder


def test_other_files_outdate_the_runs_that_read_them(on_files: Path) -> None:
    assert outdated(on_files, *KIND, STUDY.specs) == []
    (on_files.parent / "lung_xray_b" / "b.png").unlink()
    (reason,) = outdated(on_files, *KIND, STUDY.specs)
    assert reason.startswith("lung_xray_b holds 1 files, 1 bytes, content ")
    assert "the result was made on 2 files, 2 bytes" in reason
    assert reason.endswith(": Toy 0|100 seed 0, Toy 0|100 seed 1, Toy 0|100 seed 2")
    assert not read(on_files).has(STUDY.specs[0])
    assert read(on_files).has(STUDY.specs[1])


def test_without_the_data_nobody_can_tell(on_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDA_DATA")
    assert outdated(on_files, *KIND, STUDY.specs) == []
    assert read(on_files).has(STUDY.specs[0])


def test_few_labels() -> None:
    assert module.few(["a", "b", "c"]) == "a, b, c"
    assert module.few(list("abcde")) == "a, b, c and 2 more"
    assert toy_spec().label == "Toy|100 seed 0"
