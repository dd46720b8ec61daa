"""The tables of the scoreboard: papers, settings, systems, claims, verdicts and ledgers, as HTML.

Each is a function from what is known today (`papers.counts.standing`) and from the addresses of the
evidence to HTML. Nothing is typed here: a new system, claim or ledger appears by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, Protocol

import pandas as pd

from medda_lib.figures.verdicts import SIGNS
from medda_lib.pages.board import Board, Cell, Facet, Row, link
from medda_lib.papers.catalogue import ROLES, papers
from medda_lib.papers.counts import Standing
from medda_lib.papers.inventory import KIND_NAMES, KINDS, kind_of
from medda_lib.studies.intervals import by_chance
from medda_lib.studies.setting import EVERY_SETTING
from medda_lib.studies.verdict import JUDGED, NOT_TESTED, UNDECIDED, WORDS, signed

SORTS = {"headline": "headline", "claim": "further claim", "remark": "remark of ours"}
STATUSES = {"measured": "● measured", "done": "◐ done, not measured", "not yet": "○ not yet"}


class Addresses(Protocol):
    """Where the evidence is, seen from the scoreboard; "" for what the book does not have."""

    def chapter(self, paper: str, *anchors: str) -> str:
        """The paper's chapter, at the first of the anchors that the page has."""
        ...

    def ledger(self, paper: str, ledger: str, suffix: str = ".csv") -> str:
        """A committed file of a ledger."""
        ...


def slug(text: str) -> str:
    """A text as part of an anchor: lower case, a hyphen for all that is no letter or digit."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def papers_board(known: Standing, where: Addresses) -> str:
    """One row per paper: settings, worlds, and how many systems and claims stand where."""
    rows = []
    for paper in papers():
        key = paper.key
        cells = [
            Cell(link(paper.short, where.chapter(key))),
            Cell(str(paper.year or ""), paper.year or ""),
            Cell(escape(", ".join(paper.settings)), kind="long"),
            Cell(escape(", ".join(paper.worlds)), kind="long"),
            _counted(known, f"systems.{key}", "systems", paper=key),
            _counted(known, f"systems.{key}.done"),
            _counted(known, f"systems.{key}.measured", "systems", paper=key, status="measured"),
            _counted(known, f"claims.{key}", "claims", paper=key),
            _counted(known, f"claims.{key}.tested"),
        ]
        rows.append(Row(f"paper-{key}", cells))
    columns = "paper|year|setting|world|systems|done|measured|claims|tested".split("|")
    caption = "The papers, how many of their systems are done and measured, and their claims."
    return Board("papers", caption, columns, rows).html()


def settings_board(known: Standing, _where: Addresses) -> str:
    """One row per setting: papers, systems, how many are done and measured."""
    rows = []
    for setting in EVERY_SETTING:
        mine = known.systems[known.systems["setting"] == setting.name]
        numbers = (mine["paper"].nunique(), len(mine), (mine["status"] == "done").sum())
        here = _view("systems", setting=setting.name)
        measured = int((mine["measured"] != "").sum())
        cells = [
            Cell(
                f"{link(setting.name, here)}<small>{escape(setting.description)}</small>",
                setting.name,
            ),
            *(Cell(str(n), int(n), "n") for n in (*numbers, measured)),
        ]
        rows.append(Row("", cells))
    columns = ("setting", "papers", "systems", "done", "measured")
    return Board("settings", "Systems of all papers by setting.", columns, rows).html()


def systems_board(known: Standing, where: Addresses) -> str:
    """One row per system of every paper, with the ledgers that hold its numbers."""
    rows = [_system(row, where) for row in known.systems.to_dict("records")]
    facets = (
        _papers(known.systems),
        Facet("setting", _same(s.name for s in EVERY_SETTING)),
        Facet("modality", _same(_parts(known.systems["modality"]))),
        Facet("role", _same(ROLES)),
        Facet("status", STATUSES),
        Facet("data", KIND_NAMES),
    )
    columns = ("system", "paper", "role", "setting", "modality", "status", "measured on")
    caption = "Every system that a paper proposes or compares against."
    return Board("systems", caption, columns, rows, facets, "systems", "systems").html()


def _system(row: Mapping[Any, Any], where: Addresses) -> Row:
    paper = row["paper"]
    ledgers = [name for name in row["measured"].split(", ") if name]
    status = "measured" if ledgers else row["status"]
    results = where.chapter(paper, "results") if ledgers else ""
    cells = [
        Cell(escape(row["system"])),
        Cell(link(row["title"], where.chapter(paper))),
        Cell(row["role"], ROLES.index(row["role"])),
        Cell(row["setting"]),
        Cell(escape(row["modality"])),
        Cell(
            f'<span class="{"p1" if ledgers else "x"}">{link(STATUSES[status], results)}</span>',
            list(STATUSES).index(status),
        ),
        Cell(", ".join(_file(paper, name, where) for name in ledgers), -len(ledgers), "long"),
    ]
    kinds = dict.fromkeys(kind_of(paper, name.partition("-")[2]) for name in ledgers)
    facets = {"paper": [paper], "setting": [row["setting"]], "role": [row["role"]]}
    facets |= {"modality": row["modality"].split(", "), "status": [status], "data": list(kinds)}
    return Row(f"system-{paper}-{slug(row['system'])}", cells, facets)


def claims_board(known: Standing, where: Addresses) -> str:
    """One row per claim: what it says, what the paper reports, and the verdict on each kind of data."""
    # The headlines of all papers first: what a paper is read for stands or falls with them.
    ordered = known.claims.sort_values("headline", ascending=False, kind="stable")
    grouped = ordered.groupby(["paper", "claim"], sort=False)
    rows = [_claim(mine, where, i) for i, (_, mine) in enumerate(grouped)]
    facets = (
        _papers(known.claims),
        Facet("kind", SORTS),
        Facet("setting", _same(_parts(known.claims["setting"]))),
        Facet("modality", _same(_parts(known.claims["modality"]))),
        Facet("verdict", {name: sign for name, (sign, _) in SIGNS.items()}, within="data"),
        Facet("data", KIND_NAMES),
    )
    columns = ("claim", "what it says", "reported", *(KIND_NAMES[kind] for kind in KINDS))
    caption = (
        "Every claim, with the verdict on each kind of data: effect [interval], pairs, ledger."
    )
    return Board("claims", caption, columns, rows, facets, "claims and remarks").html()


def _claim(mine: pd.DataFrame, where: Addresses, place: int) -> Row:
    first, *_ = records = mine.to_dict("records")
    paper, name = first["paper"], first["claim"]
    anchor = f"claim-{paper}-{name}"
    sort = "remark" if first["remark"] else "headline" if first["headline"] else "claim"
    title = f"<small>{escape(first['title'])}</small>"
    if sort != "claim":
        title += f"<small>{SORTS[sort]}</small>"
    words = f"{escape(first['text'])}<small>{escape(first['where'])}</small>"
    cells = [
        Cell(link(name, where.chapter(paper, anchor, "claims")) + title, place),
        Cell(words, first["text"], "long"),
        Cell(signed(first["reported"]), _number(first["reported"]), "n"),
        *(_verdict(row, where, anchor) for row in records),
    ]
    said = {row["data"]: row["verdict"] for row in records}
    tested = {kind: word for kind, word in said.items() if word != NOT_TESTED}
    facets = {"paper": [paper], "kind": [sort], "data": list(tested)}
    facets |= {which: first[which].split(", ") for which in ("setting", "modality")}
    facets["verdict"] = list(dict.fromkeys(tested.values())) or [NOT_TESTED]
    facets |= {f"verdict-{kind}": [word] for kind, word in said.items()}
    return Row(anchor, cells, facets)


def _verdict(row: Mapping[Any, Any], where: Addresses, anchor: str) -> Cell:
    """The verdict on one kind of data: its word leads to the chapter's row, its ledger to the file."""
    sign, kind = SIGNS[row["verdict"]]
    effect, ledger = row["effect"], row["ledger"]
    number = 0.0 if math.isnan(effect) else effect
    sort = WORDS.index(row["verdict"]) * 1e6 - number
    evidence = where.chapter(row["paper"], f"{anchor}-{ledger}", anchor, "claims") if ledger else ""
    html = f'<span class="{kind}">{link(sign, evidence)}</span>'
    if row["verdict"] == NOT_TESTED:
        return Cell(f"{html}<small>{escape(row['reason'])}</small>", sort, "verdict")
    numbers = f"{signed(effect)} [{signed(row['low'])}, {signed(row['high'])}]"
    interval = f'<em class="effect">{numbers}</em>'
    if row["verdict"] == UNDECIDED:
        interval += f"<small>{escape(row['reason'])}</small>"
    file = _file(row["paper"], ledger, where)
    return Cell(f"{html} {interval}<small>{row['seeds']} pairs, {file}</small>", sort, "verdict")


def headlines_board(known: Standing, where: Addresses) -> str:
    """One row per headline claim, with the verdict on each kind of data."""
    grouped = known.claims[known.claims["headline"]].groupby(["paper", "claim"], sort=False)
    rows = []
    for (paper, name), mine in grouped:
        first, *_ = records = mine.to_dict("records")
        anchor = f"claim-{paper}-{name}"
        words = [
            Cell(link(first["title"], where.chapter(paper, anchor, "claims"))),
            Cell(escape(first["text"]), kind="long"),
        ]
        cells = [*words, *(_verdict(row, where, anchor) for row in records)]
        rows.append(Row(f"headline-{paper}-{name}", cells))
    columns = ("paper", "headline claim", *(KIND_NAMES[kind] for kind in KINDS))
    caption = "What each abstract would keep, and what our rows say of it."
    return Board("headlines", caption, columns, rows).html()


def verdicts_board(known: Standing, _where: Addresses) -> str:
    """How many claims came out how on each kind of data, as numbers and as a bar.

    Beside them, how many verdicts would be decided by chance alone if nothing differed from anything.
    """
    rows = []
    for kind in KINDS:
        numbers = {word: known.counts[f"verdicts.{kind}.{word}"] for word in WORDS}
        counted = (
            _counted(known, f"verdicts.{kind}.{word}", "claims", data=kind, verdict=word)
            for word in WORDS
        )
        borne_out = numbers["reproduced"] + numbers["supported"]
        bar = Cell(_bar(numbers), borne_out / max(sum(numbers.values()), 1), "bar")
        luck = by_chance(sum(numbers[word] for word in JUDGED))
        chance = Cell(f"{luck:.1f}", luck, "n")
        rows.append(Row("", [Cell(escape(KIND_NAMES[kind])), *counted, chance, bar]))
    columns = (
        "data",
        *(SIGNS[word][0].replace(" ", "\N{NO-BREAK SPACE}") for word in WORDS),
        "decided by chance",
        "share",
    )
    return Board("verdicts", "Verdicts on the claims by kind of data.", columns, rows).html()


def _bar(numbers: Mapping[str, int]) -> str:
    """A bar with a part for each verdict, as long as it is frequent; the numbers stand beside it."""
    parts = "".join(
        f'<i class="{slug(word)}" style="flex:{n}"></i>' for word, n in numbers.items() if n
    )
    return f'<span class="bar" aria-hidden="true">{parts}</span>'


def ledgers_board(known: Standing, where: Addresses) -> str:
    """One row per committed ledger: its files, what was run, with which code, on what, when."""
    rows = []
    for row in known.ledgers.to_dict("records"):
        paper, name = row["paper"], f"{row['profile']}-{row['data']}"
        path = known.folder / paper / f"{name}.csv"
        origin = link("origin", where.ledger(paper, name, ".json"), download=f"{paper}-{name}.json")
        cells = [
            Cell(
                f"{_file(paper, name, where)}<small>{escape(row['title'])}</small>",
                f"{paper} {name}",
            ),
            Cell(f"{path.stat().st_size / 1e3:.0f} kB, {origin}", path.stat().st_size, "n"),
            Cell(str(row["runs"]), row["runs"], "n"),
            Cell(str(row["repetitions"]), row["repetitions"], "n"),
            Cell(f"{row['hours']:.2f}", row["hours"], "n"),
            Cell(escape(f"{row['hardware']} ({row['device']})"), kind="long"),
            Cell(escape(row["commit"])),
            Cell(escape(row["date"]), kind="date"),
        ]
        rows.append(Row(f"ledger-{paper}-{name}", cells))
    columns = ("ledger", "size", "runs", "repetitions", "hours", "hardware", "commit", "date")
    if not rows:
        return "<p>No results are committed yet.</p>"
    return Board("ledgers", "Committed results.", columns, rows).html()


TABLES: Mapping[str, Callable[[Standing, Addresses], str]] = {
    "papers": papers_board,
    "settings": settings_board,
    "headlines": headlines_board,
    "verdicts": verdicts_board,
    "systems": systems_board,
    "claims": claims_board,
    "ledgers": ledgers_board,
}


def _file(paper: str, ledger: str, where: Addresses) -> str:
    """The link to a ledger's numbers, in words: the data, and in brackets the profile."""
    profile, _, data = ledger.partition("-")
    words = f"{data} ({profile})"
    return link(words, where.ledger(paper, ledger), download=f"{paper}-{ledger}.csv")


def _view(board: str, **chosen: str) -> str:
    """The address of a filtered table: what the script reads from the page's hash."""
    from urllib.parse import quote

    return "#" + "&".join(f"{board}.{name}={quote(value)}" for name, value in chosen.items())


def _counted(known: Standing, name: str, board: str = "", **chosen: str) -> Cell:
    """A number that the build checks; where a board is named, it leads to those rows of it."""
    number = known.counts[name]
    words = f'<span data-count="{escape(name)}">{number}</span>'
    if board and number:
        words = f'<a href="{escape(_view(board, **chosen))}">{words}</a>'
    return Cell(words, number, "n")


def _papers(frame: pd.DataFrame) -> Facet:
    pairs = frame[["paper", "title"]].drop_duplicates()
    return Facet("paper", dict(zip(pairs["paper"], pairs["title"], strict=True)))


def _same(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


def _parts(column: pd.Series) -> list[str]:
    """The distinct names in a column of comma-separated names, in the order first met."""
    return list(dict.fromkeys(name for text in column for name in text.split(", ")))


def _number(value: float) -> float | str:
    return "" if math.isnan(value) else value
