"""The pseudo-label threshold: how many labels are kept, and how many of them are right.

A network labels its own unlabelled images and trains on those labels whose confidence reaches a
threshold. A high threshold keeps few labels that are mostly right, a low one many that are not; the
slider walks along that trade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ipywidgets import VBox
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.frames import TOTAL, frames
from medda_lib.figures.style import INK, PALETTE, canvas, same_length, styled, vector


@dataclass(frozen=True)
class Kept:
    """Per threshold (t,): fraction of labels kept and accuracy among them (NaN if none is)."""

    thresholds: NDArray[np.float64]
    fraction: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def kept(confidences: ArrayLike, correct: ArrayLike, thresholds: Sequence[float]) -> Kept:
    """What each threshold keeps: `confidences` (n,) of the predicted class, `correct` bool (n,)."""
    confidence, cuts = vector("confidences", confidences), vector("thresholds", thresholds)
    right = np.asarray(correct, dtype=bool)
    n = same_length(confidences=confidence, correct=right)
    chosen = confidence[None, :] >= cuts[:, None]
    count = chosen.sum(axis=1)
    hits = (chosen & right).sum(axis=1)
    accuracy = np.where(count > 0, hits / np.maximum(count, 1), np.nan)
    return Kept(cuts, count / n, accuracy)


@styled
def threshold_frame(found: Kept, at: int) -> Figure:
    """Both curves, with the position `at` marked."""
    figure, axes = canvas(width=6.0, height=2.7)
    axis, x = axes[0, 0], found.thresholds
    axis.plot(x, found.fraction, color=PALETTE[0], lw=1.6, label="fraction kept")
    axis.plot(x, found.accuracy, color=PALETTE[1], lw=1.6, ls="--", label="accuracy of kept labels")
    axis.axvline(x[at], color=INK, lw=1, ls=":")
    axis.scatter([x[at]] * 2, [found.fraction[at], found.accuracy[at]], color=PALETTE[:2], zorder=3)
    axis.set(xlabel="threshold", ylim=(0, 1.03), title=_sentence(found, at))
    axis.grid(axis="y", lw=0.6)
    axis.legend(loc="lower left")
    return figure


def _sentence(found: Kept, at: int) -> str:
    share = f"threshold {found.thresholds[at]:.2f}: {found.fraction[at]:.0%} kept"
    if np.isnan(found.accuracy[at]):
        return share
    return f"{share}, {found.accuracy[at]:.1%} of them right"


def threshold(
    confidences: ArrayLike,
    correct: ArrayLike,
    thresholds: Sequence[float],
    total: int = TOTAL,
) -> VBox:
    """A slider over `thresholds` showing what `kept` gives at each; works without a kernel."""
    found = kept(confidences, correct, thresholds)

    def draw(i: int) -> tuple[Figure, str]:
        return threshold_frame(found, i), f"Pseudo labels at {_sentence(found, i)}."

    return frames(draw, [f"{value:.2f}" for value in found.thresholds], "threshold", total)
