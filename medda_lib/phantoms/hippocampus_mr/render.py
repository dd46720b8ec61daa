"""From a source and a list of seeds to crops around one hippocampus, with their truth.

The order is that of the physics: a person in a frame, tissues laid over each other in proportion, the
sequence's signal per tissue, transmit and receive fields, slice profile and point spread, Rician noise.
All this happens on a grid of 1 mm, as in the scanner; then the picture is averaged over the voxels that
were asked for, put into its crop box and scaled. The same seed is the same person at every spacing and
in every source. Volumes are (slice, row, column): slices from below to above, rows from front to back,
columns from the person's right to left; 48 x 60 x 48 mm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from medda_lib.phantoms.brain_mr.canvas import Canvas, Paints
from medda_lib.phantoms.brain_mr.shapes import Points, share
from medda_lib.phantoms.brain_mr.sites import SITES, Site
from medda_lib.phantoms.brain_mr.space import MIDDLE, Frame, Lattice, folds
from medda_lib.phantoms.hippocampus_mr import scene
from medda_lib.phantoms.hippocampus_mr.body import course, inside, volume_of
from medda_lib.phantoms.hippocampus_mr.population import Draws, Person, Population, person
from medda_lib.phantoms.hippocampus_mr.sources import Source
from medda_lib.phantoms.mr.fields import TERMS, receive, transmit
from medda_lib.phantoms.mr.noise import rician
from medda_lib.phantoms.mr.sampling import point_spread, slice_profile
from medda_lib.phantoms.mr.tissues import TISSUES, relaxation

FIELD = (48, 60, 48)  # mm: slices, rows, columns
_FINE = 1.0  # mm: the grid on which the scanner samples
_COARSE = 1.5  # mm: the grid on which the volume is measured
_HEAD = (27.0, 6.0, -25.0)  # mm: the hippocampus from the middle of the head (outward, back, up)


@dataclass(frozen=True)
class Hippocampi:
    """Crops and what is true of them.

    Attributes:
        volumes: float32 (n, d, h, w) in [0, 1]: percentiles 1 and 99 of the crop at 0 and 1; 0 outside.
        hippocampus: bool (n, d, h, w): the whole hippocampus by the label rule of the source.
        tissues: uint8 (n, d, h, w): indices of `TISSUES`, the tissue that fills most of a voxel; air
            outside the crop.
        spacing: of slices, rows, columns in mm.
    """

    volumes: Tensor
    hippocampus: Tensor
    tissues: Tensor
    spacing: tuple[float, float, float]

    def __len__(self) -> int:
        return len(self.volumes)


@torch.no_grad()
def render(source: Source, seeds: Sequence[int], spacing: float = 1.0) -> Hippocampi:
    """Make one crop per seed.

    Args:
        source: who is imaged, and with what.
        seeds: non-negative integers; the same seed is the same person in every source.
        spacing: of the isotropic voxels in mm; divides 48 and 60 mm into whole numbers, 1 to 6.
    """
    seeds = [int(seed) for seed in seeds]
    if any(seed < 0 for seed in seeds):
        raise ValueError("seeds: must not be negative")
    shape = grid(spacing)
    volumes = torch.empty(len(seeds), *shape)
    masks = torch.empty(len(seeds), *shape, dtype=torch.bool)
    tissues = torch.empty(len(seeds), *shape, dtype=torch.uint8)
    for i, seed in enumerate(seeds):
        volumes[i], masks[i], tissues[i] = _crop(source, seed, shape)
    return Hippocampi(volumes, masks, tissues, (spacing, spacing, spacing))


def grid(spacing: float) -> tuple[int, int, int]:
    """Voxels (slices, rows, columns) of the field at a spacing (mm); ValueError if it does not fit."""
    if not 1 <= spacing <= 6:
        raise ValueError(f"spacing: {spacing} mm must lie between 1 and 6 mm")
    counts = [side / spacing for side in FIELD]
    if any(abs(n - round(n)) > 1e-6 for n in counts):
        raise ValueError(f"spacing: {spacing} mm does not divide 48 and 60 mm; take 1, 1.5, 2 or 3")
    return round(counts[0]), round(counts[1]), round(counts[2])


class Scene:
    """One person at one scanner."""

    def __init__(self, source: Source, seed: int) -> None:
        self.draws = s = Draws(seed)
        self.person = a = person(source.population, s)
        self.site = _scanner(source, s)
        v = source.population.variety
        turn = _rotation(*a.turn)
        jitter = [v * s.normal(f"shift_{axis}") for axis in "xyz"]
        shift = (jitter[0] - 2.5, 1.5 * jitter[1], 1.2 * jitter[2] - 2.5)
        wobble = Lattice.draw(s, 3, 16.0)
        self.frame = Frame((1.0, 1.0, 1.0), turn, wobble, 1.3 * v, shift)
        self.slow = Lattice.draw(s, 2, 12.0)
        self.fine = Lattice.draw(s, 1, 5.0)
        self.noise = folds(s, scene.FOLDS_SIZE, scene.FOLDS_SPACING, scene.WAVES)
        self.scale, self.offset = self._fit()

    def points(self, voxel: float) -> tuple[Points, tuple[Tensor, Tensor, Tensor]]:
        """Points (m, b, u) of the whole field, and the lists of coordinates they come from."""
        z, y, x = ((torch.arange(round(side / voxel)) + 0.5) * voxel - side / 2 for side in FIELD)
        if self.person.left:
            x = -x  # columns run to the person's left, away from the midline
        q, (u, v, w) = self.frame.body(x, y, z + MIDDLE)
        return Points(q.x, q.y, q.z - MIDDLE, q.side), (u, v, w)

    def body(self, p: Points, fine: Tensor, scale: float) -> scene.Body:
        """The hippocampus at points, `scale` times as large as the knots say."""
        c = course(p, self.person, scale)
        return scene.Body(*inside(p, c, self.person, fine), c)

    def label(self, body: scene.Body) -> Tensor:
        """Distance inside what the source's label rule counts."""
        return body.distance + self.person.alveus * scene.coat(body) + self.person.margin

    def _fit(self) -> tuple[float, float]:
        """Scale, then offset, with which the label has the person's volume."""
        p, lists = self.points(_COARSE)
        fine = self.fine.at(*lists)[0]
        target = self.person.volume
        scale = 1.0
        for _ in range(2):
            size = volume_of(self.label(self.body(p, fine, scale)), _COARSE)
            scale *= (target / size) ** (1 / 3)
        distance = self.label(self.body(p, fine, scale))
        low, high = -1.0, 1.0
        for _ in range(12):
            offset = 0.5 * (low + high)
            if volume_of(distance, _COARSE, offset) < target:
                low = offset
            else:
                high = offset
        return scale, 0.5 * (low + high)

    def look(self) -> tuple[Tensor, Tensor, Canvas]:
        """Signed signal, share of the label, and the canvas, on the fine grid."""
        p, lists = self.points(_FINE)
        fine = self.fine.at(*lists)[0]
        body = self.body(p, fine, self.scale)
        body = body._replace(distance=body.distance + self.offset)
        canvas = Canvas(_paints(self.site, self.person, self.draws), p.x.shape)
        fields = torch.cat([self.slow.at(*lists), fine[None]])
        scene.paint(canvas, p, body, self.person, self.noise, fields)
        signal = canvas.at(self._transmit(lists)) * self._receive(lists)
        return signal, share(self.label(body), _FINE), canvas

    def _where(self, lists: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Positions in the head, 1 at its edge; x to the midline is negative outward."""
        x, y, z = lists
        m, b, u = (x - _HEAD[0]) / 75, (y + _HEAD[1]) / 95, (z - MIDDLE + _HEAD[2]) / 80
        return m, b[:, None], u[:, None, None]

    def _transmit(self, lists: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        tilt = 0.3 * self.site.dielectric * self.draws.normal("tilt")
        return transmit(self.site.dielectric, tilt, *self._where(lists))

    def _receive(self, lists: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        site = self.site
        coefficients = torch.tensor([self.draws.normal(f"f{i}") for i in range(TERMS)])
        coefficients *= site.uneven * (1 - 0.5 * site.corrected)
        coefficients[3:6] += site.shading * (1 - site.corrected)
        coefficients[2] -= site.falloff
        return receive(coefficients, *self._where(lists))


def _scanner(source: Source, s: Draws) -> Site:
    """The source's scanner; where scanners are mixed, somewhere on the way to 3 T."""
    share_ = source.population.mixed * s.uniform("mixed")
    return source.site.towards(SITES["sm3"], share_) if share_ else source.site


def _paints(site: Site, a: Person, s: Draws) -> Paints:
    """The signal's coefficients for each tissue."""
    sequence = site.sequence()
    paints = {}
    for name in TISSUES:
        density, t1, t2star = relaxation(name, site.field)
        t1 *= {"grey matter": a.grey, "white matter": a.white}.get(name, 1.0)
        paints[name] = torch.tensor(sequence.polynomial(density, t1, t2star))[:, None, None, None]
    fresh = site.inflow * (0.3 + 0.7 * s.uniform("fresh"))
    density, _, t2star = relaxation("artery", site.field)
    full = torch.tensor(sequence.polynomial(density, 1.0, t2star))[:, None, None, None]
    paints["artery"] = (1 - fresh) * paints["artery"] + fresh * full
    return paints


def _crop(source: Source, seed: int, shape: tuple[int, int, int]) -> tuple[Tensor, Tensor, Tensor]:
    look = Scene(source, seed)
    site = look.site
    signal, label, canvas = look.look()
    signal = slice_profile(signal, site.thickness / _FINE)
    signal = point_spread(signal, (site.blur / _FINE, site.blur / _FINE))
    white = abs(float(site.sequence().signal(*relaxation("white matter", site.field))))
    image = rician(signal, site.noise * white, look.draws.block(2, *signal.shape))
    image = resample(image, shape)
    mask = _whole(resample(label, shape), look.person.volume)
    box = _box(source.population, look.draws, mask)
    z, y, x = (
        ((torch.arange(n) + 0.5) * (m / n)).long() for n, m in zip(shape, FIELD, strict=True)
    )
    tissues = canvas.labels[z[:, None, None], y[:, None], x]
    low, high = torch.quantile(image[box], torch.tensor([0.01, 0.99]))
    image = ((image - low) / (high - low)).clamp_(0, 1)
    return image * box, mask, tissues * box


def _whole(share: Tensor, volume: float) -> Tensor:
    """Voxels of the mask: about half full or more, as many as make up the volume (mm^3).

    A threshold of exactly one half would lose the edge of a thin, convex body on a coarse grid.
    """
    voxel = math.prod(FIELD) / share.numel()
    count = min(max(1, round(volume / voxel)), share.numel())
    limit = float(share.flatten().topk(count).values[-1])
    return share >= min(max(limit, 0.35), 0.65)


def _box(p: Population, s: Draws, mask: Tensor) -> Tensor:
    """The crop box, bool (d, h, w): in the middle of the field, large enough for the mask."""
    sizes = (
        p.crop_z + 4.0 * s.normal("crop_z"),
        p.crop_y + 2.5 * s.normal("crop_y"),
        p.crop_x + 2.0 * s.normal("crop_x"),
    )
    box = torch.ones_like(mask)
    for axis, (size, n, side) in enumerate(zip(sizes, mask.shape, FIELD, strict=True)):
        at = ((torch.arange(n) + 0.5) / n - 0.5) * side
        some = _along(mask, axis)
        reach = float(at[some].abs().max()) + 2.0 if bool(some.any()) else 0.0
        keep = at.abs() < max(size / 2, reach)
        shape = [1, 1, 1]
        shape[axis] = n
        box &= keep.view(shape)
    return box


def _along(mask: Tensor, axis: int) -> Tensor:
    """Which planes across an axis hold anything."""
    return mask.transpose(0, axis).flatten(1).any(1)


def resample(fine: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Average a volume (d, h, w) over the larger voxels of another grid of the same extent."""
    z, y, x = (_overlap(n, m) for n, m in zip(fine.shape, shape, strict=True))
    return torch.einsum("az,zhw->ahw", z, y @ (fine @ x.T))


@lru_cache(maxsize=32)
def _overlap(fine: int, coarse: int) -> Tensor:
    """(coarse, fine): shares of the fine voxels in each coarse one; rows sum to 1."""
    edge = torch.arange(coarse + 1) * (fine / coarse)
    low = torch.maximum(edge[:-1, None], torch.arange(fine)[None])
    high = torch.minimum(edge[1:, None], torch.arange(fine)[None] + 1)
    return (high - low).clamp(min=0) * (coarse / fine)


def _rotation(pitch: float, roll: float, yaw: float) -> Tensor:
    """Degrees about m, b, u: (3, 3)."""
    a, b, c = (math.radians(angle) for angle in (pitch, roll, yaw))
    nod = [[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]]
    tilt = [[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]]
    shake = [[math.cos(c), -math.sin(c), 0], [math.sin(c), math.cos(c), 0], [0, 0, 1]]
    first, second, third = (torch.tensor(m, dtype=torch.float32) for m in (nod, tilt, shake))
    return first @ second @ third
