"""Hostile submissions get their score or zero and harm nothing; an honest one keeps its marks.

Each case is a notebook that goes the whole way, from the file to the marks. Exercise `one` holds the
attack, exercise `two` a right answer, which must earn its points whatever `one` does.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from medda_lib import assignments
from medda_lib.assignments import Limits, Points, SandboxError, protection
from tests.assignments import tiny
from tests.assignments.hostile import ATTACKS, SETTING

pytestmark = pytest.mark.slow
SECONDS = 15.0  # for a cell, on a slow machine too; each endless loop costs that much
LIMITS = Limits(cell_seconds=SECONDS, submission_seconds=900, memory_mb=1024, scratch_mb=128)


@pytest.fixture(scope="module", autouse=True)
def protected() -> None:
    """Skip where the host cannot protect itself; it says so to lecturers, too."""
    lacking = [each.what for each in assignments.protections() if not each.holds]
    if lacking:
        pytest.skip(f"this host lacks: {', '.join(lacking)}")


@dataclass
class Battle:
    """What came of all attacks."""

    rows: dict[str, Points]
    folder: Path
    before: dict[Path, bytes]
    heard: bool  # whether anybody reached our server


@pytest.fixture(scope="module")
def battle(protected: None, tmp_path_factory: pytest.TempPathFactory) -> Battle:
    """Grade an honest submission and all hostile ones, once."""
    folder = tmp_path_factory.mktemp("battle")
    folder.chmod(0o777)
    release = tiny.released(folder)
    (folder / "marker").write_text("still here")
    (folder / "grades.csv").write_text("nobody's business")
    submissions = folder / "submissions"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(str(folder / "socket"))
        local.listen()
        setting = SETTING.format(folder=str(folder), port=server.getsockname()[1])
        tiny.submit(release, submissions / "honest.ipynb", tiny.RIGHT)
        for name, attack in ATTACKS.items():
            answer = setting + attack
            tiny.submit(
                release, submissions / f"{name}.ipynb", {"one": answer, "two": tiny.RIGHT["two"]}
            )
        before = _files(folder)
        masters, table = folder / "masters", folder / "out" / "grades.csv"
        grades = assignments.grade("tiny", submissions, table, masters, limits=LIMITS, workers=2)
        after = {path: content for path, content in _files(folder).items() if path != table}
        assert after == before
        server.setblocking(False)
        try:
            server.accept()
            heard = True
        except BlockingIOError:
            heard = False
    return Battle({row.student: row for row in grades.rows}, folder, before, heard)


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_honest_work_keeps_its_marks(battle: Battle) -> None:
    assert battle.rows["honest"].points == {"one": 2, "two": 2}
    assert battle.rows["honest"].said == {}


@pytest.mark.parametrize("name", list(ATTACKS))
def test_attack_earns_nothing_and_costs_only_its_exercise(battle: Battle, name: str) -> None:
    assert battle.rows[name].points == {"one": 0, "two": 2}
    assert battle.rows[name].said["one"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("endless loop", f"took longer than {SECONDS:g} s"),
        ("memory bomb", "RuntimeError"),
        ("exits", "RuntimeError: SystemExit"),
        ("exits at once", "Python ended"),
        ("prints marks", "twice one is two, not [1.0, 1.0]"),
        ("patches the checker", "twice one is two, not [1.0, 1.0]"),
        ("returns itself", "contain themselves"),
    ],
)
def test_student_is_told_what_happened(battle: Battle, name: str, words: str) -> None:
    assert words in battle.rows[name].said["one"]


def test_memory_of_all_processes_counts(battle: Battle) -> None:
    said = battle.rows["memory bomb of many"].said["one"]
    assert said in (
        "it used more than 1024 MB of memory",
        f"it took longer than {SECONDS:g} s: does a loop never end?",  # on a busy machine
    )


def test_hidden_inputs_do_not_come_back(battle: Battle) -> None:
    said = battle.rows["tells what it was asked"].said["one"]
    assert (
        said
        == "passes the checks that you have; a further one failed; look again at: numbers below zero"
    )
    for row in battle.rows.values():
        assert "3.25" not in str(row)
        assert tiny.SECRET not in str(row)


def test_nobody_left_the_sandbox(battle: Battle) -> None:
    assert not battle.heard
    assert battle.before[battle.folder / "marker"] == b"still here"
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes())
        except OSError:
            continue  # it ended meanwhile
    assert commands
    assert not any(b"54321" in command for command in commands)


def test_grading_is_refused_where_it_is_not_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = tiny.released(tmp_path)
    tiny.submit(release, tmp_path / "submissions" / "ann.ipynb", tiny.RIGHT)
    weak = protection.Protection("no network", False, "a submission may send hidden inputs away")
    monkeypatch.setattr(protection, "tried", lambda _: (weak,))
    where = tmp_path / "submissions", tmp_path / "grades.csv", tmp_path / "masters"
    with pytest.raises(
        SandboxError, match=r"(?s)no network: no \(a submission may send .*--unprotected"
    ):
        assignments.grade("tiny", *where)
    assert not (tmp_path / "grades.csv").exists()
    grades = assignments.grade("tiny", *where, unprotected=True)
    assert grades.rows[0].total == 4
