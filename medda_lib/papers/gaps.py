"""What a chapter still lacks before it is finished: the list of CONTRIBUTING, as sentences.

`medda new gaps PAPER` prints it for a draft, and a test demands that a paper with a chapter has none.
Whether what is there is right, the suites over all papers ask.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medda_lib import _paths
from medda_lib.papers import catalogue
from medda_lib.papers.catalogue import CatalogueError, Paper, study_module
from medda_lib.papers.settings import settings_of
from medda_lib.papers.standing import fingerprint_file, system_of
from medda_lib.studies.identity import own_fields, parts
from medda_lib.studies.reported import reported
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.transcription import doubts

LINES = {"study.py": 150, "test": 60}
MODULES = {"__init__.py", "study.py", "pictures.py"}
FILES = {
    "book/chapters/{}.py": "the page",
    "book/chapters/{}.ipynb": "the executed page: medda freeze {}",
    "book/assignments/{}.py": "the assignment",
    "book/teaching/{}.md": "the page for lecturers",
    "tests/papers/test_{}.py": "a test of what is peculiar to it",
    "tests/assignments/test_{}.py": "the test of the assignment",
    "medda_lib/papers/{}/notes.toml": "deviations and pitfalls",
    "medda_lib/papers/{}/claims.toml": "claims",
}


def gaps(key: str, checkout: Path = _paths.CHECKOUT) -> list[str]:
    """Everything that is missing, a sentence each; empty for a finished chapter."""
    paper = catalogue.paper(key)
    folder = checkout / "medda_lib/papers" / key
    found = [f"{name.format(key)} is missing: {what.format(key)}" for name, what in FILES.items()
             if not (checkout / name.format(key)).is_file()]  # fmt: skip
    found += [*_tables(paper, folder), *_entries(folder), *_sizes(paper, folder, checkout)]
    found += _book(paper, checkout)
    try:
        specs = [
            s for d in study_module(key).DATA for s in study_module(key).study("smoke", d).specs
        ]
    except CatalogueError as error:
        return [*found, f"study.py: {error}"]
    return [*found, *_systems(paper, specs), *_methods(specs, checkout), *_results(paper, checkout)]


def _tables(paper: Paper, folder: Path) -> Iterator[str]:
    """Every reported table is transcribed and declared."""
    files = sorted((folder / "reported").glob("*.csv"))
    cells = reported(paper.key, papers=folder.parent) if files else None
    names = set() if cells is None else set(cells["table"])
    if not names:
        yield "reported/: no table is transcribed"
    declared = {one.table for one in paper.transcribed}
    for name in sorted(names - declared):
        yield f"paper.toml: table {name} has no [[transcribed]]"
    for name in sorted(({one.name for one in paper.tables} | declared) - names):
        yield f"reported/: table {name} is declared and not transcribed"
    for one in (one for one in paper.transcribed if cells is not None and one.table in names):
        yield from (f"reported/: {text}" for text in doubts(one, cells))


def _entries(folder: Path) -> Iterator[str]:
    """Claims, what the abstract would keep of them and what would matter, deviations, pitfalls."""
    claims = _toml(folder / "claims.toml")
    if claims.get("claim"):
        if not claims.get("headline"):
            yield "claims.toml: no claim is named as a headline"
        if not all("interest" in {**claims.get("every", {}), **one} for one in claims["claim"]):
            yield "claims.toml: a claim does not say which effect would matter (interest)"
    for file, names in (("claims.toml", ("claim",)), ("notes.toml", ("deviation", "pitfall"))):
        content = _toml(folder / file)
        yield from (f"{file}: no {name} is told" for name in names if not content.get(name))


def _sizes(paper: Paper, folder: Path, checkout: Path) -> Iterator[str]:
    sized = {
        "study.py": folder / "study.py",
        "test": checkout / f"tests/papers/test_{paper.key}.py",
    }
    for what, file in sized.items():
        if file.is_file() and (count := len(file.read_text("utf-8").splitlines())) > LINES[what]:
            yield f"{file.name} has {count} lines, {LINES[what]} at most"
    for extra in sorted({file.name for file in folder.glob("*.py")} - MODULES):
        yield f"{extra}: a paper's own pictures are one module, pictures.py; the rest goes down a room"


def _book(paper: Paper, checkout: Path) -> Iterator[str]:
    """The table of contents, the bibliography, the glossary."""
    book, key = checkout / "book", paper.key
    contents = (checkout / "_toc.yml").read_text("utf-8").split()
    for page in (f"book/chapters/{key}", f"book/teaching/{key}"):
        if page not in contents:
            yield f"_toc.yml: {page} is missing"
    if paper.chapter != f"book/chapters/{key}":
        yield f'paper.toml: chapter = "book/chapters/{key}" is missing'
    works = set(re.findall(r"(?m)^@\w+\{([^,]+),", (book / "references.bib").read_text("utf-8")))
    page = _text(book / f"chapters/{key}.py")
    cited = {name for many in re.findall(r"\{cite\}`([^`]+)`", page) for name in many.split(",")}
    for name in sorted({paper.cite, *cited} - works):
        yield f"references.bib: {name} is missing"
    words = (book / "glossary.md").read_text("utf-8").lower()
    for system in (one.name for one in paper.systems if one.status == "done"):
        if not re.search(rf"(?m)(^|`|; *){re.escape(system.lower())}(;|`|$)", words):
            yield f"glossary.md: {system} has no entry and is no {{also}}"


def _systems(paper: Paper, specs: list[RunSpec]) -> Iterator[str]:
    """Each system is run, claimed about and has a setting."""
    run = {system_of(spec) for spec in specs}
    for system in paper.systems:
        if (system.name in run) != (system.status == "done"):
            there = "is run" if system.name in run else "is not run"
            yield f"study.py: {system.name!r} {there}, and paper.toml says {system.status!r}"
    try:
        settings_of(paper.key)
    except CatalogueError as error:
        yield f"settings: {error}"


def _methods(specs: list[RunSpec], checkout: Path) -> Iterator[str]:
    """Each method has a test in tests/methods of what its module defines: its equations."""
    tests = [
        ast.parse(file.read_bytes()) for file in (checkout / "tests/methods").glob("test_*.py")
    ]
    tested = {
        node.module
        for tree in tests
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
    }
    # What a method holds is a specification, too: an optimiser, a schedule, a rule.
    held = {type(part).__module__ for spec in specs for part in parts(spec.method, own_fields)}
    for module in sorted(name for name in held if name.startswith("medda_lib.methods.")):
        package = module.rpartition(".")[0]
        near = package if package != "medda_lib.methods" else module
        if not any(f"{name}.".startswith(f"{near}.") for name in tested):
            yield f"tests/methods: nothing tests {module}"


def _results(paper: Paper, checkout: Path) -> Iterator[str]:
    """Committed results with fingerprints; those on the paper's own data may wait, others say so."""
    results = checkout / "book/results"
    for one in (one for one in paper.data if one.kind != "own" and not one.waits):
        command = f"medda run {paper.key} --data {one.name} --commit"
        if not (results / paper.key / f"demo-{one.name}.csv").is_file():
            yield f"book/results: nothing is committed on {one.name}: {command}"
        elif not fingerprint_file(paper.key, one.name, results).is_file():
            yield f"book/results: {one.name} has no fingerprint: {command}"


def _toml(file: Path) -> dict[str, Any]:
    return tomllib.loads(_text(file))


def _text(file: Path) -> str:
    return file.read_text("utf-8") if file.is_file() else ""
