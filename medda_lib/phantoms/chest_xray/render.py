"""From a domain and a list of seeds to radiographs with their truth.

The order is that of the physics: a patient (patient), its organs and bones as lengths along the rays
(organs, skeleton, vessels, findings), the line integral, the tilt of the detector against the
patient, the exposure and the display (acquisition), and the things stuck on top (hardware). Work is
done in small chunks, because a chunk that stays in the processor's cache is several times faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from medda_lib.phantoms.chest_xray import findings
from medda_lib.phantoms.chest_xray.acquisition import detect, display, smooth
from medda_lib.phantoms.chest_xray.attenuation import linear_attenuation
from medda_lib.phantoms.chest_xray.domains import RULES, Domain
from medda_lib.phantoms.chest_xray.grid import Grid, plane
from medda_lib.phantoms.chest_xray.hardware import decorate, lines
from medda_lib.phantoms.chest_xray.organs import frame, organs
from medda_lib.phantoms.chest_xray.patient import Anatomy, Stream, anatomy
from medda_lib.phantoms.chest_xray.skeleton import skeleton
from medda_lib.phantoms.chest_xray.vessels import vessels

_CHUNK_PIXELS = 8 * 128 * 128
_MARGIN = 1.05  # the anatomical grid is a little larger than the tilted detector


@dataclass(frozen=True)
class Radiographs:
    """Images (n, 1, s, s) float32 in [0, 1] with dense tissue bright, and what is true of them.

    `lungs` stops at the heart, `lungs_and_heart` runs on behind it to the mediastinum; `disease` is
    where more than a tenth of the air is replaced; all bool (n, 1, s, s). `labels` int64 (n,): 0
    normal, 1 pneumonia. `patterns`: "none", "lobar", "interstitial" or "diffuse".
    """

    images: Tensor
    lungs: Tensor
    lungs_and_heart: Tensor
    labels: Tensor
    disease: Tensor
    patterns: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def masks(self, rule: str) -> Tensor:
        """Lung masks (n, 1, s, s) by label rule, "lungs" or "lungs_and_heart"."""
        if rule not in RULES:
            raise ValueError(f"rule: {rule!r} is unknown; choose one of {', '.join(RULES)}")
        return self.lungs if rule == "lungs" else self.lungs_and_heart


def render(
    domain: Domain, seeds: Sequence[int], size: int = 128, labels: Sequence[int] | None = None
) -> Radiographs:
    """Make one radiograph per seed.

    Args:
        domain: where the pictures are taken.
        seeds: non-negative integers; the same seed is the same person in every domain.
        size: side of the square picture in pixels, 32 to 1024.
        labels: 0 or 1 per seed; drawn with the domain's prevalence if None.
    """
    seeds = [int(seed) for seed in seeds]
    if not 32 <= size <= 1024:
        raise ValueError(f"size: {size} must lie between 32 and 1024 pixels")
    if any(seed < 0 for seed in seeds):
        raise ValueError("seeds: must not be negative")
    if labels is not None:
        labels = [int(label) for label in labels]
        if len(labels) != len(seeds):
            raise ValueError(f"labels: {len(labels)} labels for {len(seeds)} seeds")
        if any(label not in (0, 1) for label in labels):
            raise ValueError("labels: must be 0 (normal) or 1 (pneumonia)")
    step = max(1, _CHUNK_PIXELS // size**2)
    chunks = [slice(start, start + step) for start in range(0, len(seeds), step)]
    parts = [_chunk(domain, seeds[c], size, None if labels is None else labels[c]) for c in chunks]
    if not parts:
        empty = torch.zeros(0, 1, size, size, dtype=torch.bool)
        return Radiographs(
            empty.float(), empty, empty, torch.zeros(0, dtype=torch.int64), empty, ()
        )
    return Radiographs(
        torch.cat([p.images for p in parts]),
        torch.cat([p.lungs for p in parts]),
        torch.cat([p.lungs_and_heart for p in parts]),
        torch.cat([p.labels for p in parts]),
        torch.cat([p.disease for p in parts]),
        sum((p.patterns for p in parts), ()),
    )


@torch.no_grad()
def _chunk(domain: Domain, seeds: list[int], size: int, labels: list[int] | None) -> Radiographs:
    stream = Stream(seeds)
    patient = anatomy(domain, stream)
    kinds = findings.draw_labels(domain, stream, labels)
    grid = _grid(domain, patient, stream, size)
    layers = torch.stack(_project(domain, grid, patient, stream, kinds), 1)
    layers = _tilt(layers, domain, stream)
    attenuation = layers[:, 0] + lines(domain, stream, size)
    dx, dy = grid.step
    attenuation = smooth(attenuation, domain.blur * size / domain.fov_width)
    lungs = layers[:, 1] > 0
    signal = detect(attenuation, domain, stream, dx * dy)
    image = decorate(display(signal, lungs, domain, stream), domain, stream)
    sick = (layers[:, 3] > findings.VISIBLE) & lungs
    return Radiographs(
        image[:, None].contiguous(),
        lungs[:, None],
        (layers[:, 2] > 0)[:, None],
        torch.from_numpy((kinds > 0).astype(np.int64)),
        sick[:, None],
        tuple(findings.PATTERNS[kind] for kind in kinds),
    )


def _grid(domain: Domain, a: Anatomy, stream: Stream, size: int) -> Grid:
    """The field of view in patient coordinates: zoom and shift of each exposure."""
    z = stream.normal
    zoom = np.exp(domain.zoom_spread * z("zoom"))
    half_x = 0.5 * domain.fov_width * zoom * _MARGIN
    half_y = 0.5 * domain.fov_height * zoom * _MARGIN
    at = (np.arange(size) + 0.5) / size * 2 - 1
    x = half_x[:, None] * at + (domain.shift_x * z("shift_x"))[:, None]
    middle = 0.5 * a.height + 0.3 + domain.shift_y * z("shift_y")
    return Grid(x, half_y[:, None] * at + middle[:, None])


def _project(
    domain: Domain, grid: Grid, a: Anatomy, stream: Stream, kinds: findings.Kinds
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Line integral of the attenuation, the two lung outlines and the fraction of air replaced."""
    shape = grid.shape[1:]
    coarse = findings.mottle(stream.block(9, 9), shape)
    fine = findings.mottle(stream.block(44, 44), shape)
    tree = vessels(grid, a, stream)
    f = frame(grid, a)
    soft = organs(f, a, stream, 0.7 * coarse + 0.7 * fine)
    bone = skeleton(f, a, stream)
    filled = findings.consolidation(domain, grid, a, stream, kinds, (coarse, fine))
    haze = findings.confounders(stream, coarse, fine) * domain.texture
    fat = torch.minimum(soft.body, plane(1.3 * a.wall)) * (1 + 0.4 * coarse)
    kinds_of_tissue = ("soft", "bone", "lung", "fat")
    tissue, mineral, lung, oil = (linear_attenuation(t, domain.energy) for t in kinds_of_tissue)
    air = soft.air
    lost = (filled + haze).clamp_(max=0.95).mul_(air)
    lost += tree.minimum(air)
    total = soft.body * tissue
    total -= (air - lost) * (tissue - lung)
    total -= fat * (tissue - oil)
    total -= torch.minimum(soft.gas, soft.body) * tissue
    total += bone * (mineral - tissue)
    total = total.clamp_(min=0) * plane(a.scale)
    return total, soft.lungs, soft.lungs_and_heart, filled


def _tilt(layers: Tensor, domain: Domain, stream: Stream) -> Tensor:
    """Turn the detector against the patient by each exposure's angle; layers (n, c, s, s)."""
    angle = np.deg2rad(domain.rotation * stream.normal("rotation"))
    c, s = np.cos(angle) / _MARGIN, np.sin(angle) / _MARGIN
    aspect = domain.fov_height / domain.fov_width
    size = layers.shape[-1]
    at = torch.from_numpy(((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32))
    x, y = at[None, None, :], at[None, :, None]
    gx = plane(c) * x - plane(s * aspect) * y
    gy = plane(s / aspect) * x + plane(c) * y
    wobble = torch.from_numpy(stream.block(2, 6, 6)).clamp_(-2.5, 2.5)
    wobble = interpolate(wobble, size=(32, 32), mode="bicubic", align_corners=True)
    wobble = interpolate(wobble, size=(size, size), mode="bilinear", align_corners=True)
    gx = gx + wobble[:, 0] * (2 * domain.warp / domain.fov_width)
    gy = gy + wobble[:, 1] * (2 * domain.warp / domain.fov_height)
    where = torch.stack([gx, gy], -1)
    return grid_sample(layers, where, mode="bilinear", padding_mode="border", align_corners=False)
