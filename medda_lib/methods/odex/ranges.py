"""What counts as within the distribution: the range of distances by which others are normalised.

"We normalize the distances between the minimum and doubled maximum in-distribution values, and set xi =
2 mu" (Gonzalez et al. 2022, section 2): a distance D is mapped to (D - minimum) / (2 maximum - minimum),
and mu is taken for where that puts the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Range:
    """Smallest, mean and largest in-distribution distance."""

    low: float
    middle: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high or self.high == 0:
            raise ValueError(
                f"range: distances from {self.low} to {self.high}; do the scans differ?"
            )

    @classmethod
    def of(cls, distances: Tensor) -> Range:
        """The range of distances (n,)."""
        return cls(float(distances.min()), float(distances.mean()), float(distances.max()))

    @classmethod
    def total(cls, parts: Sequence[Range]) -> Range:
        """The range of a sum of distances, each of which has a range of its own."""
        lows, middles, highs = zip(*((p.low, p.middle, p.high) for p in parts), strict=True)
        return cls(sum(lows), sum(middles), sum(highs))

    def normalised(self, distance: float) -> float:
        """The minimum to 0 and the doubled maximum to 1."""
        return (distance - self.low) / (2 * self.high - self.low)

    def clipped(self, distances: Tensor) -> Tensor:
        """Distances (n,) cut at what is mapped to 0 and to 1.

        As in Lifelong-nnUNet, branch dev-cl_ood, calibration/eval/eval_ood_detection.py:126-131.
        """
        return distances.clamp(self.low, 2 * self.high)

    @property
    def mu(self) -> float:
        """The mean, normalised: xi is a multiple of it."""
        return self.normalised(self.middle)
