"""Bland-Altman plots: do two ways of measuring the same thing agree?

For each image the difference between measured and reference size is drawn against their mean. The
mean difference is the bias; 95 % of the differences of a normal distribution lie within 1.96 standard
deviations of it, the limits of agreement (Bland and Altman, Lancet 1986). Correlation would hide a
constant error; this does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import CARD, INK, PALETTE, canvas, same_length, styled, vector

NORMAL_95 = 1.96


@dataclass(frozen=True)
class Agreement:
    """Bias, standard deviation (n - 1 in the denominator) and limits of agreement, in the unit."""

    bias: float
    deviation: float
    lower: float
    upper: float
    n: int


def agreement(reference: ArrayLike, measured: ArrayLike) -> Agreement:
    """How well `measured` (n,) agrees with `reference` (n,), n >= 2.

    Differences are measured minus reference: a positive bias is an overestimate.
    """
    truth, found = vector("reference", reference), vector("measured", measured)
    n = same_length(reference=truth, measured=found)
    if n < 2:
        raise ValueError("limits of agreement need at least two images")
    difference = found - truth
    bias, deviation = float(difference.mean()), float(difference.std(ddof=1))
    reach = NORMAL_95 * deviation
    return Agreement(bias, deviation, bias - reach, bias + reach, n)


@styled
def bland_altman(
    panels: Mapping[str, tuple[ArrayLike, ArrayLike]], unit: str, columns: int = 3
) -> Figure:
    """One panel per entry: title -> (reference (n,), measured (n,)), both in `unit`.

    The panels share their axes; bias and limits are printed at the lines.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = canvas(
        rows, columns, width=2.9 * columns + 0.6, height=2.5 * rows + 0.3, sharex=True, sharey=True
    )
    for axis, (title, (reference, measured)) in zip(axes.flat, panels.items(), strict=False):
        found = agreement(reference, measured)
        a, b = np.asarray(reference, dtype=float), np.asarray(measured, dtype=float)
        axis.scatter((a + b) / 2, b - a, s=12, color=PALETTE[0], alpha=0.6, lw=0)
        for value, style in ((found.bias, "-"), (found.lower, "--"), (found.upper, "--")):
            axis.axhline(value, color=INK, lw=1.1, ls=style)
            axis.annotate(
                f"{value:+.3g}",
                (1.0, value),
                xycoords=("axes fraction", "data"),
                xytext=(-2, 2),
                textcoords="offset points",
                ha="right",
                fontsize=8,
                bbox={"facecolor": CARD, "lw": 0, "pad": 0.5, "alpha": 0.8},
            )
        axis.set_title(f"{title} (n = {found.n})")
    for axis in list(axes.flat)[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel(f"mean of measured and reference ({unit})", fontsize=10)
    figure.supylabel(f"measured - reference ({unit})", fontsize=10)
    return figure
