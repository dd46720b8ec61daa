"""How beta is chosen: from curves of labelled tuning scans, by one of two rules with a name.

The grid of beta is searched on tuning scans of the targets, which are labelled and not those of the
test. "averaged": the best beta on average. The paper averages over all six pairs, the one under test
included; here that pair is left out, so that no label of the target is used. "per pair": the best
beta on the pair's own tuning scans. That takes labels of the target, so the rule is an oracle.

`derive` turns the rows of a study (one per beta) into those that Tables 2 and 3 and the claims speak
about (one per rule).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pandas as pd

from medda_lib.papers.fda.pairs import Pair, pairs_of

METRIC = "surface_dice"
METRICS = (METRIC, "surface_dice_2mm", "dice")
AVERAGE = "Average"
TUNING = "tuning"


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


def curves(frame: pd.DataFrame, evaluation: str, metric: str = METRIC) -> pd.DataFrame:
    """Scores of the swaps: columns system, seed, beta (float), pair, value.

    frame: ledger rows of one kind of data with pairs. evaluation: "tuning" or "cross-domain".
    """
    known = _known_pairs(frame)
    names = {pair: name for name, pair in known.items()}
    chosen = frame[
        (frame["evaluation"] == evaluation) & (frame["metric"] == metric) & (frame["beta"] != "-")
    ]
    targets = chosen["domain"].str.removesuffix(f" {TUNING}")
    named = [names.get(Pair(*p)) for p in zip(chosen["source"], targets, strict=True)]
    found = chosen.assign(pair=named, beta=chosen["beta"].astype(float)).dropna(subset="pair")
    return found[["system", "seed", "beta", "pair", "value"]].reset_index(drop=True)


def chosen_betas(frame: pd.DataFrame) -> pd.DataFrame:
    """What each rule picks: columns system, seed, rule, pair, beta (text as in the rows)."""
    texts = {float(b): b for b in frame["beta"].unique() if b != "-"}
    rows = []
    for (system, seed), group in curves(frame, TUNING).groupby(["system", "seed"], sort=False):
        table = group.pivot(index="beta", columns="pair", values="value").sort_index()
        for rule in RULES:
            for pair in table.columns:
                beta = texts[float(rule.choose(table, pair))]
                rows.append(
                    {"system": system, "seed": seed, "rule": rule.name, "pair": pair, "beta": beta}
                )
    return pd.DataFrame(rows, columns=["system", "seed", "rule", "pair", "beta"])


def derive(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of Tables 2 and 3: one per system, rule for beta, pair, repetition and metric.

    Rows of a study without pairs (the matrix, say) come back as they are. Columns otherwise: paper,
    profile, data, system, beta ("averaged", "per pair" or "-"), pair, seed, metric, value, chosen (the
    beta). The pair "Average" is the mean over all pairs.
    """
    data = str(frame["data"].iloc[0])
    try:
        pairs_of(data)
    except ValueError:
        return frame
    head = {name: frame[name].iloc[0] for name in ("paper", "profile", "data")}
    rows = pd.DataFrame([{**head, **row} for row in (*_swapped(frame), *_unadapted(frame))])
    return pd.concat([rows, _average(rows, len(_known_pairs(frame)))], ignore_index=True)


def _swapped(frame: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    """Test scores at the betas that the rules picked."""
    picked = chosen_betas(frame).assign(chosen=lambda f: f["beta"].astype(float))
    for metric in (name for name in METRICS if name in set(frame["metric"])):
        scores = curves(frame, "cross-domain", metric).rename(columns={"beta": "chosen"})
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


def _unadapted(frame: pd.DataFrame) -> Iterator[Mapping[str, Any]]:
    """Scores without a beta: the source model on each pair's target."""
    plain = frame[(frame["beta"] == "-") & frame["metric"].isin(METRICS)]
    for name, pair in _known_pairs(frame).items():
        here = plain[(plain["source"] == pair.source) & (plain["domain"] == pair.target)]
        for row in here.to_dict("records"):
            kept = {n: row[n] for n in ("system", "beta", "seed", "metric", "value")}
            yield kept | {"pair": name, "chosen": "-"}


def _average(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Means over the pairs, of those repetitions that have all of them."""
    keys = ["paper", "profile", "data", "system", "beta", "seed", "metric"]
    grouped = rows.groupby(keys, sort=False)["value"]
    means = grouped.mean()[grouped.size() == count].reset_index()
    return means.assign(pair=AVERAGE, chosen="-")


def _known_pairs(frame: pd.DataFrame) -> dict[str, Pair]:
    """Those pairs of the data that the rows hold (a small profile runs a part of them)."""
    held = set(zip(frame["source"], frame["domain"], strict=True))
    known = pairs_of(str(frame["data"].iloc[0]))
    return {name: pair for name, pair in known.items() if tuple(pair) in held}
