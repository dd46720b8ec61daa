"""From a site and a list of seeds to T1-weighted heads with their truth.

The order is that of the physics: a person (person) in a frame (space), tissues laid over each other in
proportion (head, brain, canvas), the sequence's signal per tissue, transmit and receive fields, slice
profile and point spread, wrap-around and ghost, Rician noise. Each slice depends on its own height
only, so a scan of every fourth slice costs a quarter and holds the same slices, and so does a slab.
Work is done on a few slices at a time, which stay in the processor's cache.

Volumes are (slice, row, column): slices from bottom to top, rows from front to back, columns from the
person's right to left; 96 x 128 x 128 voxels of 1.5 mm or 144 x 192 x 192 of 1 mm, the top of the scalp
6 mm below the grid's upper edge and the centroid of the head's upper 100 mm in the middle of the slices.
Noise is given for a voxel, whatever its size: smaller voxels are those of a better scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from medda_lib.phantoms.brain_mr import brain, head
from medda_lib.phantoms.brain_mr.canvas import Canvas, Paints
from medda_lib.phantoms.brain_mr.person import Anatomy, Stream, anatomy, body, examination
from medda_lib.phantoms.brain_mr.sites import Site
from medda_lib.phantoms.brain_mr.space import Frame, Lattice, folds
from medda_lib.phantoms.brain_mr.view import Raster, View
from medda_lib.phantoms.mr.fields import TERMS, receive, transmit
from medda_lib.phantoms.mr.noise import rician
from medda_lib.phantoms.mr.sampling import ghost, point_spread, slice_profile, wrap
from medda_lib.phantoms.mr.tissues import TISSUES, relaxation

_CHUNK = 6  # slices that are worked on together
_UPPER = 100.0  # mm below the top over which the head is centred


@dataclass(frozen=True)
class Heads:
    """Scans of heads and what is true of them.

    Attributes:
        volumes: float32 (n, d, h, w) in [0, 1], each scaled from its minimum to its maximum, or
            between two of its percentiles.
        brain: bool (n, d, h, w): the brain with its ventricles and the fluid of its sulci.
        tissues: uint8 (n, d, h, w): indices of `TISSUES`, the tissue that fills most of a voxel.
        spacing: of slices, rows, columns in mm.
    """

    volumes: Tensor
    brain: Tensor
    tissues: Tensor
    spacing: tuple[float, float, float]

    def __len__(self) -> int:
        return len(self.volumes)


@torch.no_grad()
def render(site: Site, seeds: Sequence[int], view: View | None = None, **fields: Any) -> Heads:
    """Make one head per seed.

    Args:
        site: where it is scanned.
        seeds: non-negative integers; the same seed is the same person at every site.
        view: which voxels.
        **fields: of a view, where none is given.
    """
    view = view or View(**fields)
    seeds = [int(seed) for seed in seeds]
    if any(seed < 0 for seed in seeds):
        raise ValueError("seeds: must not be negative")
    shape = (len(seeds), len(view.numbers), view.size, view.size)
    volumes = torch.empty(shape)
    masks = torch.empty(shape, dtype=torch.bool)
    tissues = torch.empty(shape, dtype=torch.uint8)
    for i, seed in enumerate(seeds):
        volumes[i], masks[i], tissues[i] = _head(site, seed, view)
    return Heads(volumes, masks, tissues, view.spacing)


class _Scene:
    """One person at one site, ready to be looked at slice by slice."""

    def __init__(self, site: Site, seed: int) -> None:
        stream = body(seed)
        self.site = site
        self.person = a = anatomy(stream)
        self.frame = Frame(a.scale, a.turn, Lattice.draw(stream, 3, 45.0), a.warp)
        self.slow = Lattice.draw(stream, 5, 34.0)
        self.patches = Lattice.draw(stream, 2, 11.0)
        self.fine = Lattice.draw(stream, 1, 5.5)
        self.noise = folds(stream, brain.FOLDS_SIZE, brain.FOLDS_SPACING, brain.WAVES)
        visit = examination(seed)
        self.receive = _coil(site, visit)
        self.tilt = 0.3 * site.dielectric * visit.normal("field_0")
        self.frame = _placed(self.frame, a, site, visit)
        self.paints = _paints(site, a, 0.4 + 0.6 * visit.uniform("inflow"))
        self.seed = seed

    def look(self, z: Tensor, across: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Signed signal (z, y, x), brain and labels at heights z, and rows and columns `across`."""
        x = y = across
        p, lists = self.frame.body(x, y, z)
        slow = self.slow.at(*lists)
        patches = self.patches.at(*lists)
        fine = self.fine.at(*lists)[0]
        a = self.person
        low = float(p.z.amin())
        c = brain.compartments(p, a)
        c = c._replace(cavity=c.cavity + (0.25 * a.gap * slow[2]))
        skin = head.outline(p, c.hull, a, 0.6 * slow[1])
        canvas = Canvas(self.paints, p.x.shape)
        shell = torch.stack([slow[0], slow[1], slow[2], patches[0], fine])
        head.paint_shell(canvas, p, c, a, shell, skin)
        head.paint_meninges(canvas, p, c, a, patches[1])
        brain.paint(canvas, p, c, a, self.noise, torch.stack([slow[3], slow[4], *patches]))
        head.paint_midline(canvas, p, c, a)
        if low < -85:
            head.paint_arteries(canvas, p)
        rx, ry, rz = (t / r for t, r in zip(lists, (75.0, 95.0, 80.0), strict=True))
        where = rx, ry[:, None], (rz + 75.0 / 80.0)[:, None, None]
        signal = canvas.at(transmit(self.site.dielectric, self.tilt, *where))
        signal *= receive(self.receive, *where)
        return signal, brain.envelope(c, a, slow[3]), canvas.labels


def _head(site: Site, seed: int, view: View) -> tuple[Tensor, Tensor, Tensor]:
    scene = _Scene(site, seed)
    z, across = view.grid.heights(view.numbers), view.grid.across()
    images, masks, labels = [], [], []
    for some in z.split(_CHUNK):
        image, mask, label = scene.look(some, across)
        images.append(image)
        masks.append(mask)
        labels.append(label)
    image = _sampled(torch.cat(images), site, seed, view)
    mask, label = torch.cat(masks), torch.cat(labels)
    k = view.grid.side // view.size
    if k > 1:
        image = avg_pool2d(image[:, None], k)[:, 0]
        mask = avg_pool2d(mask[:, None].float(), k)[:, 0] > 0.5
        label = label[:, k // 2 :: k, k // 2 :: k]
    return view.scaled(image), mask, label


def _sampled(signal: Tensor, site: Site, seed: int, view: View) -> Tensor:
    """Point spread, wrap-around, ghost and noise."""
    voxel, side = view.voxel, view.grid.side
    signal = slice_profile(signal, site.thickness / voxel)
    signal = point_spread(signal, (site.blur / voxel, site.blur / voxel))
    fov = site.fov / voxel
    signal = wrap(signal, fov, 1)
    signal = ghost(signal, site.ghost, 1, min(fov, side))
    white = float(site.sequence().signal(*relaxation("white matter", site.field)))
    noise = torch.stack([_noise(seed, int(k), view.grid) for k in view.numbers], 1)
    return rician(signal, site.noise * abs(white), noise)


def _noise(seed: int, number: int, grid: Raster) -> Tensor:
    """(2, side, side) standard normal numbers of one slice."""
    generator = torch.Generator().manual_seed((seed * grid.slices + number + 1) % (1 << 62))
    return torch.randn(2, grid.side, grid.side, generator=generator)


def _coil(site: Site, visit: Stream) -> Tensor:
    """Coefficients of the receive field: brighter to the outside, and uneven."""
    left = site.shading * (1 - site.corrected)
    random = torch.tensor([visit.normal(f"field_{i}") for i in range(TERMS)])
    coefficients = random * site.uneven * (1 - 0.5 * site.corrected)
    coefficients[3:6] += left
    coefficients[2] -= site.falloff
    return coefficients


def _paints(site: Site, a: Anatomy, fresh: float) -> Paints:
    """The signal's coefficients for each tissue; blood in arteries flows in."""
    sequence = site.sequence()
    paints = {}
    for name in TISSUES:
        density, t1, t2star = relaxation(name, site.field)
        t1 *= {"grey matter": a.grey, "white matter": a.white}.get(name, 1.0)
        if name == "fat":
            density *= 1 - site.water_only
        if name == "marrow":  # half of it is fat
            density *= 1 - 0.5 * site.water_only
        paints[name] = torch.tensor(sequence.polynomial(density, t1, t2star))[:, None, None, None]
    share = site.inflow * fresh
    density, _, t2star = relaxation("artery", site.field)
    never_tipped = sequence.polynomial(density, 1.0, t2star)  # recovers at once: always full
    full = torch.tensor(never_tipped)[:, None, None, None]
    paints["artery"] = (1 - share) * paints["artery"] + share * full
    return paints


def _placed(frame: Frame, a: Anatomy, site: Site, visit: Stream) -> Frame:
    """The frame shifted so that the head is where the brain grid wants it, as far as one can tell."""
    u = torch.arange(-105.0, 106.0, 7.0)
    z = torch.arange(-112.0, 25.0, 4.0)
    p, _ = frame.body(u, u, z)
    inside = head.outline(p, brain.compartments(p, a).hull, a)
    height = inside.amax((1, 2))
    k = int((height > 0).nonzero().max())
    top = float(z[k] + 4.0 * height[k] / (height[k] - height[min(k + 1, len(z) - 1)]))
    weights = (inside > 0) & ((z > top - _UPPER)[:, None, None])
    weights &= u[:, None].abs() < 97  # the grid ends there
    count = weights.sum()
    middle_x = float((weights * u).sum() / count)
    middle_y = float((weights * u[:, None]).sum() / count)
    jitter = [site.positioning * visit.normal(f"shift_{axis}") for axis in "xyz"]
    shift = (jitter[0] - middle_x, jitter[1] - middle_y, jitter[2] - top)
    return Frame(frame.scale, frame.turn, frame.wobble, frame.size, shift)
