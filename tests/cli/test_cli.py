"""The `medda` command: what it prints, and the exit codes that scripts rely on."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from medda_lib import _paths
from medda_lib.cli import app

DONE, FOUND_WRONG, BAD_COMMAND = 0, 1, 2


def medda(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_list_shows_all_seventeen_papers() -> None:
    result = medda("list")
    assert result.exit_code == DONE
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    assert len(lines) == 1 + 1 + 17  # header, rule, papers
    assert any(line.startswith("multimix") for line in lines)


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
        (("run", "multimix", "--device", "cuda"), BAD_COMMAND, "use --device cpu"),
        (("run", "multimix", "--executor", "magic"), BAD_COMMAND, "magic"),
        (("run", "multimix", "--seeds", "-1"), BAD_COMMAND, "-1"),
        (("freeze", "nosuch"), BAD_COMMAND, "no notebook source for 'nosuch'"),
        (("claims", "nosuch"), BAD_COMMAND, "nosuch"),
        (("claims", "multimix", "--profile", "never"), FOUND_WRONG, "medda run multimix"),
        (("data", "card", "nosuch"), BAD_COMMAND, "unknown data set 'nosuch'"),
        (("assignment", "release", "nosuch"), BAD_COMMAND, "nosuch"),
        (("assignment", "validate", "missing.ipynb"), BAD_COMMAND, "missing.ipynb"),
    ],
)
def test_errors_name_the_argument_and_set_the_exit_code(
    arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = medda(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_run_measures_and_a_second_run_finds_everything_done(tmp_path: Path) -> None:
    arguments = ("run", "multimix", "--profile", "smoke", "--data", "shift", "--store")
    first = medda(*arguments, str(tmp_path))
    assert first.exit_code == DONE, first.output
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    second = medda(*arguments, str(tmp_path))
    assert second.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}


def test_claims_prints_a_verdict_for_every_claim() -> None:
    result = medda("claims", "multimix")
    assert result.exit_code == DONE, result.output
    words = ("supported", "contradicted", "inconclusive", "not tested")
    rows = [line for line in result.stdout.splitlines() if line.startswith("C")]
    assert len(rows) >= 11
    assert any(word in result.stdout for word in words)


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


def test_the_checkout_is_where_the_command_looks_for_it() -> None:
    assert (_paths.CHECKOUT / "pyproject.toml").is_file()
