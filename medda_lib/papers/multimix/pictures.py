"""What only the chapter on MultiMix shows: its figures remade, its layers, and how its Dice contradicts.

Each function that draws returns the figure and its alt text; what is drawn comes from the arguments
alone. On the Dice: for one pair of masks J <= D and D = 2J / (1 + J), and D = 2PR / (P + R) with
precision and recall. Means over images bend the equations a little, never by tenths, and not the order.
In Tables 2 and 3 nearly every row of a system without a saliency bridge has a Dice that its Jaccard
contradicts, often one below the Jaccard itself, while Jaccard, precision and recall mostly agree
(`contradictions` counts). One candidate: the Dice was computed on unthresholded outputs (a soft Dice).
That would explain the pattern if, in our own rows, the soft Dice falls short of the Dice by a
similar amount for systems without the bridge and not for those with it. `soft_and_hard` measures that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.datasets.chest_xray import nih_chestxray14_subset
from medda_lib.figures.accuracy_curves import accuracy_curves
from medda_lib.figures.masks import masks as draw_masks
from medda_lib.figures.roc import roc as draw_roc
from medda_lib.figures.scatter import scatter_against_identity
from medda_lib.figures.shift_matrix import shift_matrix
from medda_lib.methods.augment.strong import strong
from medda_lib.methods.augment.weak import weak
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.networks.shapes import observed
from medda_lib.papers import pictures
from medda_lib.papers.live import Live
from medda_lib.papers.multimix.study import BUDGETS, PAPER
from medda_lib.papers.pictures import Drawn
from medda_lib.papers.results import Results
from medda_lib.studies.reported import reported
from medda_lib.tasks.chest_xray import RealSources

BOXED = ("U-Net", "UMTL", "UMTL-S", "UMTL-SSL", "UMTL-SSL-S", "MultiMix")
CURVED = ("Enc", "Enc-MM", "Enc-SSL", "UMTL", "UMTL-SSL", "MultiMix")
BRIDGED = ("UMTL-S", "UMTL-SSL-S", "MultiMix")
EVALUATIONS = ("in-domain", "cross-domain")
SIZE = 256
"""Pixels of a side of the images in Tables 4 and 5."""
TOLERANCE = 0.02
"""How far a printed Dice may lie from the implied one: rounding and means over images."""


# --- the studies ---------------------------------------------------------------------------------


def row(system: str, labels: str, masks: str) -> str:
    """The table row of a system: it has no labels column, no masks column, or both."""
    if system == "U-Net":
        return f"{system}|-|{masks}"
    return f"{system}|{labels}|-" if system.startswith("Enc") else f"{system}|{labels}|{masks}"


def count(measured: Results, labels: str) -> int:
    """Images behind a column entry of the tables: 100 for "100", the whole pool for "Full".

    The pool of the NIH subset is its share of training images, give or take a patient: the split
    is by patient.
    """
    budget = BUDGETS[measured.profile]
    if measured.data == "phantom":
        whole = budget.sources.classification.train
    else:
        whole = round(RealSources().fractions[0] * nih_chestxray14_subset.CARD.counts["images"])
    return budget.count(labels) or whole


def majority(measured: Results, evaluation: str) -> float:
    """Accuracy of always giving the more frequent class of the test images."""
    path = measured.path(evaluation, "classification", "labels")
    labels = np.asarray(measured.images.arrays[path], dtype=np.int64)
    ill = float((labels[(labels >= 0).all(axis=1)] == 1).mean())
    return max(ill, 1 - ill)


def by_image(measured: Results, name: str, evaluation: str, quantity: str) -> NDArray[np.float64]:
    """A quantity of every segmented test image in every repetition of a row, flat."""
    path = measured.path(evaluation, "segmentation", quantity)
    return measured.images.get(name, path).ravel()


def dice_boxes(measured: Results, labels: str, masks: str) -> Drawn:
    """Figure 3: Dice per test image, in and across domain, at one number of labels and masks."""
    groups = {
        each: {s: by_image(measured, row(s, labels, masks), each, "dice") for s in BOXED}
        for each in EVALUATIONS
    }
    return pictures.spread(groups, "Dice per image for six systems")


def bland_altman(measured: Results, evaluation: str, labels: str) -> Drawn:
    """Figure 5: predicted against true lung area of MultiMix, a panel per number of masks."""
    panels = {}
    for masks in measured.columns("MultiMix", "masks"):
        name = row("MultiMix", labels, masks)
        true, found = (
            by_image(measured, name, evaluation, f"pixels_{which}")
            for which in ("true", "predicted")
        )
        panels[f"{masks} masks"] = (true, found)
    return pictures.agreements(panels, f"lung area, {evaluation}", "pixels")


def accuracy_against_labels(measured: Results, evaluation: str) -> Drawn:
    """Figure 6: accuracy at 100, 1000 and all labels; multi-task systems with 50 masks."""
    rows = measured.rows(evaluation=evaluation, metric="accuracy")
    chosen = rows[rows["masks"].isin(["-", "50"]) & rows["system"].isin(CURVED)]
    names = measured.columns("Enc", "labels")
    wide = chosen.pivot_table(index=["system", "labels"], columns="seed", values="value")
    curves = {s: np.stack([wide.loc[(s, n)].to_numpy() for n in names]) for s in CURVED}
    counts = [count(measured, name) for name in names]
    figure = accuracy_curves(counts, curves, chance=majority(measured, evaluation))
    words = "; ".join(f"{s} {v.mean(axis=1).round(2).tolist()}" for s, v in curves.items())
    return figure, f"Accuracy, {evaluation}, at {', '.join(names)} labels: {words}."


def roc(measured: Results, labels: str, masks: str) -> Drawn:
    """Figure 7: ROC curves of the first repetition; the alt text has the areas."""
    panels: dict[str, dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]] = {}
    for evaluation in EVALUATIONS:
        for system in CURVED:
            try:
                score, truth = (
                    measured.images.get(
                        row(system, labels, masks),
                        measured.path(evaluation, "classification", what),
                    )[0]
                    for what in ("probabilities", "labels")
                )
            except IndexError:  # this kind of data has no such test
                continue
            panels.setdefault(evaluation, {})[system] = (score, truth)
    words = ", ".join(f"{len(curves)} systems {name}" for name, curves in panels.items())
    return draw_roc(panels), f"ROC curves of {words}; the legend gives the areas under them."


def matrix(measured: Results, problem: str, metric: str) -> Drawn:
    """The transfer matrix: rows are training domains, columns test domains (the shift study)."""
    rows = measured.rows(problem=problem, metric=metric)
    chosen = rows[~rows["domain"].str.contains(">")]
    values = chosen.pivot_table(index="trained on", columns="domain", values="value")
    figure = shift_matrix(values.to_numpy(), list(values.index), list(values.columns), metric)
    words = (f"{k}: {v.round(2).to_dict()}" for k, v in values.iterrows())
    return figure, f"Matrix of {metric}, by training domain. {'; '.join(words)}."


def dial(measured: Results) -> Drawn:
    """Both dials: how the score of a fixed network falls with the strength of the shift."""
    return pictures.dial(measured, ("dice", "accuracy"), ("metric", "ends"))


# --- live runs -----------------------------------------------------------------------------------


def augmented_views(
    image: Tensor, seed: int, each: int = 3
) -> tuple[NDArray[np.float32], list[str]]:
    """An image (1, 1, h, w), weak and strong views of it: (1 + 2 each, h, w) with their titles."""
    rng = torch.Generator().manual_seed(seed)
    copies = image.repeat(each, 1, 1, 1)
    views = torch.cat([image, weak(copies, rng), strong(copies, rng)])
    return views[:, 0].numpy(), ["image", *["weak"] * each, *["strong"] * each]


def boundaries(live: Live, other: Live, count: int = 3) -> Drawn:
    """Figure 4: reference and predicted lung boundaries of two systems on the same images."""
    domain, pool = live.test("segmentation", "cross-domain")
    images, truth = pool.images[:count], pool.need_masks()[:count]
    return pictures.outlined([other, live], images, truth, f"{count} test images of {domain}")


def masks(live: Live, count: int = 2) -> Drawn:
    """Figure 8: predicted masks against the reference, in domain and across."""
    parts, names = [], []
    for evaluation in EVALUATIONS:
        domain, pool = live.test("segmentation", evaluation)
        images = pool.images[:count]
        parts.append((images, pool.need_masks()[:count], live.segment(images)))
        names.append(domain)
    shown, truth, predicted = (torch.cat(part)[:, 0].numpy() for part in zip(*parts, strict=True))
    return draw_masks(shown, truth, predicted), (
        f"{count} images of {names[0]} and {count} of {names[1]} with their lungs: found, missed and "
        "wrongly added pixels in different colours."
    )


# --- the paper against itself --------------------------------------------------------------------


def layers() -> pd.DataFrame:
    """Tables 4 and 5 against the network: table, row, layer, column, paper, ours, equal.

    Raises ValueError when a table has more or fewer rows than the network has layers.
    """
    network = MultiMixNet(bridge=True, literal=True).eval()
    seen = observed(network, torch.rand(1, 1, SIZE, SIZE))
    found = []
    for table in ("4", "5"):
        mine = [layer for layer in seen if layer.name.startswith("decoder") == (table == "5")]
        printed = reported(PAPER, table)
        names = list(dict.fromkeys(printed["row"]))
        if len(names) != len(mine):
            raise ValueError(f"table {table}: {len(names)} rows, {len(mine)} layers")
        known = dict(zip(names, mine, strict=True))
        for cell in printed.to_dict("records"):
            layer = known[cell["row"]]
            shape = spelled(layer.before if cell["column"].startswith("Input") else layer.after)
            place = (table, cell["row"], layer.kind, cell["column"])
            found.append((*place, cell["mean"], shape, cell["mean"] == shape))
    columns = ["table", "row", "layer", "column", "paper", "ours", "equal"]
    return pd.DataFrame(found, columns=columns)


def spelled(shape: tuple[int, ...]) -> str:
    """A shape as the paper prints it: channels last, the minibatch as m."""
    return " x ".join(("m", *map(str, (*shape[2:], shape[1]))))


def implied_dice(table: str) -> pd.DataFrame:
    """Printed Dice beside what Jaccard, and precision and recall, of the same row imply.

    Columns: row, bridge, printed, from_jaccard, from_precision_recall, contradicts. Rows with a
    missing cell are left out.
    """
    cells = reported(PAPER, table).assign(mean=lambda f: pd.to_numeric(f["mean"]))
    wide = cells.pivot_table(index="row", columns="metric", values="mean", sort=False)
    wide = wide.dropna(subset=["dice", "jaccard", "precision", "recall"]).reset_index()
    j, p, r = wide["jaccard"], wide["precision"], wide["recall"]
    frame = pd.DataFrame(
        {
            "row": wide["row"],
            "bridge": wide["row"].str.split("|").str[0].isin(BRIDGED),
            "printed": wide["dice"],
            "from_jaccard": 2 * j / (1 + j),
            "from_precision_recall": 2 * p * r / (p + r),
        }
    )
    gap = (frame["printed"] - frame["from_jaccard"]).abs()
    return frame.assign(contradicts=gap > TOLERANCE)


def contradictions() -> pd.DataFrame:
    """Rows of Tables 2 and 3 by table and system in which the printed overlaps contradict each other.

    Columns: rows; "J above D"; "D off" and "P, R off", by more than `TOLERANCE` from what J implies.
    """
    frame = pd.concat({table: implied_dice(table) for table in ("2", "3")}, names=["table"])
    system = frame["row"].str.split("|").str[0].rename("system")
    off = (frame["from_precision_recall"] - frame["from_jaccard"]).abs() > TOLERANCE
    found = {"J above D": above(frame), "D off": frame["contradicts"], "P, R off": off}
    counted = frame.assign(rows=True, **found).groupby(["table", system], sort=False)
    return counted[["rows", *found]].sum()


def above(implied: pd.DataFrame) -> pd.Series[bool]:
    """Whether the printed Dice lies below the Jaccard itself, which no pair of masks allows."""
    jaccard = implied["from_jaccard"] / (2 - implied["from_jaccard"])
    return implied["printed"] < jaccard.round(6)  # printed with three digits: equal ones stay equal


def contradicted() -> str:
    """The counts of `contradictions` with and without the bridge, as sentences."""
    counts = contradictions()
    bridge = counts.index.get_level_values("system").isin(BRIDGED)
    without, with_ = counts[~bridge].sum(), counts[bridge].sum()
    off = counts["P, R off"].sum()
    return (
        f"Without the bridge the Dice is off in {without['D off']} of {without['rows']} rows, and below "
        f"the Jaccard in {without['J above D']}; with it in {with_['D off']} of {with_['rows']} and in "
        f"{with_['J above D']}. Precision and recall agree with the Jaccard in all but {off} of "
        f"{counts['rows'].sum()}."
    )


def printed_against_implied() -> Drawn:
    """The paper's printed Dice against the Dice that its Jaccard implies, Tables 2 and 3."""
    frame = pd.concat([implied_dice(table) for table in ("2", "3")])
    points = {
        f"{'with' if bridge else 'without'} bridge": (part["from_jaccard"], part["printed"])
        for bridge, part in frame.groupby("bridge")
    }
    labels = ("Dice implied by the printed Jaccard", "printed Dice")
    off = frame.groupby("bridge")["contradicts"].agg(["sum", "size"])
    return scatter_against_identity(points, *labels), (
        "Printed against implied Dice. Rows that lie off the diagonal: "
        f"{off.loc[False, 'sum']} of {off.loc[False, 'size']} without the bridge, "
        f"{off.loc[True, 'sum']} of {off.loc[True, 'size']} with it."
    )


def soft_and_hard(frame: pd.DataFrame) -> pd.DataFrame:
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


def soft_summary(table: str, evaluation: str, frame: pd.DataFrame) -> pd.DataFrame:
    """With and without the bridge: the paper's printed-minus-implied Dice, and our soft-minus-hard.

    If the soft Dice were the explanation, both columns would be clearly negative without the bridge
    and near zero with it.
    """
    paper = implied_dice(table).assign(gap=lambda f: f["printed"] - f["from_jaccard"])
    paper["impossible"] = above(paper)
    mine = soft_and_hard(frame)
    mine = mine[mine["evaluation"] == evaluation].assign(gap=lambda f: -f["gap"])
    bridge = paper.groupby("bridge")
    rows = {
        "rows with JS > DS in the paper": bridge["impossible"].sum(),
        "rows in the paper": bridge.size(),
        "paper: printed Dice minus implied": bridge["gap"].mean(),
        "ours: soft Dice minus Dice": mine.groupby("bridge")["gap"].mean(),
    }
    return pd.DataFrame(rows).rename(index={False: "without bridge", True: "with bridge"}).T


def soft_verdict(summaries: Mapping[str, pd.DataFrame]) -> str:
    """One sentence on whether a soft Dice explains the paper's pattern, from `soft_summary` frames.

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
