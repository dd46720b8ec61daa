"""Pneumonia: where air is replaced by fluid, in three patterns.

Lobar: one or two dense patches with a sharp side, as at a fissure. Interstitial: a fine net and
streaks in both lungs. Diffuse: patchy haze over much of both lungs. A finding is a fraction of air
replaced, between 0 and 1, so its contrast follows from how much air the ray would have crossed; its
mask is where that fraction is more than a tenth. Many are subtle, and what imitates them (a breast,
strong vessels, a shallow breath) is drawn for sick and healthy alike.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from medda_lib.phantoms.chest_xray.domains import Domain
from medda_lib.phantoms.chest_xray.grid import Array, Grid, columns, plane, rows
from medda_lib.phantoms.chest_xray.patient import Anatomy, Stream

Kinds = NDArray[np.int64]
PATTERNS = ("none", "lobar", "interstitial", "diffuse")
VISIBLE = 0.1  # fraction of air replaced from which a pixel counts as diseased


def draw_labels(domain: Domain, stream: Stream, labels: Sequence[int] | None) -> Kinds:
    """Pattern index (n,) of each image: 0 none, 1 lobar, 2 interstitial, 3 diffuse."""
    sick = stream.uniform("label") < domain.prevalence
    if labels is not None:
        sick = np.asarray(labels) == 1
    weights = np.array([domain.lobar, domain.interstitial, domain.diffuse])
    edges = np.cumsum(weights / weights.sum())[:2]
    kind = 1 + (stream.uniform("pattern")[:, None] > edges).sum(1)
    return np.where(sick, kind, 0)


def mottle(noise: NDArray[np.float32], shape: tuple[int, int]) -> Tensor:
    """Smooth random field (n, *shape) from a coarse block of normal numbers (n, k, k)."""
    coarse = torch.from_numpy(noise)[:, None]
    return interpolate(coarse, size=shape, mode="bilinear", align_corners=True)[:, 0]


def consolidation(
    domain: Domain,
    grid: Grid,
    a: Anatomy,
    stream: Stream,
    kinds: Kinds,
    fields: Sequence[Tensor],
) -> Tensor:
    """Fraction of air replaced (n, h, w); zero where `kinds` is 0.

    Args:
        domain: says how severe findings are.
        grid: where the rays go.
        a: the patients.
        stream: their random numbers.
        kinds: pattern index of each image, (n,).
        fields: coarse and fine smooth random fields (n, h, w).
    """
    out = torch.zeros(grid.shape)
    strength = domain.severity * np.exp(domain.severity_spread * stream.normal("severity"))
    makers = {1: _lobar, 2: _interstitial, 3: _diffuse}
    for kind, maker in makers.items():
        chosen = np.flatnonzero(kinds == kind)
        for i in map(int, chosen):
            one = Grid(grid.x[i : i + 1], grid.y[i : i + 1])
            coarse, fine = fields[0][i : i + 1], fields[1][i : i + 1]
            shape = maker(one, i, a, stream, coarse, fine)[0]
            out[i] = (shape * float(strength[i])).clamp_(0, 0.95)
    return out


def _pick(stream: Stream, name: str, i: int) -> float:
    return float(stream.uniform(name)[i])


def _blob(grid: Grid, x: float, y: float, rx: float, ry: float) -> Tensor:
    return rows(((grid.y - y) / ry) ** 2) + columns(((grid.x - x) / rx) ** 2)


def _lobar(grid: Grid, i: int, a: Anatomy, stream: Stream, coarse: Tensor, fine: Tensor) -> Tensor:
    side = 1.0 if _pick(stream, "side", i) > 0.55 else -1.0
    height = float(a.height[i])
    y = height * (0.25 + 0.5 * _pick(stream, "where", i))
    size = height * (0.11 + 0.13 * _pick(stream, "extent", i))
    x = side * (float(a.width[i]) * (0.40 + 0.25 * _pick(stream, "spot", i)))
    q = _blob(grid, x, y, 0.9 * size, size) + 0.35 * coarse
    patch = (1.5 - 1.2 * q).clamp_(0, 1)
    fissure = y + height * 0.06 * (1 if _pick(stream, "sharp", i) > 0.5 else -1)
    upper = 1.0 if fissure > y else -1.0
    edge = rows((fissure - grid.y) * upper * 1.2) + columns(0.2 * (np.abs(grid.x) - abs(x)))
    patch *= 0.35 + 0.65 * (edge + 0.5).clamp_(0, 1)
    return patch * (1.5 + 0.3 * fine).clamp_(0.3, 2.2)


def _interstitial(
    grid: Grid, i: int, a: Anatomy, stream: Stream, coarse: Tensor, fine: Tensor
) -> Tensor:
    height = float(a.height[i])
    low = 0.4 + 0.4 * _pick(stream, "where", i)
    zone = torch.exp(-rows(((grid.y - low * height) / (0.33 * height)) ** 2))
    zone = zone.expand(grid.shape) * (1 + 0.35 * coarse).clamp_(0.2, 1.6)
    net = (1 - 1.6 * fine.abs()).clamp_(0, 1)
    return zone * (0.9 * net + 0.22)


def _diffuse(
    grid: Grid, i: int, a: Anatomy, stream: Stream, coarse: Tensor, fine: Tensor
) -> Tensor:
    bias = 0.1 + 0.5 * _pick(stream, "extent", i)
    lower = rows(0.5 * (grid.y / float(a.height[i]) - 0.4))
    return (bias + lower + 0.55 * coarse + 0.12 * fine).clamp_(0, 1.3) * 0.9


def confounders(stream: Stream, coarse: Tensor, fine: Tensor) -> Tensor:
    """Harmless haze and mottle that every lung may show, as a fraction of air (n, h, w)."""
    haze: Array = 0.03 * np.exp(0.7 * stream.normal("haze"))
    grain: Array = 0.02 * np.exp(0.6 * stream.normal("confound"))
    return (plane(haze) * (1 + 0.8 * coarse) + plane(grain) * fine).clamp_(0, 0.3)
