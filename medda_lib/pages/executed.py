"""An executed page as the book needs it: its record, its size, and what moved on since.

Several parts of the book ask for the same page; it is read once for each version of the file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

NOT_RECORDED = "before run facts were recorded"


@dataclass(frozen=True)
class Executed:
    """What a frozen notebook says of itself.

    profile: "" where the notebook has no record at all. run: the facts of `record.run_facts`; None
    in a notebook that was frozen before they were kept. bytes: size of the file. reasons: what changed
    since, as `what_moved_on` puts it; empty for a page that is current.
    """

    path: Path
    profile: str
    run: dict[str, Any] | None
    bytes: int
    reasons: tuple[str, ...]

    @property
    def code(self) -> str:
        """The commit that it was executed at, in words."""
        if self.run is None:
            return NOT_RECORDED
        commit = self.run["commit"][:7] or "none"
        return f"{commit} with changes" if self.run["dirty"] and self.run["commit"] else commit

    @property
    def why(self) -> str:
        """What moved on, for a sentence: "the library", "its text, the library and the results"."""
        *most, last = self.reasons or ("",)
        return f"{', '.join(most)} and {last}" if most else last

    @property
    def machine(self) -> str:
        """Processor, cores, and the GPU where one was used."""
        if self.run is None:
            return NOT_RECORDED
        return ", ".join(filter(None, (self.run["machine"], self.run["gpu"])))


def executed(path: Path) -> Executed | None:
    """The executed page in a file; None for a page without code."""
    if path.suffix != ".ipynb":
        return None
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, _version: int) -> Executed:
    from medda_lib.notebooks.record import RECORD, what_moved_on

    notebook = json.loads(path.read_text("utf-8"))
    record = notebook["metadata"].get(RECORD, {})
    source = path.with_suffix(".py")
    return Executed(
        path=path,
        profile=record.get("profile", ""),
        run=record.get("run"),
        bytes=path.stat().st_size,
        reasons=tuple(what_moved_on(notebook, source)) if source.is_file() else (),
    )


def in_words(seconds: float) -> str:
    """A duration with two digits at most: "0.8 s", "48 s", "3 min", "1.5 h"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    if seconds < 99.5 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
