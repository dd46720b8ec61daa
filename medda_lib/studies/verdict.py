"""How our rows judge a claim: the effect with its interval, and one word.

Our rows hold both cells of a claim once per seed, so the effect is a mean of paired differences, with
Student's interval; where the values of each test person are known, the interval covers people, too. The
rule asks where the interval lies: wholly on the claimed side (supported), wholly
on the other (contradicted), or across (undecided). "Undecided" comes with the effect that such a study
would have shown, so that it informs. Where two systems gave the same number in every pair, the runs are
one run under two names: "same system here", whatever the claim says. Fewer than three pairs test
nothing. The word "reproduced" is kept for the paper's own data at the paper's own settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.studies.claims import TWO_SIDED, Claim
from medda_lib.studies.intervals import Interval, crossed, student

LEAST_PAIRS, LEAST_PEOPLE = 3, 3
OWN, PAPER_PROFILE = "own", "paper"
REPRODUCED, SUPPORTED, CONTRADICTED = "reproduced", "supported", "contradicted"
UNDECIDED, SAME, NOT_TESTED = "undecided", "same system here", "not tested"
WORDS = (REPRODUCED, SUPPORTED, UNDECIDED, CONTRADICTED, SAME, NOT_TESTED)
"""From the best that a claim can hope for to nothing at all."""
DECIDED = (REPRODUCED, SUPPORTED, CONTRADICTED)
JUDGED = (*DECIDED, UNDECIDED)
"""Verdicts of two different systems (or one against a threshold) that were measured."""


@dataclass(frozen=True)
class Verdict:
    """The judgement: effect with its 95 % interval over `n` paired seeds, and one of `WORDS`.

    shows: the smallest true effect that such a study decides in four of five cases. reason: of "not
    tested"; of "undecided" what it rules out.
    """

    claim: Claim
    effect: float
    low: float
    high: float
    n: int
    verdict: str
    reason: str = ""
    shows: float = math.nan

    def row(self) -> dict[str, Any]:
        """Claim and judgement as one flat row, for tables."""
        names = ("id", "text", "where", "rule", "reported", "headline", "remark", "interest")
        judged = ("effect", "low", "high", "n", "verdict", "reason", "shows")
        return {n: getattr(self.claim, n) for n in names} | {n: getattr(self, n) for n in judged}

    def cells(self) -> tuple[str, str, str, str]:
        """Reported effect, ours, interval and verdict as texts; empty where there is no number."""
        interval = "" if math.isnan(self.low) else f"{self.low:+.3f} to {self.high:+.3f}"
        return signed(self.claim.reported), signed(self.effect), interval, self.verdict


def judge(claim: Claim, frame: pd.DataFrame, people: Sequence[pd.DataFrame] = ()) -> Verdict:
    """Judge a claim on rows of one profile and one kind of data (columns as in `ledger.frame`).

    people: the same rows once for each test person, with that person's values (see `papers.people`).
    Pairs a and b by seed; where a selection covers several rows of a seed (domains, say) their mean
    counts, and seeds with fewer rows than others are left out. ValueError for rows of several profiles.
    """
    if len(frame[["profile", "data"]].drop_duplicates()) > 1:
        raise ValueError("judge: rows of several profiles or data; judge each on its own")
    if other := sorted(name for name in set(frame["data"]) if not claim.about(str(name))):
        return untested(claim, f"the claim is about {', '.join(claim.data)}, not {other[0]}")
    pairs, reason = _differences(claim, frame)
    n = len(pairs)
    if n < LEAST_PAIRS:
        effect = float(pairs.mean()) if n else math.nan
        reason = reason or f"{n} paired seeds, at least {LEAST_PAIRS} are needed"
        return Verdict(claim, effect, math.nan, math.nan, n, NOT_TESTED, reason)
    found = _interval(claim, pairs, people)
    word = _word(claim, found.low, found.high)
    if claim.b is not None and not pairs.any():
        word = SAME
    elif word == SUPPORTED and _own(frame):
        word = REPRODUCED
    said = _ruled_out(claim, found) if word == UNDECIDED else ""
    return Verdict(claim, found.mean, found.low, found.high, n, word, said, found.shows)


def _interval(claim: Claim, pairs: NDArray[np.float64], people: Sequence[pd.DataFrame]) -> Interval:
    """Over repetitions, and over people where all of them have all repetitions."""
    each = [_differences(claim, frame)[0] for frame in people]
    if len(each) < LEAST_PEOPLE or any(len(one) != len(pairs) for one in each):
        return student(pairs)
    return replace(crossed(np.stack(each, axis=1)), mean=float(pairs.mean()))


def untested(claim: Claim, reason: str) -> Verdict:
    """The verdict on a claim for which there are no rows at all."""
    return Verdict(claim, math.nan, math.nan, math.nan, 0, NOT_TESTED, reason)


def _own(frame: pd.DataFrame) -> bool:
    return set(frame["data"]) == {OWN} and set(frame["profile"]) == {PAPER_PROFILE}


def _ruled_out(claim: Claim, found: Interval) -> str:
    """What an undecided study would have shown, beside what would matter."""
    seen = f"an effect of {found.shows:.3f} would have shown in four of five studies"
    if not claim.interest:
        return seen
    enough = "enough" if found.shows <= claim.interest else "too coarse"
    return f"{seen}; of interest is {claim.interest:g}: {enough}"


def _word(claim: Claim, low: float, high: float) -> str:
    """Where the interval lies against what the claim says; the effect is a - b, or a - threshold."""
    if claim.rule == "equivalent":
        inside = -claim.margin <= low and high <= claim.margin
        outside = low > claim.margin or high < -claim.margin
    else:
        bar = claim.margin if claim.rule in TWO_SIDED else 0.0
        up = claim.rule in ("greater", "above")
        inside, outside = (low > bar, high < bar) if up else (high < -bar, low > -bar)
    return SUPPORTED if inside else CONTRADICTED if outside else UNDECIDED


def _differences(claim: Claim, frame: pd.DataFrame) -> tuple[NDArray[np.float64], str]:
    """The effect of each seed that has it, and a reason when there is none."""
    none = np.zeros(0)
    a, why = _by_seed(frame, claim.a, "a")
    if why:
        return none, why
    if claim.b is None:
        return (a - claim.margin).to_numpy(dtype=np.float64), ""
    b, why = _by_seed(frame, claim.b, "b")
    if why:
        return none, why
    return (a - b).dropna().to_numpy(dtype=np.float64), ""


def _by_seed(frame: pd.DataFrame, selection: Mapping[str, str], side: str) -> tuple[pd.Series, str]:
    """The mean value of a selection for each seed, in the order of the seeds."""
    empty = pd.Series(dtype=float)
    if unknown := sorted(set(selection) - set(frame.columns)):
        return empty, f"{side}: the rows have no column {', '.join(unknown)}"
    chosen = frame
    for column, value in selection.items():
        chosen = chosen[chosen[column].astype(str) == value]
    if chosen.empty:
        return empty, f"{side}: no rows for {', '.join(selection.values())}"
    seeds = chosen.groupby("seed", sort=True)["value"]
    whole = seeds.size() == seeds.size().max()
    # A NaN in any row of a seed leaves the seed out: mean() alone would skip over it.
    means = seeds.agg(lambda values: values.mean(skipna=False))[whole].dropna()
    return means, "" if len(means) else f"{side}: no defined value"


def signed(value: float) -> str:
    """An effect as text, "" where there is none."""
    return "" if math.isnan(value) else f"{value:+.3f}"
