"""The `medda` command: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from medda_lib import _paths
from medda_lib.cli import app
from medda_lib.commands.doctor import Finding
from medda_lib.notebooks import NotebookError
from medda_lib.papers import standing
from medda_lib.papers.catalogue import papers
from medda_lib.studies.claims import load
from medda_lib.studies.ledger import read
from medda_lib.studies.verdict import judge

DONE, FOUND_WRONG, BAD_COMMAND = 0, 1, 2


def medda(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_list_shows_all_seventeen_papers() -> None:
    result = medda("list")
    assert result.exit_code == DONE
    cells = [[c.strip() for c in line.split("│")] for line in result.stdout.splitlines()[2:]]
    keys = [row[0] for row in cells if row[0]]  # a row whose texts are long goes on below
    assert keys == [paper.key for paper in papers()]  # papers with a chapter come first
    shown = {row[0]: row[3] for row in cells}
    assert shown["odex"].startswith("shifting, transformed, real, ")
    assert shown["popar"] == "-"


@pytest.mark.parametrize("module", ["medda_lib", "medda_lib.cli"])
def test_the_command_is_there_without_its_script(module: str) -> None:
    command = [sys.executable, "-m", module, "list"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == medda("list").stdout


def test_list_systems_shows_every_system_of_multimix() -> None:
    result = medda("list", "--systems")
    for system in ("U-Net", "Enc-MM", "UMTL-SSL-S", "MultiMix"):
        assert f"  {system} " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "nosuch"), BAD_COMMAND, "nosuch"),
        (("run", "multimix", "--profile", "huge"), BAD_COMMAND, "unknown profile 'huge'"),
        (("run", "multimix", "--data", "mars"), BAD_COMMAND, "unknown data 'mars'"),
        (("run", "odex", "--data", "phantom"), BAD_COMMAND, "for odex; there are: shifting, "),
        (("claims", "odex", "--data", "phantom"), BAD_COMMAND, "for odex; there are: shifting, "),
        (("fingerprint", "odex", "--data", "phantom"), BAD_COMMAND, "there are: all, shifting, "),
        (("run", "popar"), BAD_COMMAND, "popar has no study yet; papers with one: "),
        (("run", "multimix", "--device", "cuda"), BAD_COMMAND, "use --device cpu"),
        (("run", "multimix", "--device", "toaster"), BAD_COMMAND, "use cpu, cuda or cuda:N"),
        (("run", "multimix", "--executor", "magic"), BAD_COMMAND, "magic"),
        (("run", "multimix", "--executor", "missing.py"), BAD_COMMAND, "missing.py"),
        (("run", "multimix", "--seeds", "-1"), BAD_COMMAND, "--seeds"),
        (("run", "multimix", "--most", "-1"), BAD_COMMAND, "--most"),
        (("fingerprint", "multimix", "--data", "mars"), BAD_COMMAND, "unknown data 'mars'"),
        (("freeze", "nosuch"), BAD_COMMAND, "no notebook source for 'nosuch'"),
        (("freeze", "multimix", "--profile", "huge"), BAD_COMMAND, "unknown profile 'huge'"),
        (("claims", "nosuch"), BAD_COMMAND, "nosuch"),
        (("claims", "multimix", "--profile", "huge"), BAD_COMMAND, "unknown profile 'huge'"),
        (("claims", "multimix", "--data", "mars"), BAD_COMMAND, "unknown data 'mars'"),
        (("data", "card", "nosuch"), BAD_COMMAND, "unknown data set 'nosuch'"),
        (("data", "check", "jsrt", "--root", "/no/such"), FOUND_WRONG, "the folder is missing"),
        (("assignment", "release", "nosuch"), BAD_COMMAND, "nosuch"),
        (("assignment", "validate", "missing.ipynb"), BAD_COMMAND, "missing.ipynb"),
        (("assignment", "grade", "multimix", "/no/such"), BAD_COMMAND, "/no/such"),
    ],
)
def test_errors_name_the_argument_and_set_the_exit_code(
    arguments: tuple[str, ...], code: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    result = medda(*arguments)
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)  # said in words, not by a traceback
    assert message in (result.stderr if code == BAD_COMMAND else result.output)


def test_run_commit_claims_and_a_second_run_finds_everything_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_paths, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(standing, "take", cache(standing.take))  # the code stays the same
    monkeypatch.setattr(standing, "steadied", lambda _paper, _data, now: now)
    store = tmp_path / "runs"
    smoke = ("run", "multimix", "--profile", "smoke", "--seeds", "3")
    arguments = (*smoke, "--store", str(store), "--commit")
    first = medda(*arguments)
    assert first.exit_code == DONE, first.output
    assert "27 of 27 runs, " in first.stdout
    committed = {p.name for p in (tmp_path / "results" / "multimix").rglob("*") if p.is_file()}
    assert committed == {
        *(f"smoke-phantom.{end}" for end in ("csv", "json", "npz")),
        *(f"phantom.{end}" for end in ("csv", "json")),  # the fingerprint
    }

    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in store.rglob("*") if p.is_file()}
    assert before
    second = medda(*arguments)
    assert second.stdout == first.stdout
    assert before == {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in before}
    assert set(before) == {p for p in store.rglob("*") if p.is_file()}

    elsewhere = medda(*smoke, "--store", str(tmp_path / "elsewhere"))
    assert "27 of 27 runs, " in elsewhere.stdout  # the committed ledger counts
    assert not (tmp_path / "elsewhere").exists()
    some = medda(*smoke, "--store", str(tmp_path / "elsewhere"), "--again", "--most", "2")
    assert "2 of 27 runs, " in some.stdout

    judged = medda("claims", "multimix", "--profile", "smoke")
    assert judged.exit_code == DONE, judged.output
    rows = read(tmp_path / "results" / "multimix", "smoke", "phantom")
    assert verdicts(judged) == {c.id: judge(c, rows).verdict for c in load("multimix")}
    assert set(verdicts(judged).values()) > {"not tested"}  # some at 100 labels and 50 masks


def verdicts(result: Result) -> dict[str, str]:
    """Claim -> verdict: first and last column of the printed table, whose texts may wrap."""
    cells = [[c.strip() for c in line.split("│")] for line in result.stdout.splitlines()]
    found, last = dict[str, str](), ""
    for row in cells[2:]:
        last = row[0] or last
        found[last] = f"{found.get(last, '')} {row[-1]}".strip()
    return found


@pytest.mark.parametrize("arguments", [("run", "--dry-run"), ("claims",)])
def test_a_paper_without_phantoms_by_that_name_takes_its_first_data(
    arguments: tuple[str, ...],
) -> None:
    result = medda(arguments[0], "odex", *arguments[1:])
    assert result.exit_code == DONE, result.output
    assert "odex on shifting; --data has also transformed, real, " in result.stderr


def test_a_dry_run_tells_what_is_left_and_runs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("something was run")

    monkeypatch.setattr("medda_lib.studies.run.Study.run", never)
    monkeypatch.setattr(standing, "take", never)
    store = tmp_path / "runs"
    result = medda("run", "odex", "--dry-run", "--store", str(store))
    assert result.exit_code == DONE, result.output
    assert "odex demo shifting: 0 of 36 runs are left\n" in result.stdout
    again = medda("run", "odex", "--dry-run", "--store", str(store), "--again", "--seeds", "1")
    assert "odex demo shifting: 12 of 12 runs are left; " in again.stdout
    assert "one after another, by the seconds and steps of demo-shifting\n" in again.stdout
    assert not store.exists()


def test_claims_without_committed_results_say_how_to_make_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_paths, "RESULTS", tmp_path)
    result = medda("claims", "multimix", "--profile", "paper", "--data", "real")
    assert result.exit_code == FOUND_WRONG
    assert "`medda run multimix --profile paper --data real --commit`" in result.stderr


def test_a_study_without_its_data_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    arguments = ("--profile", "smoke", "--data", "real", "--store", str(tmp_path))
    result = medda("run", "multimix", *arguments)
    assert result.exit_code == BAD_COMMAND
    assert "MEDDA_DATA is not set; export MEDDA_DATA=" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_is_found_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError("no such network")

    monkeypatch.setattr("medda_lib.methods.multimix.systems.MultiTask.fit", broken)
    result = medda("run", "multimix", "--profile", "smoke", "--store", str(tmp_path))
    assert result.exit_code == FOUND_WRONG
    assert "9 of 9 runs failed" in result.stderr
    assert "ArithmeticError: no such network" in result.stderr


def test_fingerprint_says_whether_the_code_still_does_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_paths, "RESULTS", tmp_path)
    before = medda("fingerprint", "aiva", "--data", "clusters")
    assert before.exit_code == FOUND_WRONG
    assert "aiva clusters: no fingerprint is committed" in before.stdout
    assert medda("fingerprint", "aiva", "--data", "clusters", "--accept").exit_code == DONE
    after = medda("fingerprint", "aiva", "--data", "clusters")
    assert (after.exit_code, after.stdout) == (DONE, "aiva clusters: as committed\n")

    monkeypatch.setattr("medda_lib.metrics.surface.PRINTED", 1.5)
    moved = medda("fingerprint", "aiva", "--data", "clusters")
    assert moved.exit_code == FOUND_WRONG
    assert "aiva clusters, every condition: scans surface_dice" in moved.stdout


def test_a_page_that_does_not_run_is_found_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(source: Path, **parameters: str) -> Path:
        raise NotebookError(f"{source.name}: cell 3 failed with {parameters['profile']}")

    monkeypatch.setattr("medda_lib.notebooks.freeze", broken)
    result = medda("freeze", "multimix", "--profile", "smoke")
    assert result.exit_code == FOUND_WRONG
    assert "multimix.py: cell 3 failed with smoke" in result.stderr


def test_data_list_names_every_data_set_without_any_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    result = medda("data", "list")
    assert result.exit_code == DONE
    for name in ("kermany", "jsrt", "montgomery", "nih_chestxray14", "lung_xray_a"):
        assert name in result.stdout


def test_data_where_says_how_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    result = medda("data", "where")
    assert result.exit_code == FOUND_WRONG
    assert "export MEDDA_DATA=" in result.stderr


def test_data_where_prints_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    result = medda("data", "where")
    assert (result.exit_code, result.stdout.strip()) == (DONE, str(tmp_path))


def test_data_check_of_an_empty_folder_fails_and_names_it(tmp_path: Path) -> None:
    result = medda("data", "check", "montgomery", "--root", str(tmp_path))
    assert result.exit_code == FOUND_WRONG
    assert "CXR_png" in result.output


def test_data_card_gives_licence_and_source() -> None:
    result = medda("data", "card", "jsrt")
    assert result.exit_code == DONE
    assert "icence" in result.stdout


def test_doctor_reports_and_never_needs_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    result = medda("doctor")
    assert result.exit_code == DONE, result.output
    for what in ("Python", "torch", "GPU", "real data", "run store"):
        assert what in result.stdout


def test_doctor_fails_when_something_needed_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Finding("torch", ok=False, remark="pip install torch", needed=True)]
    monkeypatch.setattr("medda_lib.commands.doctor.findings", lambda: iter(found))
    result = medda("doctor")
    assert result.exit_code == FOUND_WRONG
    assert "pip install torch" in result.stdout
    assert "make test" in result.stderr


def test_doctor_finds_the_data_that_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lung_xray_a").mkdir()
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    result = medda("doctor")
    assert result.exit_code == DONE
    state = {line.split("│")[0].strip(): line for line in result.stdout.splitlines() if "│" in line}
    assert str(tmp_path) in state["real data"]
    assert " ok " in state["lung_xray_a"]
    assert "missing" in state["montgomery"]
    assert "medda data card montgomery" in state["montgomery"]


def test_the_checkout_is_where_the_command_looks_for_it() -> None:
    assert (_paths.CHECKOUT / "pyproject.toml").is_file()
