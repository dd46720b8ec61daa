"""What a stream of stages did to a method: how good at the end, what it forgot, what a stage taught.

Everything comes from one matrix of scores R (stages, stages): R[i, j] is the score (Dice, say) on the
test data of stage j after training on stage i. Its last row is what is deployed. Below the diagonal
lies the past: what became of a stage once others were learned. Just above it lies what the method
could do on a stage before it had seen any of it.

The paper (Gonzalez et al. 2022, Section 3, Metrics) defines backward and forward transfer in words
alone. Here backward transfer compares the end of the stream with the moment when a stage was learned
(below 0: forgotten); forward transfer is what training on a stage does for that stage's own test data
(near 0: too rigid to learn). Others (Lopez-Paz and Ranzato 2017) call forward transfer what a stage
gains from those before it, against a network that was never trained: another number.

Both transfers are differences within a stream, and a stream of short stages hides what it loses: what
was never learned cannot be forgotten. So they are read beside the gap to joint training, which saw all
data at once; J[j] is its score on stage j. What is missing at the end was never learned, or was lost
since: J[j] - R[N-1, j] = (J[j] - R[j, j]) - BWT[j].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def final(scores: ArrayLike) -> Floats:
    """The scores on each stage's test data after the last stage, R[N-1], shape (N,)."""
    row: Floats = _square(scores)[-1]
    return row.copy()


def backward_transfer(scores: ArrayLike) -> Floats:
    """R[N-1, j] - R[j, j] of each stage j, shape (N,); NaN for the last: nothing followed it."""
    matrix = _square(scores)
    found: Floats = matrix[-1] - np.diag(matrix)
    found[-1] = np.nan
    return found


def backward_transfer_on_the_way(scores: ArrayLike) -> Floats:
    """Mean of R[i, j] - R[j, j] over all later stages i > j, shape (N,); NaN for the last.

    The other reading of the paper's sentence ("deteriorates with further training"): the loss on the
    way, which is smaller than the loss at the end where forgetting grows by and by.
    """
    matrix = _square(scores)
    found = np.full(len(matrix), np.nan)
    for j in range(len(matrix) - 1):
        found[j] = (matrix[j + 1 :, j] - matrix[j, j]).mean()
    return found


def forward_transfer(scores: ArrayLike) -> Floats:
    """R[j, j] - R[j-1, j] of each stage j, shape (N,); NaN for the first: nothing preceded it."""
    matrix = _square(scores)
    found = np.full(len(matrix), np.nan)
    found[1:] = np.diag(matrix)[1:] - np.diag(matrix, k=1)
    return found


def gap_when_learned(scores: ArrayLike, joint: ArrayLike) -> Floats:
    """J[j] - R[j, j] of each stage j, shape (N,): how far its learning stays below joint training.

    scores: R (N, N). joint: J (N,), the bound's score on each stage's test data. Above 0: worse.
    """
    matrix, bound = _with_bound(scores, joint)
    found: Floats = bound - np.diag(matrix)
    return found


def gap_at_end(scores: ArrayLike, joint: ArrayLike) -> Floats:
    """J[j] - R[N-1, j] of each stage j, shape (N,): what the deployed network misses. Above 0: worse."""
    matrix, bound = _with_bound(scores, joint)
    found: Floats = bound - matrix[-1]
    return found


def gaps(scores: ArrayLike, joint: ArrayLike) -> dict[str, float]:
    """Means of the gaps to joint training, to stand beside "bwt" and "fwt".

    "gap_learned": of all stages, when each was learned. "gap_end": of all stages, after the last.
    "gap_past": after the last stage, of those before it, "gap_learned_past" of the same ones when each
    was learned; "gap_past" = "gap_learned_past" - "bwt". NaN where a score is missing, or the only stage
    has no past.
    """
    learned, end = gap_when_learned(scores, joint), gap_at_end(scores, joint)
    return {
        "gap_learned": _mean(learned),
        "gap_end": _mean(end),
        "gap_learned_past": _mean(learned[:-1]),
        "gap_past": _mean(end[:-1]),
    }


def averages(scores: ArrayLike) -> dict[str, float]:
    """Means over the stages: "dice" of the final row, "bwt" and "fwt" (Table 1's three columns).

    A transfer is averaged over the N - 1 stages that have one. A score that was not measured (NaN)
    leaves every mean that needs it undefined: joint training has a last row only, so no transfer.
    """
    return {name: _mean(values) for name, values in _by_stage(scores).items()}


def spreads(scores: ArrayLike) -> dict[str, float]:
    """Standard deviations over the stages (n - 1 in the denominator), for the keys of `averages`.

    NaN where fewer than two stages have a value, or one of them was not measured.
    """
    return {
        name: float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        for name, values in _by_stage(scores).items()
    }


def _by_stage(scores: ArrayLike) -> dict[str, Floats]:
    """The values behind each mean, without the stage that has none by definition."""
    return {
        "dice": final(scores),
        "bwt": backward_transfer(scores)[:-1],
        "fwt": forward_transfer(scores)[1:],
    }


def _with_bound(scores: ArrayLike, joint: ArrayLike) -> tuple[Floats, Floats]:
    matrix, bound = _square(scores), np.asarray(joint, dtype=np.float64)
    if bound.shape != (len(matrix),):
        raise ValueError(f"joint: need ({len(matrix)},), a score for each stage; got {bound.shape}")
    return matrix, bound


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _square(scores: ArrayLike) -> Floats:
    matrix = np.asarray(scores, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(
            f"scores: need (stages, stages), row = after which stage, column = whose test data; "
            f"got {matrix.shape}"
        )
    return matrix
