"""A scan in three linked planes with one slider, drawn beforehand; see `frames` for why.

The slider walks a point through the structure from front to back. At each position the axial, coronal
and sagittal cuts go through that point, so the three pictures always show one place, with outlines of
the reference and of several systems. A reader sees where along the structure a system fails.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ipywidgets import VBox
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from medda_lib.figures.frames import TOTAL, frames
from medda_lib.figures.planes import along, checked, planes

WIDTH = 5.8


def three_planes(
    scan: ArrayLike,
    masks: Mapping[str, ArrayLike],
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    *,
    count: int = 9,
    description: str = "front to back",
    total: int = TOTAL,
) -> VBox:
    """A slider over `count` points along the reference, the first of `masks` (name -> bool (d, h, w)).

    scan: (d, h, w) in [0, 1]. spacing: mm per axis. total: limit on the bytes of all pictures. The
    readout is the distance from the front end in mm; the alt text of a position tells each system's
    area in the coronal cut beside the reference's.
    """
    volume, found = checked(scan, masks)
    reference = next(iter(found))
    points = along(found[reference], count)
    place = [(point[1] - points[0][1]) * spacing[1] for point in points]

    def draw(i: int) -> tuple[Figure, str]:
        figure = planes(volume, found, points[i], spacing, WIDTH)
        areas = ", ".join(
            f"{name} {_area(mask, points[i][1], spacing):.0f} square mm"
            for name, mask in found.items()
        )
        alt = (
            f"Axial, coronal and sagittal cut {place[i]:.0f} mm behind the front end of the "
            f"structure, with outlines. Area in the coronal cut: {areas}."
        )
        return figure, alt

    return frames(draw, [f"{mm:.0f} mm" for mm in place], description, total)


def _area(mask: NDArray[np.bool_], row: int, spacing: tuple[float, float, float]) -> float:
    """Square mm of a mask in a coronal cut."""
    return float(mask[:, row].sum()) * spacing[0] * spacing[2]
