"""Claims written by families: one entry of `claims.toml`, read out over rows and columns of a table.

Most claims say one thing of several cells ("AIVA outperforms {rival} on the target {site}"). So an entry
may have axes, and stands for one claim per combination, lettered in their order (the last axis runs
fastest) or by its `letters`. An axis is a list of records, or the name of one under `[axes]`. The texts
of a record fill the braces of the entry, and so do other texts of the entry; what a record has of a
claim's own fields (`data`, `rule`, `where` ...) holds for its claims. `[every]` has what all entries
share, and `both` what both sides of a comparison select.

What the paper reports for a claim stands in no entry: it is computed of the cells that print the two
sides (`printed`). `{a}` and `{b}` name the rows of these cells in a text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import product
from string import ascii_lowercase
from typing import Any

from medda_lib.studies.printed import Printed, PrintedError, Words, names

CLAIM = (
    *("id", "text", "where", "rule", "margin", "reported", "a", "b", "data"),
    *("interest", "remark"),
)
"""The fields of a claim."""

ENTRY = (*CLAIM, "over", "letters", "both")
TABLE = re.compile(r"Table (\w+)")

Entry = dict[str, Any]


class FamilyError(ValueError):
    """An entry cannot be read out; the message names the entry and what is wrong."""


def read_out(content: Mapping[str, Any], printed: Printed | None = None) -> list[Entry]:
    """Every claim of a file as an entry of its own, by the numbers and letters of their ids.

    content: the parsed file. printed: where the numbers stand; without it none is computed.
    """
    found: list[Entry] = []
    for position, entry in enumerate(content.get("claim", []), 1):
        name = str(entry.get("id", position))
        try:
            found += _members(name, {**content.get("every", {}), **entry}, content, printed)
        except (FamilyError, PrintedError) as error:
            raise FamilyError(f"claim {name}: {error}") from error
    return sorted(found, key=lambda entry: _order(str(entry.get("id", ""))))


def _order(name: str) -> tuple[int, str]:
    number = re.search(r"\d+", name)
    return (int(number.group()) if number else 0, name)


def _members(
    name: str, entry: Entry, content: Mapping[str, Any], printed: Printed | None
) -> Iterator[Entry]:
    axes = [_axis(one, content.get("axes", {})) for one in entry.get("over", [])]
    records = [{k: v for one in chosen for k, v in one.items()} for chosen in product(*axes)]
    letters = entry.get("letters", ascii_lowercase[: len(records)] if len(records) > 1 else "")
    if len(letters or "a") != len(records):
        raise FamilyError(f"{len(records)} combinations, but the letters are {letters!r}")
    shared = {**content.get("every", {}).get("both", {}), **entry.get("both", {})}
    for letter, record in zip(letters or [""], records, strict=True):
        words = _words(entry, record)
        claim = {k: v for k, v in {**entry, **record}.items() if k in CLAIM}
        named = {"id": f"{name}{letter}"} if isinstance(entry.get("id"), str) else {}
        yield _claim({**claim, **named}, shared, words, printed)


def _axis(axis: object, known: Mapping[str, Any]) -> list[Entry]:
    """The records of an axis; one of texts alone has a record for each, under the axis' name."""
    rows = known.get(axis) if isinstance(axis, str) else axis
    if not isinstance(rows, list):
        raise FamilyError(f"over: no axis {axis!r}; there are: {', '.join(known)}")
    return [row if isinstance(row, dict) else {str(axis): row} for row in rows]


def _words(entry: Entry, record: Entry) -> Words:
    """What fills braces. An entry's own words have to occur in it, or they are misspelt fields."""
    own = {k: v for k, v in entry.items() if k not in ENTRY}
    written = f"{entry} {record}"
    for name, value in {**own, **{k: v for k, v in record.items() if k not in ENTRY}}.items():
        if not isinstance(value, str) or (name in own and f"{{{name}}}" not in written):
            raise FamilyError(f"unknown field {name}")
    return {k: v for k, v in {**own, **record}.items() if k not in ENTRY}


def _claim(claim: Entry, shared: Mapping[str, str], words: Words, printed: Printed | None) -> Entry:
    """One claim with its braces filled, both sides whole, and what the paper reports."""
    rows: dict[str, str] = {}
    for side in (one for one in ("a", "b") if isinstance(claim.get(one), dict)):
        rest = {k: v for k, v in shared.items() if k not in claim[side]}
        claim[side] = {k: _filled(v, words) for k, v in {**claim[side], **rest}.items()}
        rows[side] = printed.row(claim[side], words) if printed else ""
    for field in (one for one in ("text", "where") if one in claim):
        claim[field] = _filled(claim[field], {**words, **rows})
    if printed and "reported" not in claim:
        claim["reported"] = _reported(claim, words, printed)
    return claim


def _filled(text: Any, words: Words) -> Any:
    """A text with its braces filled; anything else as it is, for whoever checks the claim."""
    if not isinstance(text, str):
        return text
    if unknown := sorted(names(text) - set(words)):
        raise FamilyError(f"{text!r}: nothing fills {{{unknown[0]}}}")
    return text.format(**words)


def _reported(claim: Entry, words: Words, printed: Printed) -> float:
    """The effect as the claim's table prints it, a - b or a - margin; NaN for a figure."""
    table = TABLE.match(str(claim.get("where")))
    if table is None:
        return math.nan
    a = printed.number(claim["a"], words, table[1])
    if "b" in claim:
        return float(a - printed.number(claim["b"], words, table[1]))
    return float(a - type(a)(str(claim.get("margin", 0.0))))
