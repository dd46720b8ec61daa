"""Dice and Jaccard of the paper's tables contradict each other; what could explain it, and does it?

For one pair of masks J <= D and D = 2J / (1 + J), and D = 2PR / (P + R) with precision and recall.
Means over images bend these relations a little, never by tenths. In Tables 2 and 3 the Jaccard
exceeds the Dice wherever a system has no saliency bridge, while Jaccard, precision and recall agree
with each other. One candidate: the Dice was computed on unthresholded outputs (a soft Dice). That
would explain the pattern if, in our own rows, the soft Dice falls short of the Dice by a similar
amount for systems without the bridge and not for those with it. `ours` measures exactly that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from medda_lib.studies.reported import reported

BRIDGED = ("UMTL-S", "UMTL-SSL-S", "MultiMix")
TOLERANCE = 0.02
"""How far a printed Dice may lie from the implied one: rounding and means over images."""


def implied_dice(table: str) -> pd.DataFrame:
    """Printed Dice beside what Jaccard, and precision and recall, of the same row imply.

    Columns: row, bridge, printed, from_jaccard, from_precision_recall, contradicts. Rows with a
    missing cell are left out.
    """
    cells = reported("multimix", table).assign(mean=lambda f: pd.to_numeric(f["mean"]))
    wide = cells.pivot_table(index="row", columns="metric", values="mean", sort=False)
    wide = wide.dropna(subset=["dice", "jaccard", "precision", "recall"])
    j, p, r = wide["jaccard"], wide["precision"], wide["recall"]
    system = wide.index.str.split("|").str[0]
    frame = pd.DataFrame(
        {
            "row": wide.index,
            "bridge": np.isin(system, BRIDGED),
            "printed": wide["dice"].to_numpy(),
            "from_jaccard": (2 * j / (1 + j)).to_numpy(),
            "from_precision_recall": (2 * p * r / (p + r)).to_numpy(),
        }
    )
    gap = (frame["printed"] - frame["from_jaccard"]).abs()
    return frame.assign(contradicts=gap > TOLERANCE)


def ours(frame: pd.DataFrame) -> pd.DataFrame:
    """Our Dice, soft Dice and Jaccard by row and evaluation (means over the repetitions).

    frame: a ledger frame. Columns: evaluation, row, bridge, dice, soft_dice, jaccard, gap; gap is
    what leaving out the threshold costs (dice - soft_dice).
    """
    wanted = frame[frame["metric"].isin(["dice", "soft_dice", "jaccard"])]
    wanted = wanted.assign(row=wanted[["system", "labels", "masks"]].agg("|".join, axis=1))
    index = ["evaluation", "row", "system"]
    wide = wanted.pivot_table(index=index, columns="metric", values="value", sort=False)
    wide = wide.reset_index().assign(bridge=lambda f: f["system"].isin(BRIDGED))
    return wide.assign(gap=wide["dice"] - wide["soft_dice"]).drop(columns="system")


def summary(table: str, evaluation: str, frame: pd.DataFrame) -> pd.DataFrame:
    """With and without the bridge: the paper's printed-minus-implied Dice, and our soft-minus-hard.

    If the soft Dice were the explanation, both columns would be clearly negative without the bridge
    and near zero with it.
    """
    paper = implied_dice(table).assign(gap=lambda f: f["printed"] - f["from_jaccard"])
    mine = ours(frame)
    mine = mine[mine["evaluation"] == evaluation].assign(gap=lambda f: -f["gap"])
    rows = {
        "rows with JS > DS in the paper": paper.assign(
            gap=lambda f: f["printed"] < f["from_jaccard"] / (2 - f["from_jaccard"])
        )
        .groupby("bridge")["gap"]
        .sum(),
        "rows in the paper": paper.groupby("bridge").size(),
        "paper: printed Dice minus implied": paper.groupby("bridge")["gap"].mean(),
        "ours: soft Dice minus Dice": mine.groupby("bridge")["gap"].mean(),
    }
    return pd.DataFrame(rows).rename(index={False: "without bridge", True: "with bridge"}).T


def verdict(summaries: Mapping[str, pd.DataFrame]) -> str:
    """One sentence on whether a soft Dice explains the paper's pattern, from `summary` frames.

    It would have to lower the Dice without the bridge by at least half of what the paper shows, and
    by clearly less (half as much or less) with it.
    """
    explained = []
    for evaluation, frame in summaries.items():
        paper = frame.loc["paper: printed Dice minus implied"]
        mine = frame.loc["ours: soft Dice minus Dice"]
        deep = mine["without bridge"] <= 0.5 * paper["without bridge"]
        apart = abs(mine["with bridge"]) <= 0.5 * abs(mine["without bridge"])
        explained.append(
            f"{evaluation}: a soft Dice {'is' if deep else 'is not'} low enough without the bridge "
            f"({mine['without bridge']:+.3f} here, {paper['without bridge']:+.3f} in the paper), and "
            f"the bridge {'does' if apart else 'does not'} lift it ({mine['with bridge']:+.3f})"
        )
    return "; ".join(explained) + "."
