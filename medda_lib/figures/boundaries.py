"""Predicted and reference outlines over the image, one column per system.

Outlines show where a segmentation fails (an apex, the heart's edge, the costophrenic angle); a score
cannot. The reference is drawn solid and the prediction dashed, in colours that stay apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import PREDICTION, TRUTH, image_grid, pictures, same_length, styled


def outline(
    axis: Axes, layer: NDArray[Any], colour: str, style: str, width: float, scale: float = 1.0
) -> None:
    """Draw the edge of a mask or of probabilities above one half (h, w); empty or full, it has none.

    scale: the side of the layer's pixels in pixels of the image below, where the two grids differ.
    """
    inside = layer > 0.5
    if inside.any() and not inside.all():
        # Padding closes the outline where a mask touches the image's edge.
        padded = np.pad(layer.astype(float), 1)
        y, x = ((np.arange(-1, size + 1) + 0.5) * scale - 0.5 for size in layer.shape)
        axis.contour(x, y, padded, [0.5], colors=colour, linestyles=style, linewidths=width)
        h, w = (size * scale - 0.5 for size in layer.shape)
        axis.set(xlim=(-0.5, w), ylim=(h, -0.5))


@styled
def boundaries(
    images: ArrayLike,
    truths: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    scores: Mapping[str, ArrayLike] | None = None,
    threshold: float = 0.5,
) -> Figure:
    """Rows are images (n, h, w), columns systems.

    `truths` are bool (n, h, w), `predictions` probabilities or bool (n, h, w) by system, cut at
    `threshold`; `scores` (n,) by system are printed under each picture.
    """
    grey, truth = pictures("images", images), pictures("truths", truths).astype(bool)
    masks = {name: pictures(name, p) >= threshold for name, p in predictions.items()}
    n = same_length(images=grey, truths=truth, **masks)
    figure, axes = image_grid(n, len(masks), cell=1.7)
    for column, (name, mask) in enumerate(masks.items()):
        axes[0, column].set_title(name)
        for row in range(n):
            axis = axes[row, column]
            axis.imshow(grey[row], vmin=0, vmax=1)
            outline(axis, truth[row], TRUTH, "-", 1.8)
            outline(axis, mask[row], PREDICTION, "--", 1.4)
            if scores is not None:
                axis.set_xlabel(f"Dice {np.asarray(scores[name])[row]:.3f}")
    handles = [
        Line2D([], [], color=TRUTH, lw=2.4, label="reference"),
        Line2D([], [], color=PREDICTION, lw=2.4, ls="--", label="prediction"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure
