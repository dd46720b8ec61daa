"""The stream "transformed": one source, altered a little more in each stage.

After Gonzalez et al., section 3, who alter Decathlon with the library TorchIO: intensities rescaled up
to (0.1, 0.9), and random affine maps with factors up to (0.8, 1.2), turns up to 15 degrees and shifts up
to 5 mm. How these grow over the five stages is not printed; here a strength from 0 to 1 multiplies each
of them. A scan has its own random numbers, drawn from its name, which the strength scales; so a scan
moves along one path as the strength grows, and strength 0 leaves it as it was. As in TorchIO each axis
has its own factor, the middle of the image stays in place but for the shift, and what comes in from
outside is as dark as the darkest voxel. The four numbers of the paper are this module's constants.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from medda_lib.studies.task import Spacing
from medda_lib.tasks.hippocampus import STAGES, Hippocampi, Scans, Shown, stage_parts
from medda_lib.tasks.hippocampus_scenarios import changes

CONTRAST = 0.1  # of the range, lost at both of its ends
SCALE = 0.2  # factors from 1 - SCALE to 1 + SCALE, one per axis
TURN = 15.0  # degrees, about each axis
SHIFT = 5.0  # mm, along each axis


@dataclass(frozen=True)
class Transformed:
    """One source altered with a strength in [0, 1] per stage."""

    kind: ClassVar[str] = "TransformedStream"

    strengths: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)

    def __post_init__(self) -> None:
        if len(self.strengths) != STAGES or not all(0 <= t <= 1 for t in self.strengths):
            raise ValueError(
                f"strengths: expected {STAGES} numbers from 0 to 1, got {self.strengths}"
            )

    @property
    def label(self) -> str:
        """What changes, for messages."""
        return "transformed"

    def stages(self, data: Hippocampi) -> tuple[Shown, ...]:
        """The stages in their order; training and test are altered alike."""
        return tuple(
            Shown(transformed(train, strength), transformed(test, strength), boundary)
            for (train, test), strength, boundary in zip(
                stage_parts(data, data.home),
                self.strengths,
                changes(self.strengths),
                strict=True,
            )
        )


def transformed(scans: Scans, strength: float) -> Scans:
    """The scans, each moved by its own affine map, and with less contrast."""
    if strength == 0:
        return scans
    maps = np.stack([random_map(name, strength) for name in scans.names])
    moved = warp(scans.images, maps, scans.spacing)
    masks = warp(scans.masks.float(), maps, scans.spacing) > 0.5
    lost = CONTRAST * strength
    return replace(scans, images=lost + (1 - 2 * lost) * moved, masks=masks)


def random_map(name: str, strength: float) -> NDArray[np.float64]:
    """(4, 4): from mm (slice, row, column) around the middle to where that point goes; R S, then shift.

    name: whose random numbers to take; the same at every strength, which scales them.
    """
    seed = int.from_bytes(hashlib.sha256(f"transformed/{name}".encode()).digest()[:8], "big")
    scale, turn, shift = strength * np.random.default_rng(seed).uniform(-1, 1, (3, 3))
    found = np.eye(4)
    turned = Rotation.from_euler("xyz", TURN * turn, degrees=True).as_matrix()
    found[:3, :3] = turned @ np.diag(1 + SCALE * scale)
    found[:3, 3] = SHIFT * shift
    return found


def warp(volumes: Tensor, maps: NDArray[np.float64], spacing: Spacing) -> Tensor:
    """(n, d, h, w) moved by maps (n, 4, 4) in mm around the middle; linear, 0 from outside.

    The value at a point p of the result is that of the volume at the point that the map sends to p.
    """
    half = np.array(volumes.shape[1:]) * np.array(spacing) / 2  # mm from the middle to the faces
    back = np.linalg.inv(maps)
    back[:, :3, :3] *= half / half[:, None]  # in units of the field's half sides, -1 to 1
    back[:, :3, 3] /= half
    flipped = back[:, 2::-1, [2, 1, 0, 3]]  # grid_sample names the axes last to first
    theta = torch.from_numpy(flipped.copy()).to(volumes)
    places = affine_grid(theta, [len(volumes), 1, *volumes.shape[1:]], align_corners=False)
    moved = grid_sample(
        volumes[:, None], places, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return moved[:, 0].clamp(0, 1)
