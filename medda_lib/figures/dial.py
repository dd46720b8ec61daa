"""The domain dial: turn one domain into another and watch a segmentation fail.

For each strength of the shift the frame shows the image with the reference and the predicted outline,
and where that strength lies on the curve of the score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ipywidgets import VBox
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.boundaries import outline
from medda_lib.figures.frames import TOTAL, frames
from medda_lib.figures.style import (
    PALETTE,
    PREDICTION,
    TRUTH,
    bare,
    canvas,
    pictures,
    same_length,
    styled,
    vector,
)


@styled
def dial_frame(
    image: NDArray[np.floating],
    truth: NDArray[np.bool_],
    predicted: NDArray[np.bool_],
    *,
    strengths: NDArray[np.float64],
    scores: NDArray[np.float64],
    at: int,
    score_label: str = "mean Dice",
) -> Figure:
    """One position: outlines over image (h, w) at the left, scores (n,) by strength (n,) right."""
    figure, axes = canvas(1, 2, width=6.0, height=2.7, gridspec_kw={"width_ratios": (1, 1.25)})
    bare(axes[0, 0])
    axes[0, 0].imshow(image, vmin=0, vmax=1)
    outline(axes[0, 0], truth, TRUTH, "-", 1.8)
    outline(axes[0, 0], predicted, PREDICTION, "--", 1.5)
    axes[0, 0].set_title("reference solid, prediction dashed", fontsize=8)
    axis = axes[0, 1]
    axis.plot(strengths, scores, color=PALETTE[0], lw=1.5)
    axis.scatter(strengths[at], scores[at], s=60, color=PALETTE[1], zorder=3)
    axis.set(xlabel="strength of the shift", ylabel=score_label, ylim=(0, 1))
    axis.set_title(f"strength {strengths[at]:.2f}: {scores[at]:.3f}")
    axis.grid(axis="y", lw=0.6)
    return figure


def dial(
    images: ArrayLike,
    truths: ArrayLike,
    predictions: ArrayLike,
    strengths: Sequence[float],
    scores: ArrayLike,
    *,
    threshold: float = 0.5,
    description: str = "shift",
    score_label: str = "mean Dice",
    total: int = TOTAL,
) -> VBox:
    """A slider over strengths (n,) with one image (n, h, w) of the same patient at each.

    `truths` bool and `predictions` probabilities or bool (n, h, w); `scores` (n,) are drawn as a
    curve, say the mean Dice over many patients. The frames hold no reference to Python.
    """
    grey, truth = pictures("images", images), pictures("truths", truths).astype(bool)
    found = pictures("predictions", predictions) >= threshold
    x, y = vector("strengths", strengths), vector("scores", scores)
    same_length(images=grey, truths=truth, predictions=found, strengths=x, scores=y)

    def draw(i: int) -> tuple[Figure, str]:
        figure = dial_frame(
            grey[i], truth[i], found[i], strengths=x, scores=y, at=i, score_label=score_label
        )
        alt = (
            f"Image at shift strength {x[i]:.2f} with reference and predicted outline; "
            f"{score_label} {y[i]:.3f}, at strength {x[0]:.2f} it was {y[0]:.3f}."
        )
        return figure, alt

    return frames(draw, [f"{value:.2f}" for value in x], description, total)
