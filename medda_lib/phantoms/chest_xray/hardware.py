"""What is in the picture without being the patient: tubes, wires, side markers, collimator blades."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from medda_lib.phantoms.chest_xray.domains import Domain
from medda_lib.phantoms.chest_xray.grid import Array, rows, splat
from medda_lib.phantoms.chest_xray.grid import columns as as_columns
from medda_lib.phantoms.chest_xray.patient import Stream

_GLYPHS = {
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
}
_LINES = 4


def lines(domain: Domain, stream: Stream, size: int) -> Tensor:
    """Attenuation of tubes and wires (n, size, size): quadratic curves across the field."""
    n = len(stream.generators)
    ends = stream.block(_LINES, 6).astype(np.float64)
    tube = stream.uniform("tube") < domain.tubes
    wired = stream.uniform("wire") < domain.wires
    count = 1 + (stream.uniform("wire_n") * (_LINES - 1)).astype(int)
    strength = np.zeros((n, _LINES))
    strength[:, 0] = 1.6 * tube
    for k in range(1, _LINES):
        strength[:, k] = 1.0 * (wired & (k <= count))
    if not strength.any():
        return torch.zeros(n, size, size)
    t = (np.arange(3 * size) + 0.5) / (3 * size)
    start = np.array([0.5, 0.0]) + ends[:, :, :2] * np.array([0.25, 0.03])
    middle = np.array([0.5, 0.45]) + ends[:, :, 2:4] * np.array([0.28, 0.2])
    stop = np.array([0.5, 0.75]) + ends[:, :, 4:6] * np.array([0.4, 0.2])
    middle[:, 0, 0], stop[:, 0] = 0.5 + 0.02 * ends[:, 0, 2], np.array([0.5, 0.42])
    start[:, 0, 0] = 0.5 + 0.02 * ends[:, 0, 0]
    a, b, c = (p[..., None, :] for p in (start, middle, stop))
    path = ((1 - t) ** 2)[:, None] * a + (2 * t * (1 - t))[:, None] * b + (t**2)[:, None] * c
    points = path.reshape(n, -1, 2) * size
    length = np.linalg.norm(np.diff(path, axis=2), axis=-1).sum(-1)
    # a wire of 2.5 mm in a field of 36 cm, whatever the pixel
    mass = strength * length * size * (0.0035 * size) / (3 * size)
    drawn = splat(
        points[..., 0], points[..., 1], np.repeat(mass, 3 * size, axis=1), (n, size, size)
    )
    return drawn.mul_(0.8)


def decorate(image: Tensor, domain: Domain, stream: Stream) -> Tensor:
    """Collimator blades and the side marker, painted on the finished picture (n, s, s)."""
    image = _collimate(image, domain, stream)
    u = stream.uniform
    marked = u("marker") < domain.markers
    for i in np.flatnonzero(marked):
        _mark(
            image[i], float(u("marker_kind")[i]), float(u("marker_x")[i]), float(u("marker_y")[i])
        )
    return image


def _collimate(image: Tensor, domain: Domain, stream: Stream) -> Tensor:
    size = image.shape[-1]
    u = stream.uniform
    closed = u("coll") < domain.collimation
    if not closed.any():
        return image
    at = (np.arange(size) + 0.5) / size

    def gate(first: str, last: str) -> Array:
        low, high = 0.07 * u(first)[:, None] ** 2, 1 - 0.07 * u(last)[:, None] ** 2
        sharp = 0.8 * size
        inside = np.clip((at - low) * sharp + 0.5, 0, 1) * np.clip((high - at) * sharp + 0.5, 0, 1)
        return np.where(closed[:, None], inside, 1.0)

    opened = rows(gate("coll_t", "coll_b")) * as_columns(gate("coll_l", "coll_r"))
    return image * opened + (1 - opened) * domain.border_grey


def _mark(image: Tensor, kind: float, x: float, y: float) -> None:
    """Paint an L (top right) or an R (top left); half of them on a dark plate."""
    size = image.shape[-1]
    letter = "L" if kind > 0.5 else "R"
    tall = max(5, round(size * 0.055))
    wide = max(4, round(size * 0.04))
    glyph = torch.tensor([[float(bit) for bit in line] for line in _GLYPHS[letter]])
    glyph = torch.nn.functional.interpolate(glyph[None, None], size=(tall, wide), mode="bilinear")[
        0, 0
    ]
    top = round(size * (0.01 + 0.16 * y * y))
    left = round(size * (0.02 + 0.08 * x))
    if letter == "L":
        left = size - wide - left
    patch = image[top : top + tall, left : left + wide]
    if 0.25 < kind < 0.75:
        image[max(0, top - 1) : top + tall + 1, max(0, left - 1) : left + wide + 1] *= 0.15
    patch.copy_(torch.maximum(patch, glyph * 0.95))
