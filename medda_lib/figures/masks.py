"""Masks beside the image, with agreement and both kinds of error coloured apart.

Each row is an image: the radiograph, the reference, the prediction, and their comparison, in which
pixels found, missed and wrongly added have three colours.
"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import PALETTE, image_grid, pictures, same_length, styled

FOUND, MISSED, ADDED = PALETTE[0], PALETTE[4], PALETTE[1]


def compare(
    image: NDArray[np.floating], truth: NDArray[np.bool_], predicted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """RGB (h, w, 3): the image (h, w) tinted where pixels are found, missed or wrongly added."""
    rgb = np.repeat(np.asarray(image, dtype=np.float64)[..., None], 3, axis=2)
    for area, colour in (
        (truth & predicted, FOUND),
        (truth & ~predicted, MISSED),
        (~truth & predicted, ADDED),
    ):
        rgb[area] = 0.45 * rgb[area] + 0.55 * np.array(to_rgb(colour))
    return rgb


@styled
def masks(
    images: ArrayLike, truths: ArrayLike, predictions: ArrayLike, threshold: float = 0.5
) -> Figure:
    """Images (n, h, w) in [0, 1], truths bool (n, h, w), predictions probabilities or bool."""
    grey, truth = pictures("images", images), pictures("truths", truths).astype(bool)
    probability = pictures("predictions", predictions)
    n = same_length(images=grey, truths=truth, predictions=probability)
    figure, axes = image_grid(n, 4, cell=1.5)
    for row in range(n):
        found = probability[row] >= threshold
        axes[row, 0].imshow(grey[row], vmin=0, vmax=1)
        axes[row, 1].imshow(truth[row], vmin=0, vmax=1)
        axes[row, 2].imshow(found, vmin=0, vmax=1)
        axes[row, 3].imshow(compare(grey[row], truth[row], found))
    for axis, title in zip(
        axes[0], ("image", "reference", "prediction", "comparison"), strict=True
    ):
        axis.set_title(title)
    handles = [
        Patch(facecolor=colour, label=label)
        for colour, label in ((FOUND, "found"), (MISSED, "missed"), (ADDED, "wrongly added"))
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure
