"""What a study would cost is told from committed seconds, and nothing is run for it."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from medda_lib.commands.forecast import spelled
from medda_lib.papers import forecast as module
from medda_lib.papers.catalogue import study_module
from medda_lib.papers.forecast import Spent, forecast, guess, steps
from medda_lib.studies.run import Study, execute
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.store import RunStore


@pytest.fixture
def planned() -> Study:
    return study_module("aiva").study("smoke", "clusters")


def commit(folder: Path, study: Study, seconds: Mapping[RunSpec, float]) -> None:
    """A ledger that holds these runs, with nothing of them but their seconds."""
    first = study.specs[0]
    runs = [
        {"condition": dict(spec.condition), "seed": spec.seed, "key": "-", "seconds": took}
        | {"identity": spec.identity, "origin": "-"}
        for spec, took in seconds.items()
    ]
    file = folder / first.paper / f"{first.profile}-{first.data}.json"
    file.parent.mkdir(parents=True)
    file.with_suffix(".csv").write_text("", "utf-8")
    file.write_text(json.dumps({"runs": runs, "origins": {"-": {}}}), "utf-8")


def test_what_is_committed_what_is_stored_and_what_is_left(planned: Study, tmp_path: Path) -> None:
    first, second = planned.specs
    store = RunStore(tmp_path / "runs")
    (row,) = forecast(planned, store, tmp_path).to_dict("records")
    assert (row["runs"], row["committed"], row["stored"], row["left"]) == (2, 0, 0, 2)
    assert (math.isnan(row["seconds"]), row["by"]) == (True, "")

    commit(tmp_path, planned, {first: 6.0})
    (row,) = forecast(planned, store, tmp_path).to_dict("records")
    assert (row["committed"], row["stored"], row["left"]) == (1, 0, 1)
    assert (row["seconds"], row["by"]) == (
        6.0,
        "smoke-clusters",
    )  # as many steps with other clusters
    assert not store.root.exists()

    execute(second, store.root)
    (row,) = forecast(planned, store, tmp_path).to_dict("records")
    assert (row["committed"], row["stored"], row["left"], row["seconds"]) == (1, 1, 0, 0.0)
    (row,) = forecast(planned, store, tmp_path, again=True).to_dict("records")
    assert (row["committed"], row["stored"], row["left"], row["seconds"]) == (0, 1, 1, 6.0)


def test_steps_are_all_that_the_settings_name(planned: Study) -> None:
    assert steps(planned.specs[0]) == 4 + 4  # the source network's and the adaptation's
    stream = study_module("odex").study("demo", "shifting").specs
    assert {steps(spec) for spec in stream} == {120}


def spent(ledger: str, system: str, k: str, seconds: float, steps: int = 8) -> Spent:
    condition = (("system", system), ("source", "sm3"), ("target", "ge15"), ("k", k))
    return Spent(ledger, system, condition, steps, seconds)


def test_the_nearest_runs_tell_and_steps_scale_them(planned: Study) -> None:
    spec = planned.specs[0]
    far = [spent("demo-phantom", "AIVA", "12", 100.0, 400), spent("demo-real", "AdaBN", "-", 1.0)]
    assert guess(spec, far) == (2.0, "demo-phantom")
    near = [*far, spent("smoke-clusters", "AIVA", "9", 5.0)]
    assert guess(spec, near) == (5.0, "smoke-clusters")
    same = Spent("smoke-clusters", "AIVA", spec.condition, 8, 7.0)
    assert guess(spec, [*near, same]) == (7.0, "smoke-clusters")
    seconds, by = guess(spec, [spent("demo-phantom", "AdaBN", "-", 1.0)])
    assert (math.isnan(seconds), by) == (True, "")


def test_without_its_data_a_study_can_be_forecast_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    found = forecast(study_module("aiva").study("demo", "real"), RunStore(tmp_path), tmp_path)
    assert "MEDDA_DATA is not set" in found.attrs["absent"]
    assert (found["left"] == found["runs"]).all()


def test_memory_is_what_a_benchmark_measured() -> None:
    assert module._memory("odex")["ODEx"] > module._memory("odex")["Sequential"] > 100
    assert module._memory("aiva") == module._memory("multimix") == {}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (7.42, "7.4 s"),
        (59.0, "59 s"),
        (61.0, "1 min"),
        (1500.0, "25 min"),
        (12_400.0, "3.4 h"),
        (284_000.0, "79 h"),
        (math.nan, "unknown"),
    ],
)
def test_durations_are_spelled_in_their_largest_unit(seconds: float, text: str) -> None:
    assert spelled(seconds) == text
