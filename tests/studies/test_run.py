import importlib.metadata
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from medda_lib.studies import progress, run
from medda_lib.studies.executors import InProcess
from medda_lib.studies.run import Study, StudyError, built, execute
from medda_lib.studies.store import RunStore
from medda_lib.studies.trial import fixed_chance
from tests.studies.toy import JOURNAL, ToyMethod, ToyTask, toy_spec, toy_study


def test_a_run_is_repeated_bit_for_bit(tmp_path: Path) -> None:
    spec = toy_spec()
    key = execute(spec, tmp_path / "a")
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert execute(spec, tmp_path / "b") == key == spec.key
    one, two = RunStore(tmp_path / "a").read(key), RunStore(tmp_path / "b").read(key)
    assert one.rows == two.rows
    assert one.images.keys() == two.images.keys()
    for path, array in one.images.items():
        np.testing.assert_array_equal(array, two.images[path])


def test_seeds_differ_between_repetitions(tmp_path: Path) -> None:
    path = "in-domain/here/classification/probabilities"
    results = [RunStore(tmp_path).read(execute(toy_spec(seed), tmp_path)) for seed in range(2)]
    assert not np.array_equal(results[0].images[path], results[1].images[path])


def test_provenance_says_where_a_number_comes_from(tmp_path: Path) -> None:
    spec = toy_spec()
    known = RunStore(tmp_path).read(execute(spec, tmp_path, threads=1)).provenance
    assert known["key"] == spec.key
    assert known["random_seed"] == spec.random_seed
    assert known["versions"]["torch"] == importlib.metadata.version("torch")
    assert known["code"] == spec.closure()
    assert known["threads"] == 1
    assert known["hardware"]["cpu"]
    assert known["hardware"]["gpu"] is None
    assert known["seconds"] > 0
    assert known["date"].endswith("UTC")
    assert known["commit"]


def numpy_state() -> str:
    return repr(np.random.get_state(legacy=False))  # noqa: NPY002


def test_a_run_leaves_the_global_state_as_it_was() -> None:
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    threads = torch.get_num_threads()
    before = (torch.random.get_rng_state(), random.getstate(), numpy_state())
    with fixed_chance(2**63 - 1, threads=1):
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_num_threads() == 1
        torch.rand(3), random.random(), np.random.rand()  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert numpy_state() == before[2]
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_method_that_writes_into_the_task_is_caught(tmp_path: Path) -> None:
    task = ToyTask(images=10)  # a task of its own, since it will be spoiled
    with pytest.raises(RuntimeError, match="Toy changed the task's tensors in place"):
        execute(toy_spec(0, ToyMethod(mistake="write"), task), tmp_path)
    assert RunStore(tmp_path).keys() == []
    # The spoiled task is not handed to the next run.
    assert torch.equal(*(_train_images(t) for t in (built(toy_spec(0, None, task)), task.build(0))))


def _train_images(task: object) -> torch.Tensor:
    pools = task.pools  # type: ignore[attr-defined]
    image: torch.Tensor = next(iter(pools.values())).images
    return image


def test_tasks_are_built_once_and_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    run._TASKS.clear()
    task = ToyTask(images=6)
    first = built(toy_spec(0, None, task))
    assert built(toy_spec(0, ToyMethod(rate=9.0), ToyTask(images=6))) is first
    assert built(toy_spec(1, None, task)) is not first
    # Equal for Python, but another specification.
    odd = replace(task, images=6.0)  # type: ignore[arg-type]
    assert odd == task
    with pytest.raises(TypeError):
        built(toy_spec(0, None, odd))
    assert len(run._TASKS) <= run._TASKS_KEPT


def test_a_study_does_missing_runs_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = tmp_path / "journal"
    monkeypatch.setenv(JOURNAL, str(journal))
    small, large = toy_study(methods=2), toy_study(methods=4)
    small.run(tmp_path / "runs", progress=False)
    assert len(journal.read_text().split()) == 6
    frame = large.run(tmp_path / "runs", progress=False)
    assert len(journal.read_text().split()) == 12
    pd.testing.assert_frame_equal(large.run(tmp_path / "runs", progress=False), frame)
    assert len(journal.read_text().split()) == 12
    assert sorted(journal.read_text().split()) == sorted(str(s.random_seed) for s in large.specs)
    assert frame["key"].nunique() == 12
    assert list(frame["seed"].unique()) == [0, 1, 2]


def test_two_tasks_are_done_in_turn(tmp_path: Path) -> None:
    specs = toy_study(methods=2, seeds=3).specs
    mixed = Study("mixed", (specs[0], specs[2], specs[4], specs[1], specs[3], specs[5]))
    order = [spec.seed for spec in mixed.missing(RunStore(tmp_path)).values()]
    assert order == [0, 1, 0, 1, 2, 2]


def test_a_failing_run_does_not_stop_the_others(tmp_path: Path) -> None:
    broken = toy_spec(0, ToyMethod("Broken", mistake="raise"))
    specs = toy_study(methods=2, seeds=1).specs
    study = Study("half", (specs[0], broken, specs[1]))
    with pytest.raises(StudyError) as caught:
        study.run(tmp_path, progress=False)
    text = str(caught.value)
    assert "half: 1 of 3 runs failed" in text
    assert "Broken|100 seed 0: ValueError: this toy is broken" in text
    assert "toy.py" in text
    assert set(RunStore(tmp_path).keys()) == {spec.key for spec in specs}


def test_an_interrupt_keeps_what_is_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    specs = toy_study(methods=3, seeds=1).specs
    stopped = toy_spec(0, ToyMethod("Stopped", mistake="interrupt"))
    study = Study("long", (*specs[:2], stopped, specs[2]))
    with pytest.raises(KeyboardInterrupt):
        study.run(tmp_path, progress=False)
    text = capsys.readouterr().err
    assert f"long: interrupted. 2 of 4 runs are finished and kept in {tmp_path}" in text
    assert "the same command goes on with the others" in text
    assert set(RunStore(tmp_path).keys()) == {spec.key for spec in specs[:2]}


def test_code_that_changes_under_a_study_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "execute", lambda *_: "f" * 64)
    with pytest.raises(StudyError, match="the code or the data changed while the study"):
        toy_study(1, 1).run(tmp_path, executor=InProcess(), progress=False)


def test_a_dead_worker_is_a_failure_in_words(tmp_path: Path) -> None:
    class Dying(InProcess):
        def submit(self, *arguments: object, **options: object) -> object:  # type: ignore[override]
            return super().submit(_die)

    with pytest.raises(StudyError, match="MemoryError: worker killed"):
        toy_study(1, 1).run(tmp_path, executor=Dying(), progress=False)


def _die() -> None:
    raise MemoryError("worker killed")


def test_two_runs_for_one_place_are_refused() -> None:
    one = toy_spec()
    with pytest.raises(ValueError, match="two runs for"):
        Study("twice", (one, replace(one, method=ToyMethod(steps=9))))
    with pytest.raises(ValueError, match="has no runs"):
        Study("empty", ())


def test_plain_progress_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy_study(methods=4, seeds=1).run(tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("toys: 2/4 runs, ")
    assert lines[1].endswith(" left")
    assert lines[3].startswith("toys: 4/4 runs, ")
    toy_study(methods=4, seeds=1).run(tmp_path)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (190, "3 min 10 s"), (7500, "2 h 5 min")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert progress.duration(seconds) == words
