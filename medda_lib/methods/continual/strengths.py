"""How strongly a method should hold on to the past: one rule for all, on source data alone.

Published strengths are of other losses and other numbers of voxels: at the same lambda EWC's penalty
differs by a factor of tens of thousands between two ways to take F, LwF's by as many as a scan has
voxels. So a strength is a choice, and it has to be made in the same way for each method, before any
stage of the stream is seen. The rule is that of De Lange et al. (2021), whom Gonzalez et al. cite:
start strong, and let go until the method learns what is new about as well as training without it.

1. A pilot stream of two stages from the first source alone, with people of its own; in the second stage
   their scans are altered (`Transformed` at full strength).
2. Plain training and each strength of a grid (a factor of 10 apart, equally many for each method), from
   the same weights, with the same batches, for the steps of the study.
3. Mean Dice on held-out scans of the pilot's second stage. `strongest` takes the largest strength that
   loses no more than `drop` against plain training.

What is forgotten of the pilot's first stage has no part: a rule that looked at it would pick strengths
by what methods are compared by. No test scan and no later source is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping

DROP = 0.01
GRID = tuple(10.0**k for k in range(-3, 5))


def strongest(dice: Mapping[float, float], plain: float, drop: float = DROP) -> float:
    """The largest strength whose Dice on new data is `plain` - `drop` or more.

    Args:
        dice: strength -> mean Dice on held-out scans of the pilot's second stage.
        plain: that of plain training.
        drop: what may be lost of it.

    Raises ValueError when none holds: then the grid has to go on downwards.
    """
    holding = [strength for strength, found in dice.items() if found >= plain - drop]
    if not holding:
        raise ValueError(
            f"dice: no strength of {sorted(dice)} is within {drop} of {plain}; try smaller ones"
        )
    return max(holding)
