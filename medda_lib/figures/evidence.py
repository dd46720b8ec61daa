"""Maps of evidence over images, a row for each kind of map, with the true region outlined.

All maps of a row share one scale, which is printed beside it, so a row in which nothing was found looks
empty; `each=True` stretches every map to its own maximum instead, as packages do. Signed maps are drawn
in two colours, for and against.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from medda_lib.figures.boundaries import outline
from medda_lib.figures.saliency import shared_scale
from medda_lib.figures.style import bare, canvas, pictures, same_length, styled

_OUTLINE = "#2fd16c"  # stays visible on grey, on red and on blue
_SIGNED = mpl.colormaps["RdBu_r"]


@styled
def evidence(
    images: ArrayLike,
    rows: Mapping[str, ArrayLike],
    masks: ArrayLike | None = None,
    titles: Sequence[str] | None = None,
    *,
    each: bool = False,
    scale: float | None = None,
    cell: float = 1.45,
) -> Figure:
    """Images (n, h, w) in [0, 1] as first row, then each kind of map (n, h, w), positive = for.

    masks: bool (n, h, w), outlined. titles: of the images. each: scale every map by its own largest
    magnitude. scale: the magnitude shown strongest in all rows; each row's own if None.
    """
    grey = pictures("images", images)
    maps = {name: pictures(name, values) for name, values in rows.items()}
    n = same_length(images=grey, **maps)
    truth = None if masks is None else pictures("masks", masks).astype(bool)
    rows_high, top_margin = len(maps) + 1, 0.25 * (titles is not None)
    figure, axes = canvas(rows_high, n, width=cell * n + 1.25, height=cell * rows_high + top_margin)
    for axis in axes.flat:
        bare(axis)
    for column in range(n):
        axes[0, column].imshow(grey[column], vmin=0, vmax=1)
        if titles is not None:
            axes[0, column].set_title(titles[column], fontsize=9)
    axes[0, 0].set_ylabel("image", fontsize=9)
    for row, (name, values) in enumerate(maps.items(), start=1):
        common = shared_scale(values) if scale is None else scale
        for column in range(n):
            top = float(np.abs(values[column]).max()) if each else common
            shown = np.clip(values[column] / (top if top > 0 else 1.0), -1, 1)
            axes[row, column].imshow(grey[column], vmin=0, vmax=1)
            strength = np.sqrt(np.abs(shown)) * 0.75
            axes[row, column].imshow(shown, cmap=_SIGNED, vmin=-1, vmax=1, alpha=strength)
        axes[row, 0].set_ylabel(f"{name}\n" + ("each its own" if each else f"±{common:.2g}"))
        axes[row, 0].yaxis.label.set_fontsize(9)
    if truth is not None:
        for axis, mask in zip(axes.flat, np.tile(truth, (rows_high, 1, 1)), strict=True):
            outline(axis, mask, _OUTLINE, "-", 1.1)
    bar = figure.colorbar(
        ScalarMappable(Normalize(-1, 1), _SIGNED),
        ax=axes,
        ticks=[-1, 0, 1],
        fraction=0.03,
        aspect=30,
    )
    bar.ax.set_yticklabels(["against", "0", "for"], fontsize=8)
    return figure
