"""What each metric is, in a sentence and with its unit: for the captions of tables that show it.

Names alone do not say it: papers call several things "Hausdorff distance", and a surface Dice without
its tolerance is no number.
"""

from __future__ import annotations

from collections.abc import Iterable

DEFINITIONS = {
    "surface_dice": "Surface Dice: the share of both surfaces that lies within {tolerance} of the "
    "other one; two empty masks 1, one empty mask 0.",
    "surface_dice_double": "Surface Dice, lenient: the same within twice that tolerance.",
    "hausdorff": "Hausdorff: average distance of all mask pixels (not of outlines) to the other "
    "mask, the larger of both directions, in pixels of the scored image; where one mask is empty, "
    "the image's diagonal.",
    "ssim": "SSIM: of the two masks as pictures of 0 and 1, Gaussian window of 11 x 11 pixels.",
    "soft_dice": "Soft Dice: of probabilities, without a threshold.",
}
"""Metrics whose names leave something open; Dice, Jaccard, precision, recall are those of textbooks."""


def defined(metrics: Iterable[str], tolerances: Iterable[float] = ()) -> str:
    """The definitions of those metrics that need one, joined; "" where none does.

    tolerances: of the surface Dice in mm, as rows have them; several where scans lie on several grids.
    """
    found = sorted(set(tolerances))
    words = " or ".join(f"{mm:g} mm" for mm in found) or "1 mm, less than a voxel (to be redone)"
    chosen = (DEFINITIONS[name] for name in dict.fromkeys(metrics) if name in DEFINITIONS)
    return " ".join(text.format(tolerance=words) for text in chosen)
