"""Score against the number of labels, one line per system.

The line joins the means over seeds; every seed is a dot, since three of them make no distribution.
Where counts span a factor of ten the x axis is logarithmic, since what matters is how many times more
labels a system needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import DASHES, MARKERS, canvas, colours, styled


@styled
def accuracy_curves(
    counts: Sequence[float],
    curves: Mapping[str, ArrayLike],
    x_label: str = "labelled images",
    y_label: str = "accuracy",
    chance: float | None = None,
) -> Figure:
    """`curves` maps a system to scores (len(counts), seeds); NaN marks a run that does not exist.

    `chance` draws the score of always answering the majority class.
    """
    figure, axes = canvas(width=6.4, height=3.4)
    axis, colour = axes[0, 0], colours(curves)
    for i, (name, values) in enumerate(curves.items()):
        scores = np.asarray(values, dtype=float)
        if scores.ndim != 2 or len(scores) != len(counts):
            raise ValueError(f"{name}: expected ({len(counts)}, seeds), got {scores.shape}")
        drawn = np.flatnonzero(np.isfinite(scores).any(axis=1))
        x = np.asarray(counts, dtype=float)[drawn]
        mean = np.nanmean(scores[drawn], axis=1)
        style = {"color": colour[name], "marker": MARKERS[i % 8], "ls": DASHES[i % 4]}
        axis.plot(x, mean, label=name, ms=6, lw=1.6, **style)
        axis.scatter(np.repeat(x, scores.shape[1]), scores[drawn], s=8, c=colour[name], alpha=0.5)
    if chance is not None:
        axis.axhline(chance, lw=1, ls=":", label=f"majority class {chance:.2f}")
    wide = min(counts) > 0 and max(counts) / min(counts) >= 10
    axis.set(xscale="log" if wide else "linear", xlabel=x_label, ylabel=y_label)
    axis.set_xticks(list(counts), [f"{count:,}" for count in counts])
    axis.minorticks_off()
    axis.grid(axis="y", lw=0.6)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
