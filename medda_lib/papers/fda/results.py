"""The paper's tables beside ours, and what the chapter's pictures need of the studies.

Tables 2 and 3 have one row per pair and one column per system and rule for beta; they are made of
the rows that `rules.derive` makes of a study. Table 1 stands in the rows of the matrix as it is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medda_lib.figures.tables import Table
from medda_lib.papers import results as shared
from medda_lib.papers.fda.pairs import Pair, matrix_of, pairs_of
from medda_lib.papers.fda.rules import AVERAGE, METRIC, derive
from medda_lib.papers.results import Results, reported_table

PAPER = "fda"


def results(profile: str, data: str, seeds: int | None = None) -> Results | None:
    """Committed results of a kind of data; at `smoke` the study is run here. None where not run."""
    return shared.results(PAPER, profile, data, seeds)


def table1(measured: Results) -> Table:
    """Table 1, naive transfer: rows are targets, columns sources."""
    ours = shared.cells(measured.frame, ["domain"], ["source"], system="No DA", metric=METRIC)
    return shared.beside(
        reported_table(PAPER, "1", "column"),
        ours,
        "Table 1, surface Dice without adaptation: rows are targets, columns sources; CC359 in the "
        "paper. " + measured.measured_on,
        digits=2,
    )


def beside_pairs(measured: Results, table: str) -> Table:
    """Table 2 or 3: rows are pairs, columns system and rule for beta."""
    ours = shared.cells(derive(measured.frame), ["pair"], ["system", "beta"], metric=METRIC)
    words = {"2": "systems and baselines", "3": "what each part adds"}[table]
    return shared.beside(
        reported_table(PAPER, table, "column"),
        ours,
        f"Table {table}, surface Dice, {words}; CC359 in the paper. {measured.measured_on}",
        digits=2,
    )


def own_table(measured: Results, metrics: tuple[str, ...] = (METRIC, "dice")) -> pd.DataFrame:
    """Means over repetitions of a study that has no table in the paper: systems by pair and metric.

    The last rows are the networks trained on the target itself: the upper bound.
    """
    rows = derive(measured.frame)
    rows = rows[rows["metric"].isin(metrics)]
    bound = _at_home(measured, metrics)
    both = pd.concat([rows, bound], ignore_index=True)
    names = both["system"] + np.where(both["beta"] == "-", "", ", beta " + both["beta"])
    wide = both.assign(system=names).pivot_table(
        index="system", columns=["metric", "pair"], values="value", sort=False
    )
    return wide.round(3)


def _at_home(measured: Results, metrics: tuple[str, ...]) -> pd.DataFrame:
    """Each pair's upper bound: the target's own network on the target."""
    frame = measured.frame
    home = frame[
        (frame["evaluation"] == "in-domain")
        & (frame["system"] == "No DA")
        & frame["metric"].isin(metrics)
    ]
    parts = [
        home[home["source"] == pair.target].assign(pair=name)
        for name, pair in pairs_of(measured.data).items()
    ]
    joined = pd.concat(parts).assign(system="trained on the target")
    return joined[["system", "beta", "pair", "seed", "metric", "value"]]


def matrix(measured: Results, metric: str = METRIC) -> pd.DataFrame:
    """Our Table 1 as numbers: targets in rows, sources in columns, means over repetitions."""
    return matrix_of(measured.frame, metric)


def by_scan(
    measured: Results, system: str, beta: str, pair: Pair, quantity: str
) -> NDArray[np.float64]:
    """A quantity of the test scans of a pair, (repetitions, scans).

    beta: as in the rows, "-" for the source model. quantity: "surface_dice", "pixels_true" ...
    """
    row = f"{system}|{beta}|{pair.source}"
    return measured.images.get(row, f"cross-domain/{pair.target}/segmentation/{quantity}")


def picks(measured: Results, system: str, rule: str) -> dict[str, str]:
    """The beta that a rule picked for each pair; the commonest one over the repetitions."""
    rows = derive(measured.frame)
    chosen = rows[
        (rows["system"] == system)
        & (rows["beta"] == rule)
        & (rows["metric"] == METRIC)
        & (rows["pair"] != AVERAGE)
    ]
    return {
        str(pair): str(group["chosen"].mode().iloc[0])
        for pair, group in chosen.groupby("pair", sort=False)
    }


def by_beta(measured: Results, metric: str) -> pd.DataFrame:
    """Test scores by pair and system (rows) and beta (columns), means over repetitions."""
    names = {tuple(pair): name for name, pair in pairs_of(measured.data).items()}
    frame = measured.frame
    chosen = frame[(frame["evaluation"] == "cross-domain") & (frame["metric"] == metric)]
    places = zip(chosen["source"], chosen["domain"], strict=True)
    named = chosen.assign(pair=[names.get(place) for place in places]).dropna(subset="pair")
    wide = named.pivot_table(index=["pair", "system"], columns="beta", values="value", sort=False)
    return wide[sorted(wide.columns, key=lambda b: -1.0 if b == "-" else float(b))].round(3)
