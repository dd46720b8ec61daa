"""Pictures that several chapters draw of their numbers and live parts, each with its alt text.

What is drawn comes from the arguments alone, the drawing itself is done by `medda_lib.figures`; the alt
text tells the numbers that a reader should see. What only one paper shows stands in its own `pictures`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from torch import Tensor

from medda_lib.figures.accuracy_curves import accuracy_curves
from medda_lib.figures.bland_altman import agreement, bland_altman
from medda_lib.figures.boundaries import boundaries
from medda_lib.figures.boxes import boxes
from medda_lib.figures.display import show_figure
from medda_lib.metrics import segmentation
from medda_lib.papers.live import Live
from medda_lib.papers.results import Results

Drawn = tuple[Figure, str]
NOT_RUN = "Not run at this profile."


def shown(
    draw: Callable[..., Drawn],
    measured: Results | None,
    caption: str,
    name: str,
    **options: object,
) -> None:
    """Show `draw(measured, **options)`, with what it was measured on; or say that it was not run."""
    if measured is None:
        print(NOT_RUN)
        return
    figure, alt = draw(measured, **options)
    show_figure(figure, f"{caption} {measured.measured_on}", alt, name=name)


def spread(groups: Mapping[str, Mapping[str, ArrayLike]], what: str, label: str = "Dice") -> Drawn:
    """Boxes of scores per image, group by group and system by system; the alt text has medians."""
    medians = "; ".join(
        f"{group}: {', '.join(f'{name} {np.median(np.asarray(x)):.2f}' for name, x in found.items())}"
        for group, found in groups.items()
    )
    return boxes(groups, label), f"Box plots of {what}. Medians {medians}."


def agreements(
    panels: Mapping[str, tuple[ArrayLike, ArrayLike]],
    what: str,
    unit: str,
    digits: int = 0,
    **look: int,
) -> Drawn:
    """Bland-Altman plots of true and predicted sizes in a unit; the alt text has bias and spread."""
    words = []
    for title, pair in panels.items():
        found = agreement(*pair)
        words.append(
            f"{title}: bias {found.bias:+.{digits}f} {unit}, sd {found.deviation:.{digits}f} {unit}"
        )
    return bland_altman(panels, unit, **look), f"Bland-Altman plots of {what}. {'; '.join(words)}."


def outlined(runs: Sequence[Live], images: Tensor, truth: Tensor, what: str) -> Drawn:
    """Reference and predicted outlines of several live systems on the same images (n, 1, h, w)."""
    predictions, scores = {}, {}
    for run in runs:
        found = run.segment(images)
        predictions[run.name] = found[:, 0].numpy()
        scores[run.name] = segmentation.per_image(found, truth, images)["dice"]
    figure = boundaries(images[:, 0].numpy(), truth[:, 0].numpy(), predictions, scores)
    words = "; ".join(f"{name}: Dice {values.mean():.2f}" for name, values in scores.items())
    return figure, f"Outlines on {what}. {words}."


def by_number(measured: Results, column: str, metric: str) -> dict[str, pd.DataFrame]:
    """Scores by a number in a column of the rows (index) and repetition, for each pair of sites.

    The entry "mean" is the mean over the pairs.
    """
    found = measured.rows(metric=metric).assign(number=lambda f: f[column].astype(int))
    parts = {"mean": found}
    for (source, target), part in found.groupby(["source", "target"], sort=False):
        parts[f"{source} to {target}"] = part
    return {
        name: part.pivot_table(index="number", columns="seed", values="value")
        for name, part in parts.items()
    }


def against(measured: Results, column: str, metric: str, labels: tuple[str, str]) -> Drawn:
    """Scores against a number in a column of the rows, each pair of sites and their mean.

    labels: of the axes, number and score.
    """
    found = by_number(measured, column, metric)
    counts = [int(k) for k in found["mean"].index]
    curves = {name: frame.to_numpy() for name, frame in found.items()}
    words = ", ".join(f"{k}: {v:.3f}" for k, v in found["mean"].mean(axis=1).items())
    number, score = labels
    figure = accuracy_curves(counts, curves, number, score)
    return (
        figure,
        f"{score[0].upper()}{score[1:]} against the number of {number}; mean over pairs {words}.",
    )


def along_dial(
    measured: Results, metrics: Sequence[str], by: Sequence[str] = ("system",)
) -> pd.DataFrame:
    """Score by strength of the shift: a column for each curve and repetition.

    by: columns of the rows that tell curves apart; "ends" is where the dial leads, "chex to nihx".
    """
    frame = measured.frame
    on_dial = frame[frame["domain"].str.contains(">") & frame["metric"].isin(metrics)]
    ends = on_dial["domain"].str.partition("@")
    named = on_dial.assign(strength=ends[2].astype(float), ends=ends[0].str.replace(">", " to "))
    named = named.assign(curve=named[list(by)].agg(", ".join, axis=1))
    return named.pivot_table(index="strength", columns=["curve", "seed"], values="value")


def dial(
    measured: Results, metrics: Sequence[str], by: Sequence[str] = ("system",), label: str = "score"
) -> Drawn:
    """How the score of a fixed network falls with the strength of the shift; see `along_dial`."""
    curves = along_dial(measured, metrics, by)
    panels = {str(name): curves[name].to_numpy() for name in curves.columns.unique("curve")}
    figure = accuracy_curves(curves.index.tolist(), panels, "strength of the shift", label)
    words = "; ".join(f"{k}: {v.mean(axis=1).round(2).tolist()}" for k, v in panels.items())
    return figure, f"{label[0].upper()}{label[1:]} at strengths {curves.index.tolist()}: {words}."
