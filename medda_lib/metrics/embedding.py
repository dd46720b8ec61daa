"""Numbers to print beside an embedding: is the picture faithful, and are two domains mixed?

The first question compares the picture with the features it was made from: `knn_overlap` counts the
neighbours that survive, `distance_correlation` asks whether what is far apart stayed far apart
(scikit-learn's `trustworthiness` is the third of the kind). The second question never needs the picture.
Four statistics measure how far two samples of features lie apart, each blind to something else, and
`permutation_test` says how large each gets when the domains' names are dealt out by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist, pdist
from scipy.stats import spearmanr

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def knn_overlap(features: ArrayLike, points: ArrayLike, k: int = 10) -> float:
    """Mean share of the k nearest neighbours in features (n, d) that are so in points (n, 2) too.

    1 where the picture keeps every neighbourhood; about k / (n - 1) where it keeps none.
    """
    a, b = _neighbours(features, k), _neighbours(points, k)
    if len(a) != len(b):
        raise ValueError(f"features and points: {len(a)} and {len(b)} rows; need the same samples")
    return float(np.mean([len(np.intersect1d(p, q)) / k for p, q in zip(a, b, strict=True)]))


def distance_correlation(features: ArrayLike, points: ArrayLike) -> float:
    """Spearman's rank correlation of all pairwise distances in features (n, d) and points (n, 2)."""
    x, y = _samples("features", features), _samples("points", points)
    if len(x) != len(y):
        raise ValueError(f"features and points: {len(x)} and {len(y)} rows; need the same samples")
    return float(spearmanr(pdist(x), pdist(y)).statistic)


def same_domain_share(features: ArrayLike, k: int = 10) -> Callable[[Bools], float]:
    """How often a neighbour comes from one's own domain: a statistic of the domain (n,) of each.

    The nearest-neighbour two-sample statistic (Schilling, JASA 1986). With two mixed domains of m and
    n - m samples it is near (m (m - 1) + (n - m)(n - m - 1)) / (n (n - 1)), with separate ones 1.
    """
    neighbours = _neighbours(features, k)

    def statistic(domain: Bools) -> float:
        return float((domain[neighbours] == domain[:, None]).mean())

    return statistic


def linear_probe(
    features: ArrayLike, folds: int = 5, penalty: float = 1.0, seed: int = 0
) -> Callable[[Bools], float]:
    """How well a linear classifier tells the domains apart: its balanced accuracy on held-out folds.

    Ridge regression on the domain as -1 or 1, features (n, d) standardised on the training folds.
    The held-out values are linear in the labels, so the matrix is made once and every labelling
    costs a product: that is what makes a thousand permutations cheap.
    """
    x = _samples("features", features)
    if not 2 <= folds <= len(x):
        raise ValueError(f"folds: {folds} must lie between 2 and the number of samples, {len(x)}")
    smoother = np.zeros((len(x), len(x)))
    for held in np.array_split(np.random.default_rng(seed).permutation(len(x)), folds):
        kept = np.setdiff1d(np.arange(len(x)), held)
        smoother[np.ix_(held, kept)] = _ridge(x[kept], x[held], penalty)

    def statistic(domain: Bools) -> float:
        called = smoother @ np.where(domain, 1.0, -1.0) > 0
        return float((called[domain].mean() + (~called[~domain]).mean()) / 2)

    return statistic


def _ridge(train: Floats, test: Floats, penalty: float) -> Floats:
    """The matrix (m, n) that maps labels of `train` (n, d) to predictions for `test` (m, d)."""
    mean, spread = train.mean(0), train.std(0)
    spread = np.where(spread > 0, spread, 1.0)
    a, b = (train - mean) / spread, (test - mean) / spread
    n = len(a)
    gram = a.T @ a + penalty * np.eye(a.shape[1])
    # Columns of `a` have mean zero, so the intercept is the mean label and drops out of the rest.
    out: Floats = b @ np.linalg.solve(gram, a.T) + 1.0 / n
    return out


def mmd(features: ArrayLike, bandwidth: float | None = None) -> Callable[[Bools], float]:
    """Squared maximum mean discrepancy of two domains, Gaussian kernel, unbiased estimate.

    Gretton et al., JMLR 2012, equation 3. bandwidth: of the kernel, the median distance if None.
    Near zero, and as often below as above, for two samples of one distribution.
    """
    x = _samples("features", features)
    distance = cdist(x, x)
    width = float(np.median(pdist(x))) if bandwidth is None else bandwidth
    if not width > 0:
        raise ValueError(f"bandwidth: {width} must be positive; are all features equal?")
    kernel = np.exp(-((distance / width) ** 2) / 2)
    np.fill_diagonal(kernel, 0)

    def statistic(domain: Bools) -> float:
        m, n = int(domain.sum()), int((~domain).sum())
        a, b = domain / np.sqrt(m * (m - 1)), ~domain / np.sqrt(n * (n - 1))
        cross = domain @ kernel @ ~domain / (m * n)
        return float(a @ kernel @ a + b @ kernel @ b - 2 * cross)

    return statistic


def frechet(features: ArrayLike) -> Callable[[Bools], float]:
    """Squared Frechet distance of two domains, each taken for a Gaussian; needs n well above d.

    ||m1 - m2||^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson and Landau, 1982): the "FID" of Heusel et
    al. (2017), on whatever features are given. It grows as samples get fewer, so its value alone says
    little and its permutations much.
    """
    x = _samples("features", features)

    def statistic(domain: Bools) -> float:
        means = x[domain].mean(0), x[~domain].mean(0)
        one, two = (np.atleast_2d(np.cov(part.T)) for part in (x[domain], x[~domain]))
        root = np.trace(np.real(sqrtm(one @ two)))
        apart = float(((means[0] - means[1]) ** 2).sum())
        return float(apart + np.trace(one) + np.trace(two) - 2 * root)

    return statistic


@dataclass(frozen=True)
class Permuted:
    """A statistic, its values under permuted labels (times,), and the chance of one as large."""

    value: float
    chance: Floats
    p: float


def permutation_test(
    statistic: Callable[[Bools], float],
    domain: ArrayLike,
    times: int = 199,
    seed: int = 0,
    units: ArrayLike | None = None,
) -> Permuted:
    """Deal the domains out by chance, `times` times, and count how often the statistic is as large.

    Args:
        statistic: from the domain (n,) of each sample, as bool, to a number that grows with distance.
        domain: of each sample (n,), two values.
        times: permutations; p is never below 1 / (times + 1).
        seed: of the drawing.
        units: the patient (n,) of each sample. Samples of one patient move together, since they are
            alike whatever the domain; None takes each sample for a patient of its own.

    p counts the true labelling as one of the permutations (Phipson and Smyth, 2010).
    """
    names, labels = np.unique(np.asarray(domain), return_inverse=True)
    if len(names) != 2:
        raise ValueError(f"domain: need two domains, got {names.tolist()}")
    groups = np.arange(len(labels)) if units is None else np.asarray(units)
    if groups.shape != labels.shape:
        raise ValueError(f"units: {groups.shape} differs from the domain's {labels.shape}")
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    of_unit = labels[first]
    if not np.array_equal(of_unit[member], labels):
        raise ValueError(
            "units: a unit stands in both domains; a paired question needs another test"
        )
    value = statistic(labels == 1)
    rng = np.random.default_rng(seed)
    draws = [statistic(rng.permutation(of_unit)[member] == 1) for _ in range(times)]
    chance = np.asarray(draws, dtype=np.float64)
    # Sums in another order differ in the last digit; what equals the true value counts as equal.
    as_large = int((chance >= value - 1e-12 * max(1.0, abs(value))).sum())
    return Permuted(value, chance, (1 + as_large) / (1 + times))


def _neighbours(samples: ArrayLike, k: int) -> NDArray[np.int64]:
    x = _samples("samples", samples)
    if not 1 <= k < len(x):
        raise ValueError(f"k: {k} must lie between 1 and the number of samples less one")
    distance = cdist(x, x)
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, :k]


def _samples(name: str, values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or len(array) < 3 or not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers (n, d) with n >= 3, got {array.shape}")
    return array
