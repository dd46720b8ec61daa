"""Claims of a paper: falsifiable sentences, each tied to one or two cells of its tables.

A claim compares two table cells, or one cell with a threshold; `verdict` judges it on our rows. One to
three claims of a paper are its headline, what the abstract would keep; `headline` at the top of the file
lists them. A sentence of ours against the paper is no claim of the paper's but a `remark`: it is judged
in the same way and never counted with them. `interest` is the smallest effect that would matter, stated
before a study is run, so that "undecided" can say whether such an effect would have been seen.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeGuard

from medda_lib.studies.families import CLAIM, FamilyError, read_out
from medda_lib.studies.printed import Printed, Spelling
from medda_lib.studies.reported import PAPERS, reported

TWO_SIDED = ("greater", "less", "equivalent")
THRESHOLD = ("above", "below")
FIELDS = set(CLAIM)
MOST_HEADLINES = 3


class ClaimError(ValueError):
    """A claim is malformed; the message names the file and the claim."""


@dataclass(frozen=True)
class Claim:
    """One falsifiable sentence. `a` and `b` select rows by column; `reported` is a - b in the paper.

    rule: greater (a - b > margin), less (a - b < -margin), equivalent (|a - b| <= margin), above
    (a > margin), below (a < margin).
    data: the kinds of data that the sentence speaks about; all of them when empty.
    interest: the smallest effect that would matter; 0 where none was stated. remark, headline: see the
    module.
    """

    id: str
    text: str
    where: str
    rule: str
    margin: float
    reported: float
    a: Mapping[str, str]
    b: Mapping[str, str] | None
    data: tuple[str, ...] = ()
    interest: float = 0.0
    remark: bool = False
    headline: bool = False

    def about(self, data: str) -> bool:
        """Whether rows of this kind of data can say anything about the claim."""
        return not self.data or data in self.data


def load(paper: str, papers: Path = PAPERS) -> list[Claim]:
    """The claims in ``papers/<paper>/claims.toml``, families read out (see `families`).

    Raises `FileNotFoundError` when there is no such file and `ClaimError` naming file and claim.
    """
    file = papers / paper / "claims.toml"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ClaimError(f"{file}: {error}") from error
    try:
        entries = read_out(content, _printed(content, paper, papers))
    except FamilyError as error:
        raise ClaimError(f"{file}, {error}") from error
    claims = [
        _claim(entry, f"{file}, claim {entry.get('id', i + 1)}") for i, entry in enumerate(entries)
    ]
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise ClaimError(f"{file}, claim {claim.id}: this id occurs twice")
        seen.add(claim.id)
    return _with_headlines(claims, content.get("headline", []), str(file))


def _with_headlines(claims: list[Claim], names: object, file: str) -> list[Claim]:
    """The claims, those that `headline` lists marked; it may list up to three claims of the paper's."""
    mine = {claim.id for claim in claims if not claim.remark}
    if not isinstance(names, list) or not set(map(str, names)) <= mine:
        raise ClaimError(
            f"{file}: headline must list ids of claims that are no remarks, got {names}"
        )
    if len(names) > MOST_HEADLINES:
        raise ClaimError(f"{file}: headline lists {len(names)} claims, {MOST_HEADLINES} at most")
    return [replace(claim, headline=claim.id in names) for claim in claims]


def _printed(content: Mapping[str, Any], paper: str, papers: Path) -> Printed | None:
    """The paper's tables with the file's `[[cell]]` entries; None for a file that has none."""
    spellings = [Spelling(**entry) for entry in content.get("cell", [])]
    return Printed.of(reported(paper, papers=papers), spellings) if spellings else None


def _claim(entry: Mapping[str, Any], where: str) -> Claim:
    """Check one entry of the file and make it a `Claim`."""
    if unknown := sorted(set(entry) - FIELDS):
        raise ClaimError(f"{where}: unknown field {', '.join(unknown)}")
    for name in ("id", "text", "where", "rule"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            raise ClaimError(f"{where}: {name} must be a text")
    _check_rule(entry["rule"], entry.get("margin", 0.0), where)
    _check_numbers(entry, where)
    if (entry["rule"] in THRESHOLD) == ("b" in entry):
        takes = "takes no b" if "b" in entry else "needs b"
        raise ClaimError(f"{where}: {entry['rule']} {takes}")
    return Claim(
        id=entry["id"],
        text=entry["text"],
        where=entry["where"],
        rule=entry["rule"],
        margin=float(entry.get("margin", 0.0)),
        reported=float(entry.get("reported", math.nan)),
        a=_selection(entry.get("a"), f"{where}: a"),
        b=_selection(entry["b"], f"{where}: b") if "b" in entry else None,
        data=_kinds(entry.get("data", []), where),
        interest=float(entry.get("interest", 0.0)),
        remark=entry.get("remark", False),
    )


def _check_rule(rule: str, margin: object, where: str) -> None:
    if rule not in (*TWO_SIDED, *THRESHOLD):
        raise ClaimError(
            f"{where}: unknown rule {rule!r}, use {', '.join((*TWO_SIDED, *THRESHOLD))}"
        )
    if not _is_number(margin) or not math.isfinite(margin):
        raise ClaimError(f"{where}: margin must be a number")
    if rule == "equivalent" and margin <= 0:
        raise ClaimError(f"{where}: equivalent needs a margin above 0")
    if rule in ("greater", "less") and margin < 0:
        raise ClaimError(f"{where}: margin must not be negative")


def _check_numbers(entry: Mapping[str, Any], where: str) -> None:
    interest = entry.get("interest", 0.0)
    if not _is_number(entry.get("reported", math.nan)):
        raise ClaimError(f"{where}: reported must be a number, or nan where none is printed")
    if not _is_number(interest) or not 0 <= interest < math.inf:
        raise ClaimError(f"{where}: interest must be a number of at least 0")
    if not isinstance(entry.get("remark", False), bool):
        raise ClaimError(f"{where}: remark must be true or false")


def _kinds(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(kind, str) and kind for kind in value):
        raise ClaimError(f'{where}: data must be a list of kinds of data, such as ["phantom"]')
    return tuple(value)


def _selection(value: object, where: str) -> Mapping[str, str]:
    if not isinstance(value, dict) or "metric" not in value:
        raise ClaimError(f'{where} must be a table with a metric, such as {{metric = "dice"}}')
    for name, text in value.items():
        if not isinstance(text, str):
            raise ClaimError(f"{where}.{name} must be a text in quotes, got {text!r}")
    return value


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
