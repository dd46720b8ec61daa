"""Training curves: losses and validation scores against the step.

Steps are noisy, so each loss is drawn faint as recorded and strong as a running mean. Scores have
their own panel, with a dot at every validation.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import DASHES, canvas, colours, same_length, styled, vector

Curves = Mapping[str, tuple[ArrayLike, ArrayLike]]


def running_mean(values: ArrayLike, window: int) -> NDArray[np.float64]:
    """Mean over the last `window` values (fewer at the start), (n,)."""
    array = vector("values", values)
    total = np.concatenate([[0.0], np.cumsum(array)])
    end = np.arange(1, len(array) + 1)
    start = np.maximum(end - window, 0)
    mean: NDArray[np.float64] = (total[end] - total[start]) / (end - start)
    return mean


@styled
def training_curves(
    losses: Curves, scores: Curves | None = None, window: int = 10, log: bool = False
) -> Figure:
    """`losses` and `scores` map a name to (steps (n,), values (n,)); `log` for the loss axis."""
    panels = 1 if not scores else 2
    figure, axes = canvas(1, panels, width=3.7 * panels + 0.4, height=3.0)
    colour = colours([*losses, *(scores or {})])
    for i, (name, (steps, values)) in enumerate(losses.items()):
        x, y = vector(f"steps of {name}", steps), vector(name, values)
        same_length(steps=x, values=y)
        axes[0, 0].plot(x, y, color=colour[name], lw=0.8, alpha=0.3)
        mean = running_mean(y, window)
        axes[0, 0].plot(x, mean, color=colour[name], ls=DASHES[i % 4], lw=1.8, label=name)
    axes[0, 0].set(xlabel="step", ylabel="loss", yscale="log" if log else "linear")
    axes[0, 0].legend()
    for name, (steps, values) in (scores or {}).items():
        axes[0, 1].plot(steps, values, color=colour[name], marker="o", ms=4, lw=1.6, label=name)
    if scores:
        axes[0, 1].set(xlabel="step", ylabel="validation score")
        axes[0, 1].legend()
    return figure
