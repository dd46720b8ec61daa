"""Every system and every claim of the book, with what is known about each today.

The scoreboard page shows these two tables and nothing typed by hand. A system is "done" when it is
implemented; what it was measured on comes from the ledgers that are committed under
`book/results/<paper>/`, and a system without a row there has not been measured, whatever its status.
A claim gets one verdict per kind of data, from the ledger of the most thorough profile, and "not
tested" where there is none.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from medda_lib import _paths
from medda_lib.papers.catalogue import FOLDER, Paper, papers
from medda_lib.studies.claims import Claim, judge, load
from medda_lib.studies.ledger import read

PROFILES = ("paper", "demo", "smoke")
"""From the most to the least thorough."""

KINDS = ("phantom", "real")
"""Kinds of data on which claims are judged, each in its own ledger."""

NOT_TESTED = "not tested"


def systems(results: Path = _paths.RESULTS) -> pd.DataFrame:
    """One row per system of every paper: paper, title, system, role, setting, status, measured.

    `measured` lists the ledgers ("demo-phantom, demo-real") that hold rows of the system.
    """
    rows = []
    for paper in papers():
        measured = _measured(results / paper.key)
        for system in paper.systems:
            where = [name for name, names in measured.items() if system.name in names]
            rows.append(
                {
                    "paper": paper.key,
                    "title": paper.short,
                    "system": system.name,
                    "role": system.role,
                    "setting": system.setting,
                    "status": system.status,
                    "measured": ", ".join(where),
                }
            )
    return pd.DataFrame(rows)


def claims(results: Path = _paths.RESULTS, kinds: tuple[str, ...] = KINDS) -> pd.DataFrame:
    """One row per claim and kind of data, with effect, 95 % interval and verdict.

    Columns: paper, claim, text, where, rule, margin, reported, data, profile, effect, low, high,
    seeds, verdict, reason (of "not tested"). A paper appears when it has a `claims.toml`.
    """
    rows = []
    for paper in papers():
        if not (FOLDER / paper.key / "claims.toml").is_file():
            continue
        known = load(paper.key)
        for kind in kinds:
            rows += _judged(paper, known, kind, results / paper.key)
    return pd.DataFrame(rows)


def verdicts(results: Path = _paths.RESULTS, kinds: tuple[str, ...] = KINDS) -> pd.DataFrame:
    """The verdict of every claim, one column per kind of data; rows are (paper, claim)."""
    table = claims(results, kinds)
    wide = table.pivot(index=["paper", "claim", "text"], columns="data", values="verdict")
    order = table[["paper", "claim", "text"]].drop_duplicates()
    return wide.loc[pd.MultiIndex.from_frame(order), list(kinds)].reset_index()


def overview(results: Path = _paths.RESULTS) -> pd.DataFrame:
    """One row per paper: key, title, year, settings, worlds, how many systems, done and measured."""
    table = systems(results)
    rows = []
    for paper in papers():
        mine = table[table["paper"] == paper.key]
        rows.append(
            {
                "paper": paper.key,
                "title": paper.short,
                "year": paper.year,
                "settings": ", ".join(paper.settings),
                "worlds": ", ".join(paper.worlds),
                "systems": len(mine),
                "done": int((mine["status"] == "done").sum()),
                "measured": int((mine["measured"] != "").sum()),
                "chapter": paper.chapter,
                "idea": paper.one_line,
            }
        )
    return pd.DataFrame(rows).astype({"year": "Int64"})


def _measured(folder: Path) -> dict[str, set[str]]:
    """Ledger name ("demo-phantom") -> the systems that it holds."""
    found = {}
    for path in sorted(folder.glob("*-*.csv")):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if "system" in frame:
            found[path.stem] = set(frame["system"])
    return found


def _judged(paper: Paper, known: list[Claim], kind: str, folder: Path) -> list[dict[str, object]]:
    """The claims of a paper on one kind of data, by the most thorough ledger that there is."""
    profile = next((p for p in PROFILES if (folder / f"{p}-{kind}.csv").is_file()), None)
    frame = None if profile is None else read(folder, profile, kind)
    rows = []
    for claim in known:
        row: dict[str, object] = {
            "paper": paper.key,
            "claim": claim.id,
            "text": claim.text,
            "where": claim.where,
            "rule": claim.rule,
            "margin": claim.margin,
            "reported": claim.reported,
            "data": kind,
            "profile": profile or "",
        }
        rows.append(row | _verdict(claim, frame))
    return rows


def _verdict(claim: Claim, frame: pd.DataFrame | None) -> dict[str, object]:
    if frame is None:
        nothing = float("nan")
        empty = {"effect": nothing, "low": nothing, "high": nothing, "seeds": 0}
        return {**empty, "verdict": NOT_TESTED, "reason": "no committed ledger"}
    found = judge(claim, frame)
    numbers = {"effect": found.effect, "low": found.low, "high": found.high, "seeds": found.n}
    return {**numbers, "verdict": found.verdict, "reason": found.reason}
