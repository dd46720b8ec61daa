"""Is the benchmark fit to judge a method on? Checks that no method of adaptation takes part in.

A paper's `paper.toml` says which of its ledgers a check reads (`check = "converged"`). Each check has a
rule that was fixed before anything ran. Where one fails, nothing is judged on phantoms of that paper at
that profile: every claim is "not tested (benchmark invalid)", with the rule that failed.

Checks that are missing, since their ledger is not committed yet, hold nothing up; the table says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from medda_lib import _paths
from medda_lib.figures.tables import Table, cell, page
from medda_lib.metrics.volumes import SURFACE, VOLUME
from medda_lib.papers import catalogue
from medda_lib.studies import ledger
from medda_lib.studies.intervals import Interval, student
from medda_lib.studies.verdict import LEAST_PAIRS

INTEREST = 0.02
"""Dice, of volumes or surfaces: no smaller difference is of interest."""
AUROC = 0.7
"""A classifier of sites must do at least that well on the pair that it tells apart least."""
COLLAPSED = 0.5
"""A run whose score at home is below this share of the median of its peers has collapsed."""
PLAIN = "No DA"


class Check(NamedTuple):
    """What was asked, by which rule, what was found, and whether the rule holds."""

    name: str
    rule: str
    found: str
    holds: bool


def converged(frame: pd.DataFrame) -> Check:
    """Rows with a column `steps` ("half", "all"): would longer training help at home?"""
    home = frame[(frame["evaluation"] == "in-domain") & frame["metric"].isin((SURFACE, VOLUME))]
    wide = home.pivot_table(index=["metric", "seed"], columns="steps", values="value")
    gains = {m: student(g["all"] - g["half"]) for m, g in wide.groupby("metric", sort=False)}
    return Check(
        "Networks are trained",
        f"twice the steps gain less than {INTEREST:g} at home (upper end of the interval)",
        "; ".join(f"{_words(str(name))} {_told(gain)}" for name, gain in gains.items()),
        all(gain.high < INTEREST for gain in gains.values()),
    )


def separable(frame: pd.DataFrame) -> Check:
    """Rows of classifiers of sites (column `system`: by what they see) for pairs of sites."""
    auc = frame[frame["metric"] == "auc"]
    wide = auc.pivot_table(index=["source", "target"], columns="system", values="value", sort=False)
    best = wide.max(axis=1)
    texts = [f"{s} and {t} {value:.2f}" for (s, t), value in best.items()]
    return Check(
        "Scanners differ",
        f"a classifier tells every pair apart (area under the ROC curve at least {AUROC:g})",
        ", ".join(texts),
        bool((best >= AUROC).all()),
    )


def hurts(frame: pd.DataFrame) -> Check:
    """Rows of networks that are adapted to nothing, on all sites: is home better than away?"""
    chosen = frame[frame["metric"] == SURFACE]
    wide = chosen.pivot_table(index="seed", columns="evaluation", values="value")
    lost = student(wide["in-domain"] - wide["cross-domain"])
    return Check(
        "The shift hurts",
        f"away from home more than {INTEREST:g} is lost (lower end of the interval)",
        f"surface Dice {wide['in-domain'].mean():.3f} at home, {wide['cross-domain'].mean():.3f} away: "
        f"{_told(lost)}",
        lost.low > INTEREST,
    )


def upright(frame: pd.DataFrame) -> Check:
    """The same rows: has a network collapsed?"""
    home = frame[(frame["evaluation"] == "in-domain") & (frame["metric"] == VOLUME)]
    fallen = home[home["value"] < COLLAPSED * home["value"].median()]
    texts = [f"{row['source']}, repetition {row['seed']}" for row in fallen.to_dict("records")]
    return Check(
        "No run has collapsed",
        f"every network's Dice at home is at least {COLLAPSED:g} of the median",
        "; ".join(texts) or f"least {home['value'].min():.3f}, median {home['value'].median():.3f}",
        fallen.empty,
    )


def idle(frame: pd.DataFrame) -> Check:
    """Rows of all systems where nothing has shifted: does one gain what there is not to be gained?"""
    chosen = frame[frame["metric"] == SURFACE]
    wide = chosen.pivot_table(index="seed", columns="system", values="value", sort=False)
    gains = {s: student(wide[s] - wide[PLAIN]) for s in wide.columns if s != PLAIN}
    return Check(
        "Without a shift there is nothing to gain",
        f"no system gains more than {INTEREST:g} at home (lower end of the interval)",
        "; ".join(f"{name} {_told(gain)}" for name, gain in gains.items()),
        all(gain.low <= INTEREST for gain in gains.values()),
    )


CHECKS: Mapping[str, tuple[Callable[[pd.DataFrame], Check], ...]] = {
    "converged": (converged,),
    "separable": (separable,),
    "shift": (hurts, upright),
    "no shift": (idle,),
}
"""What `check` in a `paper.toml` may say of a ledger, and the checks that read it."""


def checks(paper: str, profile: str, results: Path = _paths.RESULTS) -> list[Check]:
    """Every check of a paper whose ledger is committed, with repetitions enough for an interval."""
    found = []
    for data in (one for one in catalogue.paper(paper).data if one.check):
        try:
            frame = ledger.read(results / paper, profile, data.name)
        except FileNotFoundError:
            continue
        if frame["seed"].nunique() < LEAST_PAIRS:  # nothing can be said yet
            continue
        found += [one(frame) for one in CHECKS[data.check]]
    return found


def invalid(paper: str, profile: str, data: str, results: Path = _paths.RESULTS) -> str:
    """Why nothing can be judged on these data; "" where nothing speaks against it."""
    known = catalogue.paper(paper).on(data)
    if known is None or known.kind != "phantom":
        return ""
    failed = [one for one in checks(paper, profile, results) if not one.holds]
    return f"benchmark invalid: {failed[0].name.lower()}? {failed[0].found}" if failed else ""


def table(paper: str, profile: str, results: Path = _paths.RESULTS) -> Table:
    """The checks with what was found, for a page; those of `demo` where a profile has none."""
    found = checks(paper, profile, results) or checks(paper, "demo", results)
    frame = pd.DataFrame(found, columns=list(Check._fields))
    words = {True: "holds", False: "fails"}
    body = [
        cell(one.name, "h") + cell(one.rule, "w") + cell(one.found, "w") + cell(words[one.holds])
        for one in found
    ]
    names = (("check", "h"), ("rule, fixed before", "h"), ("found", "h"), ("", ""))
    head = ["".join(cell(name, kind, "th") for name, kind in names)]
    caption = "Checks of the benchmark, in which no method takes part; intervals over repetitions."
    return page(head, body, caption, frame)


def _told(found: Interval) -> str:
    return f"{found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _words(metric: str) -> str:
    return metric.replace("_", " ").replace("dice", "Dice")
