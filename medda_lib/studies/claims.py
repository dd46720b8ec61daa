"""Claims of a paper, and how our rows judge them.

A claim compares two table cells, or one cell with a threshold. Our rows hold both cells once per seed,
so the effect is a mean of paired differences, and a percentile bootstrap over the pairs gives its 95%
interval. The rule asks where the interval lies: wholly on the claimed side, wholly on the other, or
across. Few seeds make a narrow judge: with three, the interval runs from the smallest difference to
the largest, so "supported" then means that all three agree. Fewer than three pairs test nothing. The
word "reproduced" is kept for the paper's own data at the paper's own settings.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.studies.families import FamilyError, read_out
from medda_lib.studies.printed import Printed, Spelling
from medda_lib.studies.reported import PAPERS, reported

RESAMPLES = 10_000
LEAST_PAIRS = 3
TWO_SIDED = ("greater", "less", "equivalent")
THRESHOLD = ("above", "below")
FIELDS = {"id", "text", "where", "rule", "margin", "reported", "a", "b", "data"}
OWN, PAPER_PROFILE = "own", "paper"


class ClaimError(ValueError):
    """A claim is malformed; the message names the file and the claim."""


@dataclass(frozen=True)
class Claim:
    """One falsifiable sentence. `a` and `b` select rows by column; `reported` is a - b in the paper.

    rule: greater (a - b > margin), less (a - b < -margin), equivalent (|a - b| <= margin), above
    (a > margin), below (a < margin).
    data: the kinds of data that the sentence speaks about; all of them when empty.
    """

    id: str
    text: str
    where: str
    rule: str
    margin: float
    reported: float
    a: Mapping[str, str]
    b: Mapping[str, str] | None
    data: tuple[str, ...] = ()

    def about(self, data: str) -> bool:
        """Whether rows of this kind of data can say anything about the claim."""
        return not self.data or data in self.data


@dataclass(frozen=True)
class Verdict:
    """The judgement: effect with its 95% interval over `n` paired seeds, and one word.

    verdict: reproduced, supported, contradicted, inconclusive or not tested; `reason` says why not.
    """

    claim: Claim
    effect: float
    low: float
    high: float
    n: int
    verdict: str
    reason: str = ""

    def row(self) -> dict[str, Any]:
        """Claim and judgement as one flat row, for tables."""
        names = ("id", "text", "where", "rule", "reported")
        judged = ("effect", "low", "high", "n", "verdict", "reason")
        return {n: getattr(self.claim, n) for n in names} | {n: getattr(self, n) for n in judged}

    def cells(self) -> tuple[str, str, str, str]:
        """Reported effect, ours, interval and verdict as texts; empty where there is no number."""
        interval = "" if math.isnan(self.low) else f"{self.low:+.3f} to {self.high:+.3f}"
        return _signed(self.claim.reported), _signed(self.effect), interval, self.verdict


def load(paper: str, papers: Path = PAPERS) -> list[Claim]:
    """The claims in ``papers/<paper>/claims.toml``, families read out (see `families`).

    Raises `FileNotFoundError` when there is no such file and `ClaimError` naming file and claim.
    """
    file = papers / paper / "claims.toml"
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ClaimError(f"{file}: {error}") from error
    try:
        entries = read_out(content, _printed(content, paper, papers))
    except FamilyError as error:
        raise ClaimError(f"{file}, {error}") from error
    claims = [
        _claim(entry, f"{file}, claim {entry.get('id', i + 1)}") for i, entry in enumerate(entries)
    ]
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise ClaimError(f"{file}, claim {claim.id}: this id occurs twice")
        seen.add(claim.id)
    return claims


def _printed(content: Mapping[str, Any], paper: str, papers: Path) -> Printed | None:
    """The paper's tables with the file's `[[cell]]` entries; None for a file that has none."""
    spellings = [Spelling(**entry) for entry in content.get("cell", [])]
    return Printed.of(reported(paper, papers=papers), spellings) if spellings else None


def judge(claim: Claim, frame: pd.DataFrame) -> Verdict:
    """Judge a claim on rows of one profile and one kind of data (columns as in `ledger.frame`).

    Pairs a and b by seed; where a selection covers several rows of a seed (domains, say) their mean
    counts, and seeds with fewer rows than others are left out. Equal rows give an equal verdict.
    """
    if len(frame[["profile", "data"]].drop_duplicates()) > 1:
        raise ValueError("judge: rows of several profiles or data; judge each on its own")
    if other := sorted(name for name in set(frame["data"]) if not claim.about(str(name))):
        reason = f"the claim is about {', '.join(claim.data)}, not {other[0]}"
        return Verdict(claim, math.nan, math.nan, math.nan, 0, "not tested", reason)
    pairs, reason = _differences(claim, frame)
    n = len(pairs)
    effect = float(pairs.mean()) if n else math.nan
    if n < LEAST_PAIRS:
        reason = reason or f"{n} paired seeds, at least {LEAST_PAIRS} are needed"
        return Verdict(claim, effect, math.nan, math.nan, n, "not tested", reason)
    low, high = interval(pairs, claim.id)
    word = _word(claim, low, high)
    own = set(frame["data"]) == {OWN} and set(frame["profile"]) == {PAPER_PROFILE}
    if word == "supported" and own:
        word = "reproduced"
    return Verdict(claim, effect, low, high, n, word)


def interval(pairs: NDArray[np.float64], name: str) -> tuple[float, float]:
    """95% percentile bootstrap interval of the mean of `pairs` (n,); `name` seeds the resampling."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    chosen = np.random.default_rng(seed).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    low, high = np.percentile(pairs[chosen].mean(1), [2.5, 97.5])
    return float(low), float(high)


def _word(claim: Claim, low: float, high: float) -> str:
    """Where the interval lies against what the claim says; the effect is a - b, or a - threshold."""
    if claim.rule == "equivalent":
        inside = -claim.margin <= low and high <= claim.margin
        outside = low > claim.margin or high < -claim.margin
    elif claim.rule in ("greater", "above"):
        bar = claim.margin if claim.rule == "greater" else 0.0
        inside, outside = low > bar, high < bar
    else:
        bar = -claim.margin if claim.rule == "less" else 0.0
        inside, outside = high < bar, low > bar
    return "supported" if inside else "contradicted" if outside else "inconclusive"


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


def _claim(entry: Mapping[str, Any], where: str) -> Claim:
    """Check one entry of the file and make it a `Claim`."""
    if unknown := sorted(set(entry) - FIELDS):
        raise ClaimError(f"{where}: unknown field {', '.join(unknown)}")
    for name in ("id", "text", "where", "rule"):
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            raise ClaimError(f"{where}: {name} must be a text")
    rule, margin = entry["rule"], entry.get("margin", 0.0)
    if rule not in (*TWO_SIDED, *THRESHOLD):
        raise ClaimError(
            f"{where}: unknown rule {rule!r}, use {', '.join((*TWO_SIDED, *THRESHOLD))}"
        )
    if not _is_number(margin) or not math.isfinite(margin):
        raise ClaimError(f"{where}: margin must be a number")
    if rule == "equivalent" and margin <= 0:
        raise ClaimError(f"{where}: equivalent needs a margin above 0")
    if rule in ("greater", "less") and margin < 0:
        raise ClaimError(f"{where}: margin must not be negative")
    if not _is_number(entry.get("reported", math.nan)):
        raise ClaimError(f"{where}: reported must be a number, or nan where none is printed")
    if (rule in THRESHOLD) == ("b" in entry):
        raise ClaimError(f"{where}: {rule} {'takes no b' if 'b' in entry else 'needs b'}")
    a = _selection(entry.get("a"), f"{where}: a")
    b = _selection(entry["b"], f"{where}: b") if "b" in entry else None
    reported = float(entry.get("reported", math.nan))
    data = _kinds(entry.get("data", []), where)
    name, text, place = entry["id"], entry["text"], entry["where"]
    return Claim(name, text, place, rule, float(margin), reported, a, b, data)


def _kinds(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(kind, str) and kind for kind in value):
        raise ClaimError(f'{where}: data must be a list of kinds of data, such as ["phantom"]')
    return tuple(value)


def _selection(value: object, where: str) -> Mapping[str, str]:
    if not isinstance(value, dict) or "metric" not in value:
        raise ClaimError(f'{where} must be a table with a metric, such as {{metric = "dice"}}')
    for name, text in value.items():
        if not isinstance(text, str):
            raise ClaimError(f"{where}.{name} must be a text in quotes, got {text!r}")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.3f}"
