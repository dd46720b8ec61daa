"""A paper with a chapter lacks nothing, and each thing that is taken away is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from medda_lib import _paths
from medda_lib.papers.catalogue import papers
from medda_lib.papers.gaps import FILES, gaps

FINISHED = [paper.key for paper in papers() if paper.chapter]
BOOK = ("references.bib", "glossary.md", "results/odex")


@pytest.mark.parametrize("key", FINISHED)
def test_a_paper_with_a_chapter_lacks_nothing(key: str) -> None:
    assert gaps(key) == []


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is asked about ODEx, to be broken."""
    top, key = tmp_path_factory.mktemp("checkout"), "odex"
    names = [name.format(key) for name in FILES]
    names += [f"book/{name}" for name in BOOK]
    for name in (*names, "_toc.yml", "medda_lib/papers/odex", "tests/methods"):
        here, there = _paths.CHECKOUT / name, top / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            skip = shutil.ignore_patterns("__pycache__", "*.npz")
            shutil.copytree(here, there, ignore=skip, dirs_exist_ok=True)
        else:
            shutil.copy(here, there)
    assert gaps(key, top) == []
    return top


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_told(checkout: Path, name: str) -> None:
    file = checkout / name.format("odex")
    kept = file.read_bytes()
    file.unlink()
    told = gaps("odex", checkout)
    file.write_bytes(kept)
    assert any(text.startswith(name.format("odex")) for text in told)


@pytest.mark.parametrize(
    ("name", "old", "new", "text"),
    [
        ("_toc.yml", "book/teaching/odex", "book/teaching/x", "_toc.yml: book/teaching/odex is"),
        ("book/references.bib", "lopezpaz2017gem", "x", "references.bib: lopezpaz2017gem is"),
        ("book/glossary.md", "PLOP", "x", "glossary.md: PLOP has no entry"),
        ("tests/methods/test_odex.py", "methods.odex", "methods.x", "nothing tests medda_lib.me"),
        ("medda_lib/papers/odex/notes.toml", "[[pitfall]]", "[[x]]", "no pitfall is told"),
        ("medda_lib/papers/odex/claims.toml", "[[claim]]", "[[x]]", "no claim is told"),
        ("medda_lib/papers/odex/claims.toml", "headline =", "words =", "named as a headline"),
        ("medda_lib/papers/odex/claims.toml", "interest = 0.02", "", "which effect would matter"),
        ("medda_lib/papers/odex/reported/table2.csv", "2,ODEx,", "3,ODEx,", "table 3 has no"),
        ("medda_lib/papers/odex/reported/table2.csv", ",.87,", ",.78,", "its digest is"),
        ("medda_lib/papers/odex/study.py", "PAPER =", "\n" * 99 + "PAPER =", "150 at most"),
        ("medda_lib/papers/odex/pictures.py", "", "", ""),
    ],
)
def test_what_is_left_out_is_told(checkout: Path, name: str, old: str, new: str, text: str) -> None:
    files = [checkout / name]
    if name.startswith("tests/methods"):
        files = sorted(checkout.glob("tests/methods/test_*.py"))
    kept = [file.read_text("utf-8") for file in files]
    for file, was in zip(files, kept, strict=True):
        file.write_text(was.replace(old, new) if old else was, "utf-8")
    told = gaps("odex", checkout)
    for file, was in zip(files, kept, strict=True):
        file.write_text(was, "utf-8")
    assert any(text in one for one in told) == bool(text), told


def test_a_draft_lacks_what_a_chapter_has() -> None:
    told = gaps("popar")
    assert "reported/: no table is transcribed" in told
    assert any(text.startswith("study.py: popar has no study yet") for text in told)
    assert len(told) > len(FILES)
