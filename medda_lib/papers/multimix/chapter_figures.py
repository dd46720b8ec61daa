"""The paper's figures, remade from results (Figures 3, 5, 6, 7) or from a live run (4, 8, 9, 10).

Each function returns the figure and its alt text. What is drawn comes from the arguments alone; the
drawing itself is done by `medda_lib.figures`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from medda_lib.figures.accuracy_curves import accuracy_curves
from medda_lib.figures.bland_altman import agreement
from medda_lib.figures.bland_altman import bland_altman as draw_bland_altman
from medda_lib.figures.boundaries import boundaries as draw_boundaries
from medda_lib.figures.boxes import boxes
from medda_lib.figures.masks import masks as draw_masks
from medda_lib.figures.roc import roc as draw_roc
from medda_lib.figures.scatter import scatter_against_identity
from medda_lib.figures.shift_matrix import shift_matrix
from medda_lib.metrics import segmentation
from medda_lib.papers.multimix import contradiction
from medda_lib.papers.multimix.live import Live
from medda_lib.papers.multimix.results import Results

Drawn = tuple[Figure, str]
BOXED = ("U-Net", "UMTL", "UMTL-S", "UMTL-SSL", "UMTL-SSL-S", "MultiMix")
CURVED = ("Enc", "Enc-MM", "Enc-SSL", "UMTL", "UMTL-SSL", "MultiMix")
EVALUATIONS = ("in-domain", "cross-domain")


def row(system: str, labels: str, masks: str) -> str:
    """The table row of a system: it has no labels column, no masks column, or both."""
    if system == "U-Net":
        return f"{system}|-|{masks}"
    return f"{system}|{labels}|-" if system.startswith("Enc") else f"{system}|{labels}|{masks}"


def dice_boxes(results: Results, labels: str, masks: str) -> Drawn:
    """Figure 3: Dice per test image, in and across domain, at one number of labels and masks."""
    groups = {
        evaluation: {s: results.dice(row(s, labels, masks), evaluation) for s in BOXED}
        for evaluation in EVALUATIONS
    }
    medians = "; ".join(
        f"{e}: " + ", ".join(f"{s} {np.median(v):.2f}" for s, v in g.items())
        for e, g in groups.items()
    )
    return boxes(groups), f"Box plots of Dice per image for six systems. Medians {medians}."


def bland_altman(results: Results, evaluation: str, labels: str) -> Drawn:
    """Figure 5: predicted against true lung area of MultiMix, a panel per number of masks."""
    panels, words = {}, []
    for count in results.columns("MultiMix", "masks"):
        true, predicted = (
            results.images.get(
                row("MultiMix", labels, count),
                results.path(evaluation, "segmentation", f"pixels_{which}"),
            ).ravel()
            for which in ("true", "predicted")
        )
        panels[f"{count} masks"] = (true, predicted)
        found = agreement(true, predicted)
        words.append(f"{count} masks: bias {found.bias:.0f}, sd {found.deviation:.0f} pixels")
    figure = draw_bland_altman(panels, "pixels")
    return figure, f"Bland-Altman plots of lung area, {evaluation}. {'; '.join(words)}."


def accuracy_against_labels(results: Results, evaluation: str) -> Drawn:
    """Figure 6: accuracy at 100, 1000 and all labels; multi-task systems with 50 masks."""
    frame = results.frame
    chosen = frame[
        (frame["evaluation"] == evaluation)
        & (frame["metric"] == "accuracy")
        & frame["masks"].isin(["-", "50"])
        & frame["system"].isin(CURVED)
    ]
    names = results.columns("Enc", "labels")
    wide = chosen.pivot_table(index=["system", "labels"], columns="seed", values="value")
    curves = {s: np.stack([wide.loc[(s, n)].to_numpy() for n in names]) for s in CURVED}
    figure = accuracy_curves(
        [results.count(n) for n in names], curves, chance=results.majority(evaluation)
    )
    words = "; ".join(f"{s} {v.mean(axis=1).round(2).tolist()}" for s, v in curves.items())
    return figure, f"Accuracy, {evaluation}, at {', '.join(names)} labels: {words}."


def roc(results: Results, labels: str, masks: str) -> Drawn:
    """Figure 7: ROC curves of the first repetition; the alt text has the areas."""
    panels: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for evaluation in EVALUATIONS:
        curves = {}
        for system in CURVED:
            name = row(system, labels, masks)
            try:
                score, truth = (
                    results.images.get(name, results.path(evaluation, "classification", q))[0]
                    for q in ("probabilities", "labels")
                )
            except IndexError:  # this kind of data has no such test
                continue
            curves[system] = (score, truth)
        if curves:
            panels[evaluation] = curves
    words = ", ".join(f"{len(curves)} systems {name}" for name, curves in panels.items())
    return draw_roc(panels), f"ROC curves of {words}; the legend gives the areas under them."


def boundaries(live: Live, other: Live, count: int = 3) -> Drawn:
    """Figure 4: reference and predicted lung boundaries of two systems on the same images."""
    domain, pool = live.test("segmentation", "cross-domain")
    images, truth = pool.images[:count], pool.need_masks()[:count]
    predictions, scores = {}, {}
    for run in (other, live):
        predicted = segmented(run, images)
        predictions[run.name] = predicted[:, 0].numpy()
        scores[run.name] = segmentation.per_image(predicted, truth, images)["dice"]
    figure = draw_boundaries(images[:, 0].numpy(), truth[:, 0].numpy(), predictions, scores)
    words = "; ".join(f"{n}: Dice {v.mean():.2f}" for n, v in scores.items())
    return figure, f"Lung outlines on {count} test images of {domain}. {words}."


def masks(live: Live, count: int = 2) -> Drawn:
    """Figure 8: predicted masks against the reference, in domain and across."""
    parts, names = [], []
    for evaluation in EVALUATIONS:
        domain, pool = live.test("segmentation", evaluation)
        images = pool.images[:count]
        parts.append((images, pool.need_masks()[:count], segmented(live, images)))
        names.append(domain)
    shown, truth, predicted = (torch.cat(part)[:, 0].numpy() for part in zip(*parts, strict=True))
    figure = draw_masks(shown, truth, predicted)
    return figure, (
        f"{count} images of {names[0]} and {count} of {names[1]} with their lungs: found, missed and "
        "wrongly added pixels in different colours."
    )


def segmented(live: Live, images: Tensor) -> Tensor:
    """Foreground probabilities (n, 1, h, w) on the CPU."""
    predicted = live.predictor.segment(images)
    if predicted is None:
        raise ValueError(f"{live.name} has no decoder; train a system that segments")
    return predicted.detach().cpu()


def printed_against_implied() -> Drawn:
    """The paper's printed Dice against the Dice that its Jaccard implies, Tables 2 and 3."""
    frames = [contradiction.implied_dice(t).assign(table=f"Table {t}") for t in ("2", "3")]
    frame = pd.concat(frames)
    figure = scatter_against_identity(
        {
            f"{'with' if bridge else 'without'} bridge": (part["from_jaccard"], part["printed"])
            for bridge, part in frame.groupby("bridge")
        },
        "Dice implied by the printed Jaccard",
        "printed Dice",
    )
    off = frame.groupby("bridge")["contradicts"].agg(["sum", "size"])
    return figure, (
        "Printed against implied Dice. Rows that lie off the diagonal: "
        f"{off.loc[False, 'sum']} of {off.loc[False, 'size']} without the bridge, "
        f"{off.loc[True, 'sum']} of {off.loc[True, 'size']} with it."
    )


def matrix(results: Results, problem: str, metric: str) -> Drawn:
    """The transfer matrix: rows are training domains, columns test domains (the shift study)."""
    frame = results.frame
    chosen = frame[
        (frame["problem"] == problem)
        & (frame["metric"] == metric)
        & ~frame["domain"].str.contains(">")
    ]
    values = chosen.pivot_table(index="trained on", columns="domain", values="value")
    figure = shift_matrix(values.to_numpy(), list(values.index), list(values.columns), metric)
    rows = (f"{k}: {v.round(2).to_dict()}" for k, v in values.iterrows())
    return figure, f"Matrix of {metric}, by training domain. {'; '.join(rows)}."


def dial_curves(results: Results) -> pd.DataFrame:
    """Score by strength of the shift, a column for each dial and repetition (the shift study)."""
    frame = results.frame
    chosen = frame[frame["domain"].str.contains(">") & frame["metric"].isin(["dice", "accuracy"])]
    ends = chosen["domain"].str.partition("@")
    curve = chosen["metric"] + ", " + ends[0].str.replace(">", " to ")
    named = chosen.assign(strength=ends[2].astype(float), curve=curve)
    return named.pivot_table(index="strength", columns=["curve", "seed"], values="value")


def dial(results: Results) -> Drawn:
    """Both dials: how the score of a fixed network falls with the strength of the shift."""
    curves = dial_curves(results)
    panels = {str(name): curves[name].to_numpy() for name in curves.columns.unique("curve")}
    figure = accuracy_curves(curves.index.tolist(), panels, "strength of the shift", "score")
    words = "; ".join(f"{k}: {v.mean(axis=1).round(2).tolist()}" for k, v in panels.items())
    return figure, f"Score at strengths {curves.index.tolist()}: {words}."
