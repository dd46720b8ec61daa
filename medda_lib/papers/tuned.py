"""Derived rows of a tuned number: how beta is chosen, from curves of labelled tuning scans.

The grid of beta is searched on tuning scans of the targets, which are labelled and not those of the
test, by one of two rules with a name. "averaged": the best beta on average. A paper may average over all
pairs, the one under test included; here that pair is left out, so that no label of the target is used.
"per pair": the best beta on the pair's own tuning scans. That takes labels of the target, so the rule is
an oracle.

`derive` turns the rows of a study (one per beta) into those that tables and claims speak about (one per
rule).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar

import pandas as pd

from medda_lib.metrics.volumes import TOLERANCE
from medda_lib.papers.pairs import Pair
from medda_lib.papers.results import Results, rows

METRIC = "surface_dice"
METRICS = (METRIC, "surface_dice_double", "dice", TOLERANCE)
AVERAGE = "Average"
TUNING = "tuning"
Pairs = Mapping[str, Pair]


@dataclass(frozen=True)
class BetaRule:
    """Picks a beta for a pair. `curves`: tuning score by beta (rows) and pair (columns)."""

    name: ClassVar[str]
    oracle: ClassVar[bool]

    def choose(self, curves: pd.DataFrame, pair: str) -> str:
        """The beta, as it stands in the rows; the smaller one on a tie."""
        raise NotImplementedError


@dataclass(frozen=True)
class LeaveOnePairOut(BetaRule):
    """Best on average over the other pairs: no label of this pair's target is used."""

    name: ClassVar[str] = "averaged"
    oracle: ClassVar[bool] = False

    def choose(self, curves: pd.DataFrame, pair: str) -> str:
        """See the class. Raises ValueError when there is no other pair."""
        others = curves.drop(columns=pair)
        if others.empty:
            raise ValueError(f"{pair}: no other pair to choose beta from")
        return str(others.mean(axis=1).idxmax())


@dataclass(frozen=True)
class PerPairOracle(BetaRule):
    """Best on this pair's own labelled tuning scans of the target."""

    name: ClassVar[str] = "per pair"
    oracle: ClassVar[bool] = True

    def choose(self, curves: pd.DataFrame, pair: str) -> str:
        """See the class."""
        return str(curves[pair].idxmax())


RULES: tuple[BetaRule, ...] = (LeaveOnePairOut(), PerPairOracle())


def curves(
    frame: pd.DataFrame, pairs: Pairs, evaluation: str, metric: str = METRIC
) -> pd.DataFrame:
    """Scores of what has a beta: columns system, seed, beta (float), pair, value.

    frame: ledger rows of one kind of data. pairs: those of the data; a small profile runs a part of
    them. evaluation: "tuning" or "cross-domain".
    """
    names = {pair: name for name, pair in held(frame, pairs).items()}
    chosen = frame[
        (frame["evaluation"] == evaluation) & (frame["metric"] == metric) & (frame["beta"] != "-")
    ]
    targets = chosen["domain"].str.removesuffix(f" {TUNING}")
    named = [names.get(Pair(*p)) for p in zip(chosen["source"], targets, strict=True)]
    found = chosen.assign(pair=named, beta=chosen["beta"].astype(float)).dropna(subset="pair")
    return found[["system", "seed", "beta", "pair", "value"]].reset_index(drop=True)


def chosen_betas(frame: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """What each rule picks: columns system, seed, rule, pair, beta (text as in the rows)."""
    texts = {float(b): b for b in frame["beta"].unique() if b != "-"}
    found = []
    for (system, seed), group in curves(frame, pairs, TUNING).groupby(
        ["system", "seed"], sort=False
    ):
        table = group.pivot(index="beta", columns="pair", values="value").sort_index()
        for rule, pair in product(RULES, table.columns):
            beta = texts[float(rule.choose(table, pair))]
            place = {"system": system, "seed": seed, "rule": rule.name, "pair": pair}
            found.append(place | {"beta": beta})
    return pd.DataFrame(found, columns=["system", "seed", "rule", "pair", "beta"])


def derivation(pairs: Mapping[str, Pairs]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A paper's `derive`, from its pairs for each kind of data; rows of other kinds stay as they are."""
    return lambda frame: derive(frame, pairs.get(str(frame["data"].iloc[0]), {}))


def derive(frame: pd.DataFrame, pairs: Pairs) -> pd.DataFrame:
    """One row per system, rule for beta, pair, repetition and metric.

    Rows of a study without pairs (a matrix, say) come back as they are. Columns otherwise: paper,
    profile, data, system, beta ("averaged", "per pair" or "-"), pair, seed, metric, value, chosen (the
    beta). The pair "Average" is the mean over all pairs.
    """
    if not pairs:
        return frame
    known = held(frame, pairs)
    head = {name: frame[name].iloc[0] for name in ("paper", "profile", "data")}
    both = (*_swapped(frame, known), *_unadapted(frame, known))
    found = pd.DataFrame([{**head, **row} for row in both])
    return pd.concat([found, _average(found, len(known))], ignore_index=True)


def picks(measured: Results, system: str, rule: str) -> dict[str, str]:
    """The beta that a rule picked for each pair; the commonest one over the repetitions."""
    found = rows(measured.derived, system=system, beta=rule, metric=METRIC)
    return {
        str(pair): str(group["chosen"].mode().iloc[0])
        for pair, group in found[found["pair"] != AVERAGE].groupby("pair", sort=False)
    }


def held(frame: pd.DataFrame, pairs: Pairs) -> dict[str, Pair]:
    """Those pairs that the rows hold."""
    there = set(zip(frame["source"], frame["domain"], strict=True))
    return {name: pair for name, pair in pairs.items() if tuple(pair) in there}


def _swapped(frame: pd.DataFrame, pairs: Pairs) -> Iterator[Mapping[str, Any]]:
    """Test scores at the betas that the rules picked."""
    picked = chosen_betas(frame, pairs).assign(chosen=lambda f: f["beta"].astype(float))
    for metric in (name for name in METRICS if name in set(frame["metric"])):
        scores = curves(frame, pairs, "cross-domain", metric).rename(columns={"beta": "chosen"})
        found = picked.merge(scores, on=["system", "seed", "pair", "chosen"], how="left")
        for row in found.to_dict("records"):
            yield {
                "system": row["system"],
                "beta": row["rule"],
                "pair": row["pair"],
                "seed": row["seed"],
                "metric": metric,
                "value": row["value"],
                "chosen": row["beta"],
            }


def _unadapted(frame: pd.DataFrame, pairs: Pairs) -> Iterator[Mapping[str, Any]]:
    """Scores without a beta: the source model on each pair's target."""
    plain = frame[(frame["beta"] == "-") & frame["metric"].isin(METRICS)]
    for name, pair in pairs.items():
        here = plain[(plain["source"] == pair.source) & (plain["domain"] == pair.target)]
        for row in here.to_dict("records"):
            kept = {n: row[n] for n in ("system", "beta", "seed", "metric", "value")}
            yield kept | {"pair": name, "chosen": "-"}


def _average(found: pd.DataFrame, count: int) -> pd.DataFrame:
    """Means over the pairs, of those repetitions that have all of them."""
    keys = ["paper", "profile", "data", "system", "beta", "seed", "metric"]
    grouped = found.groupby(keys, sort=False)["value"]
    means = grouped.mean()[grouped.size() == count].reset_index()
    return means.assign(pair=AVERAGE, chosen="-")
