"""One slice as a picture of its own: the image to the edge, the truth and a prediction outlined.

For pages that place pictures themselves, such as the book's first page. There is no card and no text,
so it looks the same on a white and on a black page; what the colours mean belongs beside it.
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from medda_lib.figures.boundaries import outline
from medda_lib.figures.style import PREDICTION, TRUTH, styled


@styled
def tile(
    image: ArrayLike,
    truth: ArrayLike,
    prediction: ArrayLike,
    side: int = 400,
    white: float = 1.0,
) -> NDArray[np.uint8]:
    """A square picture (side, side, 3) of a slice with both outlines.

    image (h, h) in [0, 1], black 0 and `white` white; truth (h, h) bool; prediction (k, k)
    probabilities of the same field on a grid of its own. ValueError where a side is not square.
    """
    layers = {"image": np.asarray(image, float), "truth": np.asarray(truth, float)}
    layers["prediction"] = np.asarray(prediction, float)
    for name, layer in layers.items():
        if layer.ndim != 2 or layer.shape[0] != layer.shape[1]:
            raise ValueError(f"{name}: expected a square picture (h, h), got {layer.shape}")
    figure = Figure(figsize=(1, 1), dpi=side)
    axis = figure.add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[])
    axis.imshow(layers["image"], vmin=0, vmax=white, interpolation="bicubic")
    outline(axis, layers["truth"], TRUTH, "-", 1.6 * 72 / side)
    coarser = len(layers["image"]) / len(layers["prediction"])
    outline(axis, layers["prediction"], PREDICTION, "-", 2.4 * 72 / side, coarser)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=side, format="png")
    return np.asarray(Image.open(buffer).convert("RGB"), dtype=np.uint8)
