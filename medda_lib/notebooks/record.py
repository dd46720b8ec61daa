"""The record that a frozen notebook carries: what it was made from, and where, when and how fast.

Two halves. Three hashes say what the page was made from: its text, the library code behind its imports,
the results it reads; `what_moved_on` compares them with the present. And `run` tells of the execution:
commit, date, seconds, machine, versions. Those differ in every execution, so `sealed` keeps the earlier
ones where all else is equal: freezing unchanged code changes no byte.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from medda_lib import _paths
from medda_lib.notebooks import setup_cell
from medda_lib.studies.closure import code_closure, find_file, imported_names, read_source

RECORD = "medda"  # the key of the record in the notebook's metadata
_MACHINERY = "medda_lib.notebooks"  # makes the notebook, decides nothing that is shown, ...
_SHOWN_BY = "medda_lib.notebooks.source_view"  # ... but for `show`


def what_moved_on(notebook: Mapping[str, Any], source: Path) -> list[str]:
    """What changed since the notebook was frozen: "its text", "the library", "the results"."""
    record = notebook["metadata"].get(RECORD)
    if record is None:
        return ["a record of runs was kept, so anything may have"]
    now = present(source)
    names = {"page": "its text", "library": "the library", "results": "the results"}
    return [name for key, name in names.items() if record.get(key) != now[key]]


def present(source: Path) -> dict[str, str]:
    """Hashes (16 hex digits) of the page's text, of the library behind it, and of its results."""
    text = source.read_text("utf-8")
    closure = _behind(text)
    return {
        "page": _digest([text]),
        "library": _digest(f"{name} {digest}" for name, digest in closure.items()),
        "results": _digest(_result_texts(source.stem, closure)),
    }


def run_facts(source: Path, device: str, seconds: float) -> dict[str, Any]:
    """What is known about an execution that just ended on this machine.

    seconds: its wall time. Returns commit (40 hex digits, "" without a checkout), dirty (whether the
    page, the library or the results differ from that commit), date (UTC), seconds, machine, gpu (None
    on the CPU), python and torch.
    """
    from medda_lib.studies import machine, provenance

    commit = provenance.commit().removesuffix("+changes")
    cores = os.cpu_count() or 1
    return {
        "commit": "" if commit == "unknown" else commit,
        "dirty": _differs(source),
        "date": datetime.now(UTC).date().isoformat(),
        "seconds": round(seconds, 1),
        "machine": f"{machine.cpu()}, {cores} core{'s' if cores > 1 else ''}",
        "gpu": machine.gpu(device),
        "python": platform.python_version(),
        "torch": importlib.metadata.version("torch").partition("+")[0],
    }


def sealed(
    notebook: Mapping[str, Any], facts: Mapping[str, Any], earlier: Mapping[str, Any] | None
) -> Any:
    """The notebook with its record of the run and its setup cell.

    facts: from `run_facts`. earlier: the notebook that this one replaces; where the two differ in
    nothing but the run, the record of the earlier run stays. The setup cell names the public address
    that is asked for (`MEDDA_REPOSITORY`), else the one of the earlier notebook, else the checkout's.
    """
    known: Mapping[str, Any] = earlier["metadata"].get(RECORD, {}) if earlier else {}
    if earlier is not None and "run" in known and bare(notebook) == bare(earlier):
        facts = known["run"]
    repository = setup_cell.repository(known.get("repository", ""))
    result = bare(notebook)
    result["metadata"][RECORD] |= {"run": dict(facts), "repository": repository}
    setup_cell.insert(result["cells"], repository, "" if facts["dirty"] else facts["commit"])
    return result


def bare(notebook: Mapping[str, Any]) -> Any:
    """A copy of a notebook without the run in its record and without its setup cell."""
    copy = json.loads(json.dumps(notebook))
    for key in ("run", "repository"):
        copy["metadata"].get(RECORD, {}).pop(key, None)
    copy["cells"] = [cell for cell in copy["cells"] if not setup_cell.is_one(cell)]
    return copy


def _differs(source: Path) -> bool:
    """Whether the page, the library or the results are not as in the commit of the checkout.

    The frozen notebooks do not count: they are made after the fact, one page after the other.
    """
    if not source.resolve().is_relative_to(_paths.CHECKOUT):
        return True  # the commit does not hold this page
    paths = [str(source.resolve()), "medda_lib", "book/results"]
    command = ["git", "-C", str(_paths.CHECKOUT), "status", "--porcelain", "--", *paths]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return True  # no checkout or no git: nobody can say that it is as committed
    return bool(done.stdout.strip())


def _behind(text: str) -> dict[str, str]:
    """Hash of each module of the library that decides what a page with this text shows."""
    names = {name for name in imported_names(ast.parse(text), "") if name.startswith("medda_lib")}
    machinery = {name for name in names if f"{name}.".startswith(f"{_MACHINERY}.")}
    closure = code_closure(name for name in names - machinery if find_file(name) is not None)
    shown_by = {_SHOWN_BY: read_source(_SHOWN_BY).digest} if machinery else {}
    return dict(sorted({**closure, **shown_by}.items()))


def _result_texts(page: str, closure: Mapping[str, str]) -> Iterator[str]:
    """What a page reads besides code: the paper's own numbers and ours.

    A page named after a paper reads that paper's; any other page that imports the ledger reads all.
    """
    papers = _paths.CHECKOUT / "medda_lib" / "papers"
    roots = [papers, _paths.RESULTS]
    if (papers / page).is_dir():
        roots = [papers / page, _paths.RESULTS / page]
    elif "medda_lib.studies.ledger" not in closure:
        roots = []
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.suffix in {".csv", ".toml", ".json"}:
                yield f"{path.relative_to(_paths.CHECKOUT).as_posix()} {path.read_text('utf-8')}"


def _digest(texts: Iterable[str]) -> str:
    total = hashlib.sha256()
    for text in texts:
        total.update(hashlib.sha256(text.encode()).digest())
    return total.hexdigest()[:16]
