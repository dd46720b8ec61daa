"""Two sites in the plane, in groups: what belongs together has one colour and one marker.

Positions come from t-SNE or UMAP, so only neighbourhood means anything: no axis has a unit, and the
distance of two groups says little. A dozen groups are more than a palette of eight can carry, so the
marker changes as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import FAINT, INK, MARKERS, PALETTE, canvas, same_length, styled

SITE_MARKERS = ("o", "^")


@styled
def clusters(panels: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Figure:
    """One panel per entry: title -> points (n, 2) and the group (n,) of each, whole numbers.

    Equal groups have equal colours and markers in all panels, and all panels share their axes.
    """
    figure, axes = canvas(1, len(panels), width=3.3 * len(panels), height=3.2, **_SHARED)
    for axis, (title, (points, groups)) in zip(axes[0], panels.items(), strict=True):
        xy, group = np.asarray(points), np.asarray(groups)
        same_length(points=xy, groups=group)
        for k in np.unique(group):
            axis.scatter(*xy[group == k].T, s=14, lw=0, **look(int(k)))
        axis.set(title=title, xticks=[], yticks=[])
    return figure


@styled
def centres(panels: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]]) -> Figure:
    """One panel per entry: title -> source centres (k, 2), target centres (k, 2), matching (k,).

    Source centres are circles, target centres triangles; a line joins target i to source
    matching[i].
    """
    figure, axes = canvas(1, len(panels), width=3.3 * len(panels), height=3.4)
    for axis, (title, (source, target, matching)) in zip(axes[0], panels.items(), strict=True):
        ends = np.asarray(source)[np.asarray(matching)]
        starts = np.asarray(target)
        for k, (start, end) in enumerate(zip(starts, ends, strict=True)):
            colour = look(k)["color"]
            axis.plot(*np.stack([start, end]).T, color=colour, lw=1.2, zorder=1)
            axis.scatter(*end, s=60, marker=SITE_MARKERS[0], color=colour, zorder=2)
            axis.scatter(
                *start, s=60, marker=SITE_MARKERS[1], color=colour, ec=INK, lw=0.6, zorder=3
            )
        axis.set(title=title, xticks=[], yticks=[])
    _site_legend(figure, ("source", "target"))
    return figure


@styled
def layouts(
    panels: Mapping[str, ArrayLike], values: ArrayLike, sites: Sequence[str], label: str
) -> Figure:
    """Layouts of the same slices: title -> points (n, 2), coloured by `values` (n,).

    sites: of each slice, at most two, told apart by the marker. label: what the colour means.
    """
    value, names = np.asarray(values, dtype=float), np.asarray(sites)
    known = list(dict.fromkeys(sites))
    scale = Normalize(float(value.min()), float(value.max()))
    figure, axes = canvas(1, len(panels), width=3.3 * len(panels) + 0.7, height=3.5)
    for axis, (title, points) in zip(axes[0], panels.items(), strict=True):
        xy = np.asarray(points)
        same_length(points=xy, values=value, sites=names)
        for name, marker in zip(known, SITE_MARKERS, strict=False):
            mine = names == name
            axis.scatter(
                *xy[mine].T, s=16, lw=0, marker=marker, c=value[mine], cmap=_MAP, norm=scale
            )
        axis.set(title=title, xticks=[], yticks=[])
    figure.colorbar(ScalarMappable(scale, _MAP), ax=axes, label=label)
    _site_legend(figure, known)
    return figure


def look(group: int) -> dict[str, Any]:
    """Colour and marker of a group; sixty-four differ."""
    count = len(PALETTE)
    return {"color": PALETTE[group % count], "marker": MARKERS[(group + group // count) % 8]}


def examples(
    points: ArrayLike, groups: ArrayLike, middles: ArrayLike, count: int
) -> dict[int, NDArray[np.int64]]:
    """Numbers of the `count` points of each group that lie nearest to its middle.

    points (n, 2), groups (n,), middles (k, 2). A small group gives fewer.
    """
    xy, group, middle = np.asarray(points), np.asarray(groups), np.asarray(middles)
    found = {}
    for k in range(len(middle)):
        members = np.flatnonzero(group == k)
        gaps = np.linalg.norm(xy[members] - middle[k], axis=1)
        found[k] = members[np.argsort(gaps, kind="stable")[:count]]
    return found


def _site_legend(figure: Figure, names: Sequence[str]) -> None:
    handles = [
        Line2D([], [], color=INK, marker=marker, ls="", mec=FAINT, ms=8, label=name)
        for name, marker in zip(names, SITE_MARKERS, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


_SHARED = {"sharex": True, "sharey": True}
_MAP = mpl.colormaps["viridis"]

__all__ = ["centres", "clusters", "examples", "layouts", "look"]
