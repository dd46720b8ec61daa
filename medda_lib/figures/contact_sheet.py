"""Many images at a glance: the first check of any data, before any number.

One grey scale, 0 black to 1 white, for all of them, so exposure and contrast can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.boundaries import outline
from medda_lib.figures.style import TRUTH, image_grid, pictures, same_length, styled


@styled
def contact_sheet(
    images: ArrayLike,
    titles: Sequence[str] | None = None,
    columns: int = 4,
    masks: ArrayLike | None = None,
) -> Figure:
    """Images (n, h, w) in [0, 1] in rows of `columns`, with outlines of `masks` (n, h, w)."""
    grey = pictures("images", images)
    n = same_length(images=grey, titles=titles if titles is not None else grey)
    columns = min(columns, n)
    figure, axes = image_grid(-(-n // columns), columns, cell=1.5)
    for i, axis in enumerate(list(axes.flat)[:n]):
        axis.imshow(grey[i], vmin=0, vmax=1)
        if titles is not None:
            axis.set_title(titles[i], fontsize=9)
        if masks is not None:
            outline(axis, pictures("masks", masks)[i].astype(bool), TRUTH, "-", 1.2)
    return figure


def windowed(images: ArrayLike) -> NDArray[np.float64]:
    """Images (n, h, w), each scaled so that 1 % of its pixels are white: for the eye only."""
    grey = pictures("images", images)
    top = np.maximum(np.quantile(grey.reshape(len(grey), -1), 0.99, axis=1), 1e-6)
    found: NDArray[np.float64] = np.clip(grey / top[:, None, None], 0, 1)
    return found
