"""Dividing images into parts so that no patient is in two of them.

Two images of one patient look alike for reasons that have nothing to do with the disease. If one is
in the training data and the other in the test data, the test measures memory. `split_by_patient`
therefore deals out patients, not images, and among all ways to do so follows a greedy path that
keeps the parts' sizes and class shares close to what was asked for. `first_labelled` draws the few
images that may keep their labels; its draws are nested, so that 50 labels are the 10 plus 40 more
and a learning curve is not blurred by a change of examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medda_lib.datasets.card import DatasetError

Indices = NDArray[np.int64]


def split_by_patient(
    patients: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
    labels: ArrayLike | None = None,
) -> dict[str, Indices]:
    """Parts of about the given shares that have no patient in common.

    patients: one name per image (n). fractions: part -> share; positive, scaled to sum to 1.
    labels: (n,) classes whose shares each part should mirror; None: sizes alone matter.
    Returns part -> sorted image indices; together they are a partition of range(n). Deterministic
    in all arguments. Patients go in random order, large ones first, each to the part where it
    lowers the squared relative deviation from the wanted class counts most.
    Raises ValueError for bad fractions or lengths that differ.
    """
    shares = _shares(fractions)
    classes = _one_hot(labels, len(patients))
    owner, first = _numbered(patients)
    content = np.zeros((len(first), classes.shape[1]))
    np.add.at(content, owner, classes)
    part_of = _deal(content, shares, np.random.default_rng(seed))
    return {
        part: np.flatnonzero(part_of[owner] == i).astype(np.int64)
        for i, part in enumerate(fractions)
    }


def first_labelled(labels: ArrayLike, n: int, seed: int) -> Indices:
    """Indices (n,) of a stratified draw, in drawing order; a smaller draw is a prefix of a larger.

    labels: (N,) classes. Each class is shuffled and its j-th member of m is placed at (j + 1/2) / m
    on [0, 1]; the first n places are the draw, so classes keep their shares in every prefix.
    Raises ValueError when n is negative or larger than N.
    """
    classes = np.asarray(labels).reshape(-1)
    if not 0 <= n <= len(classes):
        raise ValueError(f"n: {n} items wanted out of {len(classes)}")
    rng = np.random.default_rng(seed)
    place = np.empty(len(classes))
    for value in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == value))
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    # Equal places (two classes of one size) are broken at random, not by index.
    order = np.lexsort((rng.permutation(len(classes)), place))
    return order[:n].astype(np.int64)


def refuse_shared_patients(
    parts: Mapping[str, Indices], patients: Sequence[str], dataset: str
) -> None:
    """Raise DatasetError when a patient is in two parts."""
    shared = shared_patients(parts, patients)
    if shared:
        patient, (one, other) = next(iter(shared.items()))
        raise DatasetError(
            f"{dataset}: patient {patient!r} is in the splits {one!r} and {other!r} "
            f"({len(shared)} such patient(s)); use a scheme that splits by patient, or repair the "
            "lists of the splits"
        )


def shared_patients(
    parts: Mapping[str, Indices], patients: Sequence[str]
) -> dict[str, tuple[str, str]]:
    """Patient -> the first two parts that hold images of that patient."""
    owner: dict[str, str] = {}
    shared: dict[str, tuple[str, str]] = {}
    for part, indices in parts.items():
        for patient in {patients[i] for i in indices.tolist()}:
            if owner.setdefault(patient, part) != part:
                shared.setdefault(patient, (owner[patient], part))
    return dict(sorted(shared.items()))


def _shares(fractions: Mapping[str, float]) -> NDArray[np.float64]:
    shares = np.array(list(fractions.values()), dtype=np.float64)
    if len(shares) == 0 or not np.all(np.isfinite(shares) & (shares > 0)):
        raise ValueError(f"fractions: every share must be positive, got {dict(fractions)}")
    return shares / float(shares.sum())


def _one_hot(labels: ArrayLike | None, n: int) -> NDArray[np.float64]:
    values = np.zeros(n, dtype=np.int64) if labels is None else np.asarray(labels).reshape(-1)
    if len(values) != n:
        raise ValueError(f"labels: {len(values)} labels for {n} patients' names")
    kinds, code = np.unique(values, return_inverse=True)
    return np.eye(max(len(kinds), 1))[code]


def _numbered(patients: Sequence[str]) -> tuple[Indices, Indices]:
    """Patient number per image, in order of first appearance (so that renaming changes nothing)."""
    if not patients:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    _, first, code = np.unique(np.asarray(patients), return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[code], first.astype(np.int64)


def _deal(
    content: NDArray[np.float64], shares: NDArray[np.float64], rng: np.random.Generator
) -> Indices:
    """Part of each patient. content: (patients, classes) image counts; shares: (parts,).

    Adding v to a part with deficit d and target t changes sum_c (d_c)^2 / t_c by
    sum_c (v_c^2 - 2 v_c d_c) / t_c: negative while there is room, positive on overshoot.
    """
    target = np.maximum(np.outer(shares, content.sum(0)), 1e-9)
    deficit = target.copy()
    order = rng.permutation(len(content))
    order = order[np.argsort(-content[order].sum(1), kind="stable")]
    part_of = np.zeros(len(content), np.int64)
    for patient in order:
        v = content[patient]
        cost = ((v * v - 2 * v * deficit) / target).sum(1)
        part = int(np.argmin(cost))
        part_of[patient] = part
        deficit[part] -= v
    return part_of
