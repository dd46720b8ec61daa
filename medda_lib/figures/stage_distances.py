"""How far each new stage lies from every model of the pool, and where a new model was begun.

A method that expands its pool measures the data of a stage against each model that it has, takes the
nearest, and begins a new one when even that lies beyond the threshold. The figure shows these distances
stage by stage, so that one can see whether a shift stood out or the threshold just happened to be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.style import FAINT, INK, MARKERS, PALETTE, canvas, styled


@dataclass(frozen=True)
class Pool:
    """What one method met along a stream.

    distances (stages, models): of a stage's data to each model, before training on them; NaN for a
    model that did not exist yet (at the first stage none did). threshold: one number, or one for each
    stage. added: the stages, counted from 1, that began a model: the first always does.
    """

    distances: ArrayLike
    threshold: ArrayLike
    added: tuple[int, ...]


@styled
def stage_distances(panels: Mapping[str, Pool], columns: int = 3) -> Figure:
    """One panel per method; the nearest model of a stage has a ring, stages with a new one a band."""
    if not panels:
        raise ValueError("panels: there is no method to show")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    size = {"width": 2.5 * columns + 0.7, "height": 2.2 * rows + 0.75}
    figure, axes = canvas(rows, columns, **size, sharex=True)
    models = 0
    for axis, (name, pool) in zip(axes.flat, panels.items(), strict=False):
        models = max(models, _panel(axis, name, pool))
        axis.set_title(name)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel("stage whose data are measured", fontsize=10)
    figure.supylabel("distance to a model", fontsize=10)
    figure.legend(handles=_handles(models), loc="outside upper center", ncols=4, fontsize=8)
    return figure


def _panel(axis: Axes, name: str, pool: Pool) -> int:
    """Draw one method; returns how many models it has."""
    distances = np.asarray(pool.distances, dtype=np.float64)
    if distances.ndim != 2 or not distances.size:
        raise ValueError(f"{name}: expected distances (stages, models), got {distances.shape}")
    stages = np.arange(1, len(distances) + 1)
    threshold = np.broadcast_to(np.asarray(pool.threshold, dtype=np.float64), stages.shape)
    if outside := [k for k in pool.added if k not in stages]:
        raise ValueError(f"{name}: added names stage {outside[0]}, there are {len(stages)}")
    for k in pool.added:
        axis.axvspan(k - 0.4, k + 0.4, color=FAINT, alpha=0.6, lw=0)
    for i, column in enumerate(distances.T):
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        axis.plot(stages, column, lw=1.2, ms=5, color=colour, marker=marker)
    axis.plot(stages, threshold, color=INK, ls="--", lw=1.1)
    near = _nearest(distances)
    axis.scatter(stages, near, s=90, facecolors="none", edgecolors=INK, lw=1.0, zorder=3)
    axis.set_xticks(stages)
    axis.set_xlim(0.5, len(stages) + 0.5)
    highest = np.nanmax(np.append(distances.ravel(), threshold))
    axis.set_ylim(min(0.0, float(np.nanmin(near, initial=0.0))), 1.08 * float(highest))
    return int(distances.shape[1])


def _nearest(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """The smallest distance of each stage; NaN where there is none."""
    known = np.where(np.isnan(distances), np.inf, distances).min(axis=1)
    return np.where(np.isinf(known), np.nan, known)


def _handles(models: int) -> list[Line2D]:
    found = [
        Line2D([], [], color=PALETTE[i % len(PALETTE)], marker=MARKERS[i % len(MARKERS)], ms=5)
        for i in range(models)
    ]
    for i, handle in enumerate(found, 1):
        handle.set_label(f"model {i}")
    ring = Line2D([], [], marker="o", ms=9, mfc="none", mec=INK, ls="", label="nearest")
    return [
        *found,
        Line2D([], [], color=INK, ls="--", label="threshold"),
        ring,
        Line2D([], [], color=FAINT, lw=8, label="a model is begun"),
    ]
