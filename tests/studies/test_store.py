import json
import os
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from medda_lib.studies import store as store_module
from medda_lib.studies.store import CorruptRunError, RunResult, RunStore

KEY = "ab" * 32
OTHER = "cd" * 32


def result(value: float = 0.5) -> RunResult:
    row = {
        "evaluation": "in-domain",
        "domain": "jsrt",
        "problem": "segmentation",
        "metric": "dice",
        "value": value,
    }
    images = {"in-domain/jsrt/segmentation/dice": np.array([0.25, value])}
    return RunResult([row], images, {"seconds": 1.0})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    assert store.keys() == []
    assert not store.has(KEY)
    store.write(KEY, result(1 / 3))
    store.write(OTHER, result(float("nan")))
    assert store.keys() == [KEY, OTHER]
    back = store.read(KEY)
    assert back.rows == result(1 / 3).rows
    assert back.provenance == {"seconds": 1.0}
    (path, array), *rest = back.images.items()
    assert (path, rest) == ("in-domain/jsrt/segmentation/dice", [])
    np.testing.assert_array_equal(array, [0.25, 1 / 3])
    assert np.isnan(store.read(OTHER).rows[0]["value"])
    assert store.read(KEY, images=False).images == {}


def test_a_finished_run_is_never_written_again(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    store.write(KEY, result(0.25))
    before = (store.path(KEY) / "rows.json").stat()
    store.write(KEY, result(0.75))
    after = (store.path(KEY) / "rows.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert store.read(KEY).rows[0]["value"] == 0.25


def test_many_writers_of_one_key_leave_one_whole_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RunStore(tmp_path)
    together = threading.Barrier(8)
    rename, lost = store_module._rename, []

    def wait_and_rename(draft: Path, target: Path) -> None:
        together.wait(10)  # all eight have found the place free
        rename(draft, target)
        lost.append(draft)

    monkeypatch.setattr(store_module, "_rename", wait_and_rename)
    threads = [threading.Thread(target=store.write, args=(KEY, result(i / 8))) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 8
    back = store.read(KEY)
    assert back.images["in-domain/jsrt/segmentation/dice"][1] == back.rows[0]["value"]
    assert list((tmp_path / "drafts").iterdir()) == []


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RunStore(tmp_path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        store.write(KEY, result())
    assert not store.has(KEY)
    assert list((tmp_path / "drafts").iterdir()) == []


@pytest.mark.parametrize("name", ["rows.json", "images.npz", "provenance.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_damage_is_an_error_that_names_the_folder(tmp_path: Path, name: str, damage: str) -> None:
    store = RunStore(tmp_path)
    store.write(KEY, result())
    file = store.path(KEY) / name
    data = file.read_bytes()
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        file.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(CorruptRunError, match=f"{KEY} is damaged .*delete this folder"):
        store.read(KEY)


def test_missing_runs_and_malformed_keys(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    with pytest.raises(KeyError, match=f"no finished run {KEY}"):
        store.read(KEY)
    with pytest.raises(ValueError, match="no run key"):
        store.has("../../etc")


def test_rows_have_the_agreed_fields() -> None:
    with pytest.raises(ValueError, match="a row has the fields"):
        RunResult([{"metric": "dice", "value": 1.0}], {}, {})


def test_object_arrays_are_refused(tmp_path: Path) -> None:
    odd = RunResult([], {"x": np.array([{}], dtype=object)}, {})
    with pytest.raises(ValueError, match=r"[Oo]bject arrays"):
        RunStore(tmp_path).write(KEY, odd)
    assert RunStore(tmp_path).keys() == []


def test_sweep_takes_drafts_of_dead_processes_only(tmp_path: Path) -> None:
    drafts = tmp_path / "drafts"
    host = socket.gethostname()
    dead_pid = _dead_pid()
    mine = drafts / f"{host}~{os.getpid()}~aa"
    dead = drafts / f"{host}~{dead_pid}~bb"
    fresh_elsewhere = drafts / f"another-machine~{dead_pid}~cc"
    old_elsewhere = drafts / f"another-machine~{dead_pid}~dd"
    for folder in (mine, dead, fresh_elsewhere, old_elsewhere):
        folder.mkdir(parents=True)
        (folder / "rows.json").write_text(json.dumps([]))
    os.utime(old_elsewhere, (0, 0))
    assert RunStore(tmp_path).sweep() == 2
    assert {d.name for d in drafts.iterdir()} == {mine.name, fresh_elsewhere.name}


def _dead_pid() -> int:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid
