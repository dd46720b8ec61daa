"""The verdict on each claim: the paper's effect, ours with its interval, and what follows.

One row per claim and kind of data. A verdict is a word with a shape in front of it, so that it reads
without colour: supported, contradicted, undecided, same system here, not tested, and reproduced for the
paper's own data at the paper's own settings alone. Headline claims come first, remarks of ours last.

Rows that name their paper and the ledger that judged them get anchors, `claim-fda-C1a` for the claim
and `claim-fda-C1a-demo-phantom` for the verdict of one ledger, and say in `data-judged` what the
verdict rests on. So another page can link to the row, and the build can compare what a page prints
with what the ledger says by then.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from medda_lib.figures.tables import Table, cell, page

SIGNS = {
    "reproduced": ("● reproduced", "p3"),
    "supported": ("▲ supported", "p2"),
    "contradicted": ("▼ contradicted", "n2"),
    "undecided": ("◆ undecided", ""),
    "same system here": ("= same system here", "x"),
    "not tested": ("○ not tested", "x"),
}
COLUMNS = ("id", "text", "where", "reported", "data", "effect", "low", "high", "n", "verdict")
# A link to a verdict should show which one it means.
_TARGET = (
    "<style>.medda-t tr:has(td:target) td,.medda-t td:target"
    "{box-shadow:inset 0 2px #e69f00,inset 0 -2px #e69f00;scroll-margin-top:6em}</style>"
)
_HEADS = (
    "claim",
    "",
    "where",
    "reported",
    "data",
    "measured effect [interval]",
    "pairs",
    "would show",
    "verdict",
)


def _signed(value: object, digits: int) -> str:
    number = float(pd.to_numeric(value)) if value is not None else math.nan
    return "" if math.isnan(number) else f"{number:+.{digits}f}"


SECTIONS = (
    "Headline: what the abstract would keep",
    "Further claims of the paper",
    "Remarks of ours, no claims of the paper: counted apart",
)
"""The parts of a table that knows headlines and remarks, and their headings."""


def verdicts(
    rows: Sequence[Mapping[str, Any]] | pd.DataFrame, caption: str, digits: int = 3
) -> Table:
    """A table of `rows` with the keys of `COLUMNS`; effect, low and high may be missing.

    `reported` and `effect` are differences, `low` and `high` the bounds of the effect's interval, `n`
    the number of paired seeds behind it. With the keys `headline` and `remark` the table has `SECTIONS`,
    with `shows` and `reason` an undecided verdict says what it rules out. With the keys `paper` and
    `ledger` ("demo-phantom"; empty for a study that is not committed) the rows get anchors, which may
    stand once on a page.
    """
    frame = pd.DataFrame(rows)
    if missing := [name for name in COLUMNS if name not in frame.columns]:
        raise ValueError(f"verdicts: the rows lack {missing}")
    if unknown := sorted(set(frame["verdict"]) - set(SIGNS)):
        raise ValueError(f"verdicts: unknown {unknown}, use one of {list(SIGNS)}")
    records = sorted(frame.to_dict("records"), key=_section)
    body, previous, section = [], None, -1
    for row in records:
        if "headline" in frame and section != _section(row):
            section = _section(row)
            body.append(cell(SECTIONS[section], "h s", "th", colspan=len(_HEADS)))
        # A claim's words stand once, above its verdicts for further kinds of data.
        body.append(_row(row, row["id"] != previous, digits))
        previous = row["id"]
    head = ["".join(cell(name, "h" if i < 3 else "", "th") for i, name in enumerate(_HEADS))]
    table = page(head, body, caption, frame[list(COLUMNS)])
    return Table(table.html + _TARGET, table.frame) if "paper" in frame else table


def _section(row: Mapping[Any, Any]) -> int:
    """The part of the table that a row belongs to; the first one where nothing tells."""
    return 2 if row.get("remark") else 0 if row.get("headline", True) else 1


def tally(rows: pd.DataFrame, caption: str, kinds: Mapping[str, str]) -> Table:
    """How many claims of each paper came out how, on each kind of data; remarks are no claims.

    rows: one per claim and kind of data, with paper, title, data, verdict and remark. kinds: kind ->
    what readers call it. Each number says in `data-count` what it counts: the build checks it.
    """
    rows = rows[~rows["remark"].astype(bool)]
    wide = rows.groupby(["paper", "title", "data", "verdict"], sort=False).size()
    wide = wide.unstack(fill_value=0).reindex(columns=list(SIGNS), fill_value=0)
    body = []
    for (paper, title, kind), numbers in wide.iterrows():
        name = f"verdicts.{paper}.{kind}"
        cells = [cell(str(n), **{"data-count": f"{name}.{word}"}) for word, n in numbers.items()]
        body.append(cell(title, "h") + cell(kinds[kind], "h") + "".join(cells))
    signs = [sign for sign, _ in SIGNS.values()]
    words = [("paper", "h"), ("data", "h"), *((sign, "") for sign in signs)]
    head = ["".join(cell(word, kind, "th") for word, kind in words)]
    shown = wide.reset_index().drop(columns="paper").rename(columns={"title": "paper"})
    return page(head, body, caption, shown)


def _row(row: Mapping[Any, Any], first: bool, digits: int) -> str:
    effect = _signed(row["effect"], digits)
    low, high = _signed(row["low"], digits), _signed(row["high"], digits)
    interval = f"{effect} [{low}, {high}]" if effect and low else effect
    sign, kind = SIGNS[row["verdict"]]
    claim = [str(row["id"]), str(row["text"]), str(row["where"]), _signed(row["reported"], digits)]
    kinds = ("h", "t", "h", "")
    words = [cell(c if first else "", k) for c, k in zip(claim, kinds, strict=True)]
    anchors = _anchors(row)
    if first and anchors:
        words[0] = cell(claim[0], kinds[0], id=anchors["claim"])
    pairs = f"{int(row['n'])}" if effect else ""
    words_of = {"title": str(row["reason"])} if row.get("reason") else {}
    judged = {name: text for name, text in anchors.items() if name != "claim"}
    numbers = cell(str(row["data"]), "h") + cell(interval) + cell(pairs)
    shows = _signed(row.get("shows"), digits) if row["verdict"] == "undecided" else ""
    numbers += cell(shows.removeprefix("+"))
    return "".join(words) + numbers + cell(sign, kind, **judged, **words_of)


def _anchors(row: Mapping[Any, Any]) -> dict[str, str]:
    """The anchor of the claim, and what the cell of the verdict carries."""
    if not row.get("paper"):
        return {}
    claim = f"claim-{row['paper']}-{row['id']}"
    if not row.get("ledger"):
        return {"claim": claim}
    judged = f"{row['paper']}/{row['id']}/{row['ledger']}"
    return {"claim": claim, "id": f"{claim}-{row['ledger']}", "data-judged": judged}
