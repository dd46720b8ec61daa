"""Intensity distributions of several domains: the first picture of a domain shift.

The densities of grey values show contrast, exposure and field of view before any network is trained.
Two domains whose curves differ will look different to a network that was fitted to one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import DASHES, canvas, colours, styled


def densities(
    domains: Mapping[str, ArrayLike], bins: int = 64
) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float64]]]:
    """Bin centres (bins,) on [0, 1] and each domain's density (bins,), which integrates to 1."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    found = {}
    for name, images in domains.items():
        array = np.asarray(images)
        if not array.size:
            raise ValueError(f"{name}: holds no image")
        if array.min() < 0 or array.max() > 1:
            raise ValueError(f"{name}: intensities must lie in [0, 1]; scale the images first")
        found[name] = np.histogram(array, edges, density=True)[0].astype(np.float64)
    return (edges[:-1] + edges[1:]) / 2, found


@styled
def intensities(domains: Mapping[str, ArrayLike], bins: int = 64) -> Figure:
    """One density line per domain; `domains` maps a name to images of any shape in [0, 1]."""
    centres, curves = densities(domains, bins)
    figure, axes = canvas(width=6.4, height=3.0)
    axis, colour = axes[0, 0], colours(curves)
    for i, (name, density) in enumerate(curves.items()):
        axis.plot(centres, density, color=colour[name], ls=DASHES[i % 4], lw=1.8, label=name)
        axis.fill_between(centres, density, color=colour[name], alpha=0.12, lw=0)
    axis.set(xlabel="intensity (0 black, 1 white)", ylabel="density", xlim=(0, 1), ylim=(0, None))
    axis.legend(title=None)
    return figure
