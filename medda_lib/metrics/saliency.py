"""How well a map of evidence agrees with a known region, and with what the network does without it.

A phantom knows its disease, so a map can be marked like an answer: is its highest point inside, how
much of its positive mass does, how well does its outline agree? None of these numbers means anything
alone: a large disease in the middle of the picture is hit by every map that is high in the middle, so
each is to be printed beside a map that has not seen the image. `removal_curve` asks no truth at all: it
takes the pixels away in the map's own order and watches the network's answer.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata
from torch import Tensor

Floats = NDArray[np.float64]


def pointing(maps: ArrayLike, masks: ArrayLike) -> Floats:
    """The pointing game (n,): 1 where the highest point of a map (n, h, w) lies in the mask.

    Zhang et al., IJCV 2018, without their tolerance. Where several points are equally high, the share
    of them inside; 0 for a map without a positive value, which points nowhere.
    """
    values, inside = _pairs(maps, masks)
    top = values.max(axis=1, keepdims=True)
    highest = (values == top) & (top > 0)
    hits: Floats = (highest & inside).sum(1) / np.maximum(highest.sum(1), 1)
    return hits


def mass_inside(maps: ArrayLike, masks: ArrayLike) -> Floats:
    """Share (n,) of the positive mass of maps (n, h, w) inside masks; 0 without positive mass."""
    values, inside = _pairs(maps, masks)
    positive = values.clip(min=0)
    total = positive.sum(1)
    share: Floats = np.where(
        total > 0, (positive * inside).sum(1) / np.where(total > 0, total, 1), 0
    )
    return share


def overlap(maps: ArrayLike, masks: ArrayLike, level: float = 0.5) -> Floats:
    """Intersection over union (n,) of masks (n, h, w) and of maps at `level` of their own maximum.

    0 for a map without a positive value.
    """
    if not 0 < level <= 1:
        raise ValueError(f"level: {level} must lie in (0, 1], a share of each map's maximum")
    values, inside = _pairs(maps, masks)
    top = values.max(axis=1, keepdims=True)
    found = (values >= level * top) & (top > 0)
    union = (found | inside).sum(1)
    ratio: Floats = (found & inside).sum(1) / np.maximum(union, 1)
    return ratio


def rank_correlation(one: ArrayLike, two: ArrayLike) -> Floats:
    """Spearman's correlation (n,) of two maps (n, h, w) of each image; 0 if one is constant."""
    a, b = _flat("one", one), _flat("two", two)
    if a.shape != b.shape:
        raise ValueError(f"one and two: {a.shape} and {b.shape}; need maps of the same images")
    a, b = (rankdata(x, axis=1) for x in (a, b))
    a, b = (x - x.mean(1, keepdims=True) for x in (a, b))
    norm = np.sqrt((a**2).sum(1) * (b**2).sum(1))
    out: Floats = np.where(norm > 0, (a * b).sum(1) / np.where(norm > 0, norm, 1), 0)
    return out


def removal_curve(
    score: Callable[[Tensor], Tensor],
    images: Tensor,
    maps: ArrayLike,
    filler: Tensor,
    steps: int = 10,
    insert: bool = False,
) -> Floats:
    """Scores (steps + 1, n) while pixels are replaced, the map's highest first.

    Deletion and insertion of Petsiuk et al. (RISE, BMVC 2018). Row i has i / steps of the pixels
    replaced; ties fall in reading order.

    Args:
        score: from images (n, c, h, w) to numbers (n,), say the probability of disease.
        images: what is shown first.
        maps: (n, h, w); only the order of their values counts.
        filler: (n, c, h, w), what replaces a pixel; its choice changes the curve, so state it.
        steps: number of equal portions.
        insert: start with the filler and put the image's own pixels back instead.
    """
    flat = _flat("maps", maps)
    n, _, h, w = images.shape
    if flat.shape != (n, h * w) or filler.shape != images.shape:
        raise ValueError(
            f"images {tuple(images.shape)}, maps {np.shape(maps)} and filler {tuple(filler.shape)} "
            "must agree in number and size"
        )
    order = np.argsort(-flat, axis=1, kind="stable")
    place = torch.from_numpy(np.argsort(order, axis=1, kind="stable")).reshape(n, 1, h, w)
    start, end = (filler, images) if insert else (images, filler)
    rows = []
    with torch.no_grad():
        for step in range(steps + 1):
            changed = place < step * h * w / steps
            rows.append(score(torch.where(changed, end, start)).double().cpu().numpy())
    return np.stack(rows)


def area(curve: ArrayLike) -> Floats:
    """Area (n,) under curves (steps + 1, n) over the share of pixels, by the trapezoidal rule."""
    values = np.asarray(curve, dtype=np.float64)
    return np.asarray(np.trapezoid(values, dx=1 / (len(values) - 1), axis=0))


def _pairs(maps: ArrayLike, masks: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    values, inside = _flat("maps", maps), _flat("masks", masks).astype(bool)
    if np.shape(maps) != np.shape(masks):
        raise ValueError(
            f"maps {np.shape(maps)} and masks {np.shape(masks)} differ; resize the maps"
        )
    return values, inside


def _flat(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 3 or not array.size or not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers (n, h, w), got {array.shape}")
    return array.reshape(len(array), -1)
