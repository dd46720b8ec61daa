"""Saliency maps over images: which pixels would change the answer.

Maps that are each stretched to their own range look alike whatever their size. Here all maps of one
column share a scale, which is stated on the figure, so a system without saliency looks empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.style import image_grid, pictures, same_length, styled


def shared_scale(maps: ArrayLike, percentile: float = 99.5) -> float:
    """The value shown brightest: a percentile of |maps| over all images.

    A percentile, so that no single pixel sets the scale; 1 for maps that are zero everywhere.
    """
    top = float(np.percentile(np.abs(np.asarray(maps, dtype=np.float64)), percentile))
    return top if top > 0 else 1.0


@styled
def saliency(
    images: ArrayLike,
    maps: Mapping[str, ArrayLike],
    titles: Sequence[str] | None = None,
    percentile: float = 99.5,
) -> Figure:
    """Rows are images (n, h, w) with their `titles`, columns the image and each map's magnitude.

    `maps` are (n, h, w) by name; the scale of a column is `shared_scale`, printed under its title.
    """
    grey = pictures("images", images)
    found = {name: np.abs(pictures(name, values)) for name, values in maps.items()}
    n = same_length(images=grey, **found)
    figure, axes = image_grid(n, len(found) + 1, cell=1.6)
    for row in range(n):
        axes[row, 0].imshow(grey[row], vmin=0, vmax=1)
        axes[row, 0].set_ylabel("" if titles is None else titles[row], fontsize=9)
    axes[0, 0].set_title("image")
    for column, (name, values) in enumerate(found.items(), start=1):
        top = shared_scale(values, percentile)
        axes[0, column].set_title(f"{name}\n0 to {top:.2g}")
        for row in range(n):
            axes[row, column].imshow(values[row], cmap="magma", vmin=0, vmax=top)
    return figure
