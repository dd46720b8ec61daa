"""Three planes through one point of a scan: how a volume is read in practice.

Axial, coronal and sagittal pictures are cuts of one array. Axes are slice (inferior to superior), row
(front to back) and column (patient's right to left), so pictures have the patient's right at the left,
as radiologists look at them, and the head at the top. Lines show where the other planes cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.boundaries import outline
from medda_lib.figures.style import DASHES, PALETTE, TRUTH, bare, canvas, styled

Point = tuple[int, int, int]
LINE = "#f7f7f4"


@dataclass(frozen=True)
class Plane:
    """A cut: its name, and which axes of (slice, row, column) run down and across the picture."""

    name: str
    fixed: int
    down: int
    across: int

    def cut(self, volume: NDArray[np.generic], point: Point) -> NDArray[np.generic]:
        """The picture (h, w) of `volume` (d, h, w) through a point, the head or the front at the top."""
        picture: NDArray[np.generic] = np.take(volume, point[self.fixed], axis=self.fixed)
        return picture[::-1] if self.down == 0 else picture

    def place(self, point: Point, shape: tuple[int, ...]) -> tuple[int, int]:
        """Row and column of the point in the picture."""
        down = shape[0] - 1 - point[0] if self.down == 0 else point[self.down]
        return down, point[self.across]


PLANES = (Plane("axial", 0, 1, 2), Plane("coronal", 1, 0, 2), Plane("sagittal", 2, 0, 1))


def along(mask: ArrayLike, count: int) -> tuple[Point, ...]:
    """`count` points through a structure from front to back, each at the middle of its coronal cut.

    mask: bool (d, h, w). Rows without the structure take the middle of the nearest row that has it.
    """
    where = np.asarray(mask, dtype=bool)
    rows = np.flatnonzero(where.any(axis=(0, 2)))
    if where.ndim != 3 or not rows.size:
        raise ValueError("mask: need a bool volume (d, h, w) that is not empty")
    wanted = np.linspace(rows[0], rows[-1], count).round().astype(int)
    if len(set(wanted.tolist())) != count:
        raise ValueError(f"count: {count} points, but the structure is {rows.size} rows long")
    points = []
    for row in wanted.tolist():
        nearest = int(rows[np.abs(rows - row).argmin()])
        middle = np.argwhere(where[:, nearest]).mean(axis=0).round().astype(int)
        points.append((int(middle[0]), row, int(middle[1])))
    return tuple(points)


@styled
def planes(
    scan: ArrayLike,
    masks: Mapping[str, ArrayLike],
    point: Point,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    width: float = 6.2,
) -> Figure:
    """A scan (d, h, w) in [0, 1] in three planes through a point (slice, row, column).

    masks: name -> bool (d, h, w); the first is the reference (thick, solid). spacing: mm per axis.
    width: of the figure in inches; all three pictures have one scale.
    """
    volume, found = checked(scan, masks)
    sides = [mm * size for mm, size in zip(spacing, volume.shape, strict=True)]
    widths = [sides[plane.across] for plane in PLANES]
    height = width * max(sides[plane.down] for plane in PLANES) / sum(widths) + 0.55
    figure, axes = canvas(1, 3, width=width, height=height, gridspec_kw={"width_ratios": widths})
    for axis, plane in zip(axes[0], PLANES, strict=True):
        bare(axis)
        _draw(axis, plane, volume, found, point, spacing)
    handles = [
        Line2D([], [], color=colour, ls=style, lw=width + 0.4, label=name)
        for name, (colour, style, width) in zip(found, _styles(len(found)), strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)
    return figure


def checked(
    scan: ArrayLike, masks: Mapping[str, ArrayLike]
) -> tuple[NDArray[np.floating], dict[str, NDArray[np.bool_]]]:
    """The volume and its masks as arrays; ValueError names what does not fit."""
    volume = np.asarray(scan)
    if volume.ndim != 3:
        raise ValueError(f"scan: expected (d, h, w), got {volume.shape}")
    if not masks:
        raise ValueError("masks: give the reference at least")
    found = {name: np.asarray(mask, dtype=bool) for name, mask in masks.items()}
    for name, mask in found.items():
        if mask.shape != volume.shape:
            raise ValueError(f"{name}: shape {mask.shape} is not the scan's {volume.shape}")
    return volume, found


def _draw(
    axis: Axes,
    plane: Plane,
    volume: NDArray[np.floating],
    masks: Mapping[str, NDArray[np.bool_]],
    point: Point,
    spacing: tuple[float, float, float],
) -> None:
    row, column = plane.place(point, volume.shape)
    axis.imshow(plane.cut(volume, point), vmin=0, vmax=1, interpolation="bilinear")
    for mask, (colour, style, width) in zip(masks.values(), _styles(len(masks)), strict=False):
        outline(axis, np.asarray(plane.cut(mask, point), dtype=bool), colour, style, width)
    axis.axhline(row, color=LINE, lw=0.5, alpha=0.7)
    axis.axvline(column, color=LINE, lw=0.5, alpha=0.7)
    axis.set_aspect(spacing[plane.down] / spacing[plane.across])
    axis.set_title(plane.name, fontsize=9)


def _styles(number: int) -> Iterator[tuple[str, str, float]]:
    """Colour, dashes and width of the reference, then of the others."""
    yield TRUTH, "-", 2.0
    others = PALETTE[5], PALETTE[3], PALETTE[2], PALETTE[1]
    for i in range(number - 1):
        yield others[i % len(others)], DASHES[(i + 1) % len(DASHES)], 1.4
