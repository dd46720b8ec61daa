"""Whole scans as the library hands them on: one array of volumes, their masks, and who they are.

All scans of one `Volumes` share a grid: (slice, row, column), slices from the patient's feet to the
head, rows from front to back, columns from the patient's right to left, as a radiologist looks at them.
Metrics in millimetres need the spacing, so it travels with the arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from medda_lib.datasets.card import Card


@dataclass(frozen=True)
class Volumes:
    """Scans on one grid.

    images: (n, d, h, w) float32 in [0, 1]. masks: (n, d, h, w) bool, none empty. spacing: mm between
    slices, rows and columns. patients: (n,) names, one scan each. sites: (n,) where each was acquired.
    native: the largest side (mm) of any stored voxel, before scans were brought to the grid. Raises
    ValueError, naming the field, when one of this does not hold.
    """

    images: Tensor
    masks: Tensor
    spacing: tuple[float, float, float]
    patients: tuple[str, ...]
    sites: tuple[str, ...]
    native: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        shape = tuple(self.images.shape)
        if self.images.dtype != torch.float32 or len(shape) != 4:
            raise ValueError(f"images: expected float32 (n, d, h, w), got {_kind(self.images)}")
        if self.images.numel() and not (self.images.min() >= 0 and self.images.max() <= 1):
            raise ValueError("images: values must lie in [0, 1]; scale them where they are loaded")
        if self.masks.dtype != torch.bool or tuple(self.masks.shape) != shape:
            raise ValueError(f"masks: expected bool {shape}, got {_kind(self.masks)}")
        if self.masks.numel() and not self.masks.flatten(1).any(1).all():
            raise ValueError("masks: at least one is empty; the target lies outside of the grid")
        if not all(0 < s < 100 for s in self.spacing):
            raise ValueError(f"spacing: expected three positive numbers of mm, got {self.spacing}")
        for name in ("patients", "sites"):
            if len(getattr(self, name)) != shape[0]:
                raise ValueError(f"{name}: {len(getattr(self, name))} names for {shape[0]} scans")
        if len(set(self.patients)) != shape[0]:
            raise ValueError("patients: a name appears twice; each scan needs one of its own")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, scans: Sequence[int]) -> Volumes:
        """The scans with these numbers, in this order."""
        chosen = list(scans)
        return Volumes(
            self.images[chosen],
            self.masks[chosen],
            self.spacing,
            tuple(self.patients[i] for i in chosen),
            tuple(self.sites[i] for i in chosen),
            native=self.native,
        )


@dataclass(frozen=True)
class VolumeCard(Card):
    """The card of a set of volumes. mask: what its masks cover, in a few words."""

    mask: str = ""

    def text(self) -> str:
        """The card as plain text, for a terminal."""
        return super().text().replace("masks: none", f"masks: {self.mask}", 1)


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
