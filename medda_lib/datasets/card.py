"""What is written down about a data set, and what a check of a folder found.

A `Card` says what the files are, where they come from, under which licence, in which layout, how
many there should be and how they can be split; the loaders compare a folder with it. A
`CheckReport` is the result: numbers found, problems (something is missing or broken) and warnings
(true of the published data too, but worth knowing). `DatasetError` is the one error of this room;
its message names the file and what to do about it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

WIDTH = 88
SHOWN = 20


class DatasetError(ValueError):
    """A data set is missing, broken or asked for something it does not have."""


@dataclass(frozen=True)
class Card:
    """One data set, described.

    counts: numbers of the published set by name ("images", "normal", "train", "masks" ...).
    splits: split scheme -> what it is; the same names that `load(scheme=...)` takes.
    label_rule: what a lung mask covers, "lungs" (heart left out), "lungs_and_heart", or "" when
        there are no masks.
    folders: names under which its folder is looked for below `MEDDA_DATA`; two of them are one too many.
    """

    name: str
    title: str
    input: str
    label: str
    metadata: str
    website: str
    publication: str
    licence: str
    how_to_get: str
    layout: str
    counts: Mapping[str, int]
    splits: Mapping[str, str]
    caveats: tuple[str, ...]
    folders: tuple[str, ...]
    label_rule: str = ""

    def text(self) -> str:
        """The card as plain text, for a terminal."""
        rule = {"lungs": "lung fields without the heart", "lungs_and_heart": "lungs and heart"}
        lines = [self.title, "=" * len(self.title)]
        for title, value in (
            ("name", self.name),
            ("input", self.input),
            ("label", self.label),
            ("masks", rule.get(self.label_rule, "none")),
            ("metadata", self.metadata),
            ("website", self.website),
            ("publication", self.publication),
            ("licence", self.licence),
            ("how to get", self.how_to_get),
        ):
            lines += _entry(title, value)
        lines += ["layout", textwrap.indent(self.layout.strip("\n"), "  ")]
        lines += _entry("counts", ", ".join(f"{n:,} {what}" for what, n in self.counts.items()))
        lines += ["splits"]
        for scheme, meaning in self.splits.items():
            lines += _wrapped(f"{scheme}: {meaning}", "  ", "    ")
        lines += ["caveats"] if self.caveats else []
        for caveat in self.caveats:
            lines += _wrapped(caveat, "  - ", "    ")
        return "\n".join(lines)


@dataclass(frozen=True)
class CheckReport:
    """What `check` found below `root`."""

    dataset: str
    root: Path
    found: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when nothing is missing or broken."""
        return not self.problems

    def text(self) -> str:
        """The report as plain text; at most 20 problems are written out, the rest are counted."""
        verdict = "complete" if self.ok else f"{len(self.problems)} problem(s)"
        found = ", ".join(f"{n:,} {what}" for what, n in self.found.items()) or "nothing"
        lines = [f"{self.dataset}: {verdict}", f"  folder: {self.root}", f"  found: {found}"]
        for kind, messages in (("problem", self.problems), ("warning", self.warnings)):
            lines += [f"  {kind}: {message}" for message in messages[:SHOWN]]
            if len(messages) > SHOWN:
                lines.append(f"  ... and {len(messages) - SHOWN} more {kind}s")
        return "\n".join(lines)


def _entry(title: str, value: str) -> list[str]:
    return _wrapped(f"{title}: {value}", "", "  ")


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
