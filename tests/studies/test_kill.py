"""A study that is killed again and again loses nothing, repeats nothing and ends the same."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from medda_lib.studies import ledger
from medda_lib.studies.store import RunStore
from tests.studies.conftest import ROOT
from tests.studies.toy import toy_study

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and fork are POSIX")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kills")


@pytest.fixture(scope="module")
def report(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.studies.kills", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_most_kills_land_inside_the_study(report: dict[str, Any]) -> None:
    killed = [s for s in report["sessions"] if s["status"] == -signal.SIGKILL]
    midway = [s for s in killed if len(s["before"]) < len(report["runs"])]
    assert len(report["sessions"]) == 21
    assert len(killed) == 20
    assert len(midway) >= 10
    assert report["sessions"][-1]["status"] == 0


def test_no_finished_run_is_lost_or_written_again(report: dict[str, Any]) -> None:
    previous: dict[str, list[int]] = {}
    for session in report["sessions"]:
        assert session["before"] == previous
        assert session["before"].items() <= session["after"].items()
        previous = session["after"]
    assert sorted(previous) == report["runs"]


def test_no_finished_run_is_started_again(report: dict[str, Any]) -> None:
    for session in report["sessions"]:
        assert set(session["started"]).isdisjoint(session["before"])
        assert len(set(session["started"])) == len(session["started"])
    starts = [key for session in report["sessions"] for key in session["started"]]
    assert set(starts) == set(report["runs"])


def test_the_result_is_that_of_an_undisturbed_study(report: dict[str, Any], folder: Path) -> None:
    specs = toy_study(pause=0.01).specs
    assert sorted(spec.key for spec in specs) == report["runs"]
    stores = RunStore(folder / "clean"), RunStore(folder / "killed")
    clean, killed = (ledger.frame(s, specs).drop(columns="seconds") for s in stores)
    assert len(clean) == 12 * 18
    pd.testing.assert_frame_equal(killed, clean, check_exact=True)
    texts = [ledger.commit(ledger.frame(s, specs), folder / s.root.name) for s in stores]
    assert texts[0].read_bytes() == texts[1].read_bytes()
    for key in report["runs"]:
        one, two = (store.read(key).images for store in stores)
        assert one.keys() == two.keys()
        assert all(one[path].tobytes() == two[path].tobytes() for path in one)


def test_no_draft_is_left_behind(report: dict[str, Any], folder: Path) -> None:
    assert report["sessions"]
    assert list((folder / "killed" / "drafts").iterdir()) == []


def test_a_kill_at_any_step_of_a_write_leaves_all_or_nothing(report: dict[str, Any]) -> None:
    *killed, last = report["writes"]
    assert len(killed) >= 8
    assert all(w["status"] == -signal.SIGKILL for w in killed)
    assert last["status"] == 0
    assert last["whole"]
    for write in killed:
        assert write["whole"] == write["there"]
        assert write["again"]
        assert write["left"] == 0
    assert any(w["there"] for w in killed), "no kill after the rename"
    assert any(w["swept"] for w in killed), "no kill between the first file and the rename"
