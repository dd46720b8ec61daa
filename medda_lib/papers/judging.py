"""Rows of a paper's study judged by its claims, the same way on every page and in the command.

Claims select rows of a ledger. Some papers tabulate something that no single run measures (the score
at a setting that was tuned on other pairs, say): then the paper's study module offers `derive`, which
turns the rows of a ledger into the rows that its tables and claims speak about, one set per
repetition. And a paper may spread one kind of data over several ledgers (brains and prostates, both
phantoms): its `paper.toml` says which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import pandas as pd

from medda_lib.metrics.volumes import SURFACE, TOLERANCE, VOLUME
from medda_lib.papers import benchmark, catalogue
from medda_lib.papers.catalogue import CatalogueError, study_module
from medda_lib.papers.people import each
from medda_lib.studies.claims import Claim, load
from medda_lib.studies.per_image import PerImage
from medda_lib.studies.verdict import NOT_TESTED, Verdict, judge, signed, untested

BELOW = "the tolerance was below the voxel; to be measured again on a finer grid"
Derive = Callable[[pd.DataFrame], pd.DataFrame]


def derivation(paper: str) -> Derive:
    """What turns the paper's ledger rows into those that its claims select; mostly the identity.

    A paper's `study.derive` gets the rows of one profile and one kind of data (columns as in
    `ledger.frame`) and must keep the columns profile, data, seed, metric and value.
    """
    try:
        found = getattr(study_module(paper), "derive", None)
    except CatalogueError:  # claims are written before the study is: there are no rows yet
        found = None
    return _same if found is None else cast(Derive, found)


def ledgers(paper: str, kind: str) -> tuple[str, ...]:
    """Names of the paper's ledgers whose rows judge its claims on one kind of data.

    A paper that has no such data could have them under the kind's own name.
    """
    found = (one.name for one in catalogue.paper(paper).data if one.judges and one.kind == kind)
    return tuple(found) or (kind,)


def judged(
    paper: str, frame: pd.DataFrame, derive: Derive | None = None, images: PerImage | None = None
) -> list[Verdict]:
    """The verdicts on those claims of a paper that speak about the data of these rows.

    images: the values of every test scan, for intervals that cover people. None is judged where the
    benchmark fails a check, none by a surface Dice below the voxel.
    """
    derive = derive or derivation(paper)
    rows = derive(frame)
    people = [] if images is None else each(frame, images, derive)
    data, profile = (str(frame[name].iloc[0]) for name in ("data", "profile"))
    why = benchmark.invalid(paper, profile, data)
    known = [claim for claim in load(paper) if claim.about(data)]
    if why:
        return [untested(claim, why) for claim in known]
    measured = TOLERANCE in set(frame["metric"])
    return [
        _judged(claim, rows, people)
        if measured or not _by_surface(claim)
        else untested(claim, BELOW)
        for claim in known
    ]


def _by_surface(claim: Claim) -> bool:
    return claim.a.get("metric") == SURFACE


def _judged(claim: Claim, rows: pd.DataFrame, people: Sequence[pd.DataFrame]) -> Verdict:
    """The verdict; of surfaces, a reason where volumes give another one."""
    found = judge(claim, rows, people)
    if not _by_surface(claim) or found.verdict == NOT_TESTED:
        return found
    sides = {"a": dict(claim.a) | {"metric": VOLUME}}
    if claim.b is not None:
        sides["b"] = dict(claim.b) | {"metric": VOLUME}
    other = judge(replace(claim, **sides), rows, people)  # type: ignore[arg-type]
    if other.verdict in (found.verdict, NOT_TESTED):
        return found
    said = f"by volume Dice {other.verdict} ({signed(other.effect)})"
    return replace(found, reason="; ".join(filter(None, (found.reason, said))))


def _same(frame: pd.DataFrame) -> pd.DataFrame:
    return frame
