"""What a folder holds is told by names, sizes and hashes, and told again when anything changes."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from medda_lib.datasets import content as module
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.content import content, only, opened, settled

LONG_AGO = time.time() - 3600


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDDA_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "masks").mkdir(parents=True)
    for name, text in (("a.png", "first"), ("b.png", "second"), ("masks/a.png", "mask")):
        (folder / name).write_text(text)
    return folder


def grown(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file counts as old, so that hashes are kept; the files that are hashed from now on."""
    monkeypatch.setattr(module, "GRAIN", -3600.0)
    hashed: list[Path] = []
    work = module._hashed

    def noted(path: Path) -> str:
        hashed.append(path)
        return work(path)

    monkeypatch.setattr(module, "_hashed", noted)
    return hashed


def test_content_counts_files_and_bytes(root: Path) -> None:
    found = content(root)
    assert (found.files, found.bytes) == (3, len("first") + len("second") + len("mask"))
    assert content(root) == found


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a.png").write_text("fresh"),  # the same length
        lambda root: (root / "c.png").write_text(""),
        lambda root: (root / "a.png").rename(root / "z.png"),
        lambda root: (root / "masks" / "a.png").unlink(),
        lambda root: (root / "b.png").rename(root / "masks" / "b.png"),
    ],
)
def test_every_change_shows(
    root: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(monkeypatch)
    before = content(root)
    change(root)
    assert content(root).digest != before.digest


def test_a_change_that_keeps_size_and_time_shows(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(monkeypatch)
    before = content(root)
    then = (root / "a.png").stat()
    (root / "a.png").write_text("fresh")
    os.utime(root / "a.png", ns=(then.st_atime_ns, then.st_mtime_ns))
    assert content(root).digest != before.digest


def test_hidden_files_and_litter_do_not_count(root: Path) -> None:
    before = content(root)
    (root / ".DS_Store").write_text("x")
    (root / "Thumbs.db").write_text("x")
    (root / ".cache").mkdir()
    (root / ".cache" / "y.png").write_text("y")
    assert content(root) == before


def test_where_the_folder_lies_does_not_count(root: Path) -> None:
    before = content(root)
    assert content(root.rename(root.with_name("moved"))) == before


def test_known_files_are_not_hashed_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = grown(monkeypatch)
    before = content(root)
    assert len(hashed) == 3
    assert content(root) == before
    assert len(hashed) == 3
    (root / "b.png").write_text("other!")
    content(root)
    assert hashed[3:] == [root / "b.png"]


def test_young_files_are_hashed_again(root: Path, runs: Path) -> None:
    content(root)
    (note,) = (runs / "content").glob("*.json")
    assert json.loads(note.read_text()) == {}


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"a.png": ["1", "2"]}'])
def test_a_damaged_note_costs_time_only(
    root: Path, runs: Path, damage: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown(monkeypatch)
    before = content(root)
    (note,) = (runs / "content").glob("*.json")
    note.write_bytes(damage)
    assert content(root) == before


def test_a_store_that_cannot_be_written_costs_time_only(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(root)
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MEDDA_RUNS", str(tmp_path / "file"))
    assert content(root) == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere: cannot be read"):
        content(tmp_path / "nowhere")


def test_within_settled_a_folder_is_looked_at_once(root: Path) -> None:
    with settled():
        before = content(root)
        (root / "c.png").write_text("new")
        assert content(root) == before
    assert content(root) != before


def test_only_names_what_was_opened_besides() -> None:
    with only(["a"], "the task"):
        opened("a")
    block = only(["a"], "the task")
    block.__enter__()
    opened("a")
    opened("b")
    with pytest.raises(DatasetError, match="the task: reads b, but its `reads` does not say so"):
        block.__exit__(None, None, None)
    opened("outside of any block")
