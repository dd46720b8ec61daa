"""Every system and every claim of the book, with what is known about each today.

The scoreboard page shows these two tables and nothing typed by hand. A system is "done" when it is
implemented; what it was measured on comes from the ledgers that are committed under
`book/results/<paper>/`, and a system without a row there has not been measured, whatever its status.
A claim gets one verdict per kind of data, from the ledger of the most thorough profile, and "not
tested" where there is none. A paper may keep one kind of data in several ledgers (see
`papers.judging`): then the first one that can judge the claim does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from medda_lib import _paths
from medda_lib.papers.catalogue import FOLDER, Paper, papers
from medda_lib.papers.judging import derivation, untested
from medda_lib.papers.judging import ledgers as ledger_names
from medda_lib.studies.claims import Claim, Verdict, judge, load
from medda_lib.studies.ledger import provenance, read
from medda_lib.studies.setting import SETTINGS

PROFILES = ("paper", "demo", "smoke")
"""From the most to the least thorough."""

KINDS = ("phantom", "real", "own")
"""Kinds of data on which claims are judged, each in its own ledger."""

KIND_NAMES = {
    "phantom": "phantoms",
    "real": "substitute",
    "own": "the paper's own",
}
"""The kinds as readers meet them: a substitute is real images, but not the paper's."""

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

    Columns: paper, title, claim, text, where, rule, margin, reported, data, profile, effect, low, high,
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


def by_setting(results: Path = _paths.RESULTS) -> pd.DataFrame:
    """One row per setting, in the book's order: how many papers, systems, done and measured."""
    table = systems(results)
    rows = []
    for setting in SETTINGS:
        mine = table[table["setting"] == setting.name]
        rows.append(
            {
                "setting": setting.name,
                "papers": mine["paper"].nunique(),
                "systems": len(mine),
                "done": int((mine["status"] == "done").sum()),
                "measured": int((mine["measured"] != "").sum()),
            }
        )
    return pd.DataFrame(rows)


def ledgers(results: Path = _paths.RESULTS) -> pd.DataFrame:
    """One row per committed ledger: what was run, how much of it, with which code, on what, when.

    Columns: paper, title, data, profile, runs, repetitions, hours, hardware, device, commit, date.
    """
    names = "paper title data profile runs repetitions hours hardware device commit date".split()
    rows = [
        _origin(paper, path)
        for paper in papers()
        for path in sorted((results / paper.key).glob("*-*.csv"))
    ]
    return pd.DataFrame(rows, columns=names)


def _origin(paper: Paper, path: Path) -> dict[str, object]:
    """Where the numbers of one ledger come from, in words short enough for a table."""
    profile, _, data = path.stem.partition("-")
    known = provenance(path.parent, profile, data)
    return {
        "paper": paper.key,
        "title": paper.short,
        "data": data,
        "profile": profile,
        "runs": len(known["runs"]),
        "repetitions": len({run["seed"] for run in known["runs"]}),
        "hours": known["seconds"] / 3600,
        "hardware": _spelled(known["hardware"], _machine),
        "device": _spelled(known["device"], str),
        "commit": _spelled(known["commit"], _short),
        "date": str(known["last"])[:10],
    }


def _spelled(value: Any, one: Callable[[Any], str]) -> str:
    """The text of a fact that all runs share, or of each that occurs where they differ."""
    return ", ".join(dict.fromkeys(map(one, value if isinstance(value, list) else [value])))


def _machine(hardware: Mapping[str, Any]) -> str:
    return str(hardware["gpu"] or f"{hardware['cpu']}, {hardware['cores']} cores")


def _short(commit: str) -> str:
    """The first digits of a commit; a star where files differed from it."""
    digits, plus, _ = commit.partition("+")
    return digits[:9] + ("*" if plus else "")


def _measured(folder: Path) -> dict[str, set[str]]:
    """Ledger name ("demo-phantom") -> the systems that it holds."""
    found = {}
    for path in sorted(folder.glob("*-*.csv")):
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        if "system" in frame:
            found[path.stem] = set(frame["system"])
    return found


def _judged(paper: Paper, known: list[Claim], kind: str, folder: Path) -> list[dict[str, object]]:
    """The claims of a paper on one kind of data, by the most thorough ledgers that there are."""
    found = _ledgers(paper, kind, folder)
    rows = []
    for claim in known:
        verdict, profile = _best(claim, found)
        rows.append(
            {
                "paper": paper.key,
                "title": paper.short,
                "claim": claim.id,
                "text": claim.text,
                "where": claim.where,
                "rule": claim.rule,
                "margin": claim.margin,
                "reported": claim.reported,
                "data": kind,
                "profile": profile,
                "effect": verdict.effect,
                "low": verdict.low,
                "high": verdict.high,
                "seeds": verdict.n,
                "verdict": verdict.verdict,
                "reason": verdict.reason,
            }
        )
    return rows


def _ledgers(paper: Paper, kind: str, folder: Path) -> list[tuple[str, pd.DataFrame]]:
    """(profile, rows that the claims select) of each committed ledger of one kind of data."""
    found = []
    for name in ledger_names(paper.key, kind):
        profile = next((p for p in PROFILES if (folder / f"{p}-{name}.csv").is_file()), None)
        if profile is not None:
            found.append((profile, derivation(paper.key)(read(folder, profile, name))))
    return found


def _best(claim: Claim, found: list[tuple[str, pd.DataFrame]]) -> tuple[Verdict, str]:
    """The verdict of the first ledger that can judge the claim, and that ledger's profile."""
    about = [(p, rows) for p, rows in found if claim.about(str(rows["data"].iloc[0]))]
    if not about:
        which = f" of {', '.join(claim.data)}" if claim.data else ""
        return untested(claim, f"no committed ledger{which}"), ""
    verdicts = [(judge(claim, rows), profile) for profile, rows in about]
    tested = (one for one in verdicts if one[0].verdict != NOT_TESTED)
    return next(tested, verdicts[0])
