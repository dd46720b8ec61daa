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
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from medda_lib import _paths
from medda_lib.papers import catalogue
from medda_lib.papers.catalogue import FOLDER, Paper, papers
from medda_lib.papers.judging import judged
from medda_lib.papers.judging import ledgers as ledger_names
from medda_lib.papers.settings import settings_of
from medda_lib.studies import per_image
from medda_lib.studies.claims import Claim, load
from medda_lib.studies.ledger import provenance, read
from medda_lib.studies.setting import EVERY_SETTING
from medda_lib.studies.verdict import NOT_TESTED, Verdict, untested

PROFILES = ("paper", "demo", "smoke")
"""From the most to the least thorough."""

KIND_NAMES = catalogue.KINDS
"""The kinds of data as readers meet them."""

KINDS = tuple(KIND_NAMES)
"""Kinds of data on which claims are judged, each in its own ledger."""

NOT_RUN = "no committed results on such data"
NOT_ABOUT = "the claim is not about such data"


def systems(results: Path = _paths.RESULTS) -> pd.DataFrame:
    """One row per system of every paper.

    Columns: paper, title, system, role, setting, modality, status, measured. `measured` lists the
    ledgers ("demo-phantom, demo-real") that hold rows of the system.
    """
    rows = []
    for paper in papers():
        measured = _measured(results / paper.key)
        settings = settings_of(paper.key)
        for system in paper.systems:
            where = [name for name, names in measured.items() if system.name in names]
            rows.append(
                {
                    "paper": paper.key,
                    "title": paper.short,
                    "system": system.name,
                    "role": system.role,
                    "setting": settings[system.name],
                    "modality": ", ".join(paper.modality),
                    "status": system.status,
                    "measured": ", ".join(where),
                }
            )
    return pd.DataFrame(rows)


def claims(results: Path = _paths.RESULTS, kinds: tuple[str, ...] = KINDS) -> pd.DataFrame:
    """One row per claim and kind of data, with effect, 95 % interval and verdict.

    Columns: paper, title, setting, modality, claim, text, where, rule, margin, reported, headline,
    remark (a sentence of ours, not of the paper), data, ledger (the one that judged, "" for none),
    profile, effect, low, high, seeds, shows, verdict, reason (see `Verdict`). A paper appears when it
    has a `claims.toml`.
    """
    there = (paper for paper in papers() if (FOLDER / paper.key / "claims.toml").is_file())
    return pd.concat([claims_of(paper, results, kinds) for paper in there], ignore_index=True)


def claims_of(
    paper: Paper, results: Path = _paths.RESULTS, kinds: tuple[str, ...] = KINDS
) -> pd.DataFrame:
    """The rows of `claims` of one paper."""
    known = load(paper.key)
    return pd.DataFrame([row for kind in kinds for row in _judged(paper, known, kind, results)])


def found_on(claims: pd.DataFrame) -> dict[str, str]:
    """What was found of tested claims on each kind of data: its name -> "1 supported, 2 undecided"."""
    tested = claims[claims["verdict"] != NOT_TESTED]
    counted = {
        KIND_NAMES[str(kind)]: rows["verdict"].value_counts(sort=False)
        for kind, rows in tested.groupby("data", sort=False)
    }
    return {
        kind: ", ".join(f"{n} {word}" for word, n in found.items())
        for kind, found in counted.items()
    }


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
    for setting in EVERY_SETTING:
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


def kind_of(paper: str, data: str) -> str:
    """The kind (of `KINDS`) that a ledger's data are: "prostate" is "phantom" for AIVA.

    Numbers of a study that is no more are of the kind that they are called by, else of phantoms.
    """
    found = catalogue.paper(paper).on(data)
    return found.kind if found else data if data in KINDS else "phantom"


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


def verdicts_of(paper: str, ledger: str, results: Path = _paths.RESULTS) -> dict[str, Verdict]:
    """The verdict of one ledger on each claim of the paper that speaks about its data, by claim id.

    Judging takes a second or so, so it is done once for each state of the ledger's files.
    """
    path = results / paper / f"{ledger}.csv"
    changed = max(path.stat().st_mtime_ns, path.with_suffix(".json").stat().st_mtime_ns)
    return _verdicts_of(paper, path, changed)


@cache
def _verdicts_of(paper: str, path: Path, _changed: int) -> dict[str, Verdict]:
    profile, _, data = path.stem.partition("-")
    file = path.with_suffix(".npz")
    images = per_image.load(file) if file.is_file() else None
    found = judged(paper, read(path.parent, profile, data), images=images)
    return {one.claim.id: one for one in found}


def _judged(paper: Paper, known: list[Claim], kind: str, results: Path) -> list[dict[str, object]]:
    """The claims of a paper on one kind of data, by the most thorough ledgers that there are."""
    found = {
        ledger: verdicts_of(paper.key, ledger, results)
        for ledger in _ledgers(paper, kind, results / paper.key)
    }
    rows = []
    for claim in known:
        verdict, ledger = _best(claim, found, ledger_names(paper.key, kind))
        rows.append(
            {
                "paper": paper.key,
                "title": paper.short,
                "setting": ", ".join(paper.settings),
                "modality": ", ".join(paper.modality),
                "claim": claim.id,
                "text": claim.text,
                "where": claim.where,
                "rule": claim.rule,
                "margin": claim.margin,
                "reported": claim.reported,
                "headline": claim.headline,
                "remark": claim.remark,
                "data": kind,
                "ledger": ledger,
                "profile": ledger.partition("-")[0],
                "effect": verdict.effect,
                "low": verdict.low,
                "high": verdict.high,
                "seeds": verdict.n,
                "shows": verdict.shows,
                "verdict": verdict.verdict,
                "reason": verdict.reason,
            }
        )
    return rows


def _ledgers(paper: Paper, kind: str, folder: Path) -> list[str]:
    """The committed ledgers of one kind of data, each at its most thorough profile."""
    found = []
    for name in ledger_names(paper.key, kind):
        files = (f"{profile}-{name}" for profile in PROFILES)
        found += [one for one in files if (folder / f"{one}.csv").is_file()][:1]
    return found


def _best(
    claim: Claim, found: Mapping[str, Mapping[str, Verdict]], names: tuple[str, ...]
) -> tuple[Verdict, str]:
    """The verdict of the first ledger that can judge the claim, and that ledger.

    found: ledger -> its verdicts. names: the data that a ledger of this kind could be of.
    """
    about = [
        (verdicts[claim.id], ledger) for ledger, verdicts in found.items() if claim.id in verdicts
    ]
    if not about:
        possible = any(claim.about(name) for name in names)
        return untested(claim, NOT_RUN if possible else NOT_ABOUT), ""
    tested = (one for one in about if one[0].verdict != NOT_TESTED)
    return next(tested, about[0])
