"""What the book counts, by name: systems, claims, verdicts, ledgers.

A page that prints how many systems are done, or how many claims were contradicted, prints one of these.
The build computes them anew from the papers' files and the committed ledgers and compares them with
what each page says, so that a count on a page cannot fall behind (see `medda_lib.pages.counting`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import pandas as pd

from medda_lib import _paths
from medda_lib.figures.verdicts import SIGNS
from medda_lib.papers import inventory
from medda_lib.papers.inventory import KINDS
from medda_lib.studies.verdict import NOT_TESTED


@dataclass(frozen=True)
class Standing:
    """What is known today: the frames of `papers.inventory`, and their counts by name."""

    folder: Path
    systems: pd.DataFrame
    claims: pd.DataFrame
    ledgers: pd.DataFrame
    counts: dict[str, int]


def standing(results: Path = _paths.RESULTS) -> Standing:
    """The frames and counts of a folder of results, made anew only when one of its files changed."""
    state = tuple(
        (str(path), path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(results.glob("*/*-*.*"))
    )
    return _standing(results, state)


@cache
def _standing(results: Path, _state: tuple[tuple[str, int, int], ...]) -> Standing:
    systems, claims, ledgers = (
        make(results) for make in (inventory.systems, inventory.claims, inventory.ledgers)
    )
    return Standing(results, systems, claims, ledgers, counts(systems, claims, ledgers))


def counts(systems: pd.DataFrame, claims: pd.DataFrame, ledgers: pd.DataFrame) -> dict[str, int]:
    """Name -> number, from the frames that `papers.inventory` makes.

    Names: "papers", "ledgers", "runs"; "systems", "systems.done", "systems.measured"; "claims" and
    "claims.tested" (on some kind of data); "remarks"; "verdicts.<kind>.<verdict>", of claims alone, and
    "headlines.<kind>.<verdict>", of those that are a headline. Each group from the systems on also
    stands for one paper, its key after the first word: "systems.fda.done",
    "verdicts.fda.phantom.supported".
    """
    found = {"papers": systems["paper"].nunique(), "ledgers": len(ledgers)}
    found["runs"] = int(ledgers["runs"].sum())
    for key in ("", *systems["paper"].unique()):
        dot = f".{key}" if key else ""
        mine, said = (frame[frame["paper"] == key] if key else frame for frame in (systems, claims))
        found[f"systems{dot}"] = len(mine)
        found[f"systems{dot}.done"] = int((mine["status"] == "done").sum())
        found[f"systems{dot}.measured"] = int((mine["measured"] != "").sum())
        found[f"remarks{dot}"] = _claims(said[said["remark"]])
        said = said[~said["remark"]]
        tested = said[said["verdict"] != NOT_TESTED]
        found[f"claims{dot}"] = _claims(said)
        found[f"claims{dot}.tested"] = _claims(tested)
        for kind, verdict in product(KINDS, SIGNS):
            both = said[(said["data"] == kind) & (said["verdict"] == verdict)]
            found[f"verdicts{dot}.{kind}.{verdict}"] = len(both)
            found[f"headlines{dot}.{kind}.{verdict}"] = int(both["headline"].sum())
    return found


def _claims(rows: pd.DataFrame) -> int:
    return len(rows[["paper", "claim"]].drop_duplicates())
