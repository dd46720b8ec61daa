"""The structure of two sites: which kinds of slices there are, and which kind answers to which.

Section 2 of Goodman et al.: bottleneck features of all slices of both sites are laid out in the plane,
jointly, by PCA and then t-SNE; k-means finds k groups in each site; the Hungarian method pairs the
target's centres with the source's so that the squared distances are least (equation 1). All of it
happens once an epoch and outside of the gradient.

The paper gives no number but k. `Clustering` has the released code's 20 principal components and
perplexity 30 (yishayahu/AIVA, commit 3ae7eda, trainer.py:276-277), and 500 iterations of t-SNE and ten
starts of k-means in both sites, which are ours; `Clustering.released` has the code's for these as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]
Start = Literal["own", "source"]


@dataclass(frozen=True)
class Clustering:
    """Settings of the clustering; see the module for which of them are the paper's.

    Attributes:
        k: clusters of each site (12 in the paper).
        components: principal components that t-SNE gets.
        perplexity: of t-SNE; shrinks to a third of the slices where these are few.
        iterations: of t-SNE.
        starts: of k-means; the best one counts.
        position: whether the height of a slice in its scan, in [0, 1), stands beside the components as
            one more column (trainer.py:300-302).
        start: of k-means in the target: "own" starts, or the centres of the "source" (trainer.py:309).
    """

    kind: ClassVar[str] = "Clustering"

    k: int = 12
    components: int = 20
    perplexity: float = 30.0
    iterations: int = 500
    starts: int = 10
    position: bool = False
    start: Start = "own"

    @classmethod
    def released(cls) -> Clustering:
        """The released code's, heads and prostates alike; 1,000 iterations are its library's default."""
        return cls(iterations=1000, position=True, start="source")

    def __post_init__(self) -> None:
        if self.start not in get_args(Start):
            raise ValueError(f"start: {self.start!r} is none of {get_args(Start)}")
        if self.k < 2 or self.components < 2 or self.starts < 1:
            raise ValueError(f"{self}: k and components are at least 2, starts at least 1")
        if self.iterations < 250:
            raise ValueError(f"iterations: {self.iterations}; t-SNE needs at least 250")


@dataclass(frozen=True)
class Structure:
    """Two sites in the plane: points, cluster of each point, centres, and the matching.

    source_points (m, 2), target_points (n, 2); source_clusters (m,), target_clusters (n,) in
    0 ... k - 1; source_centres, target_centres (k, 2); matching (k,): matching[i] is the source
    cluster that answers to target cluster i, the permutation pi of equation 1.
    """

    source_points: Floats
    target_points: Floats
    source_clusters: Integers
    target_clusters: Integers
    source_centres: Floats
    target_centres: Floats
    matching: Integers


def structure(
    source: Floats,
    target: Floats,
    settings: Clustering,
    seed: int,
    positions: Floats | None = None,
) -> Structure:
    """Cluster and match two sites by their features (m, d) and (n, d).

    positions: (m + n,) of the slices, for settings that use them. Equal features, settings and seed
    give an equal structure.
    """
    points = embedded(np.concatenate([source, target]), settings, seed, positions)
    return structure_of(points[: len(source)], points[len(source) :], settings, seed)


def structure_of(
    source_points: Floats, target_points: Floats, settings: Clustering, seed: int
) -> Structure:
    """Cluster and match two sites that were laid out in the plane already, (m, 2) and (n, 2)."""
    source_clusters, source_centres = clustered(source_points, settings, seed)
    start = source_centres if settings.start == "source" else None
    target_clusters, target_centres = clustered(target_points, settings, seed, start)
    matching = matched(target_centres, source_centres)
    return Structure(
        source_points,
        target_points,
        source_clusters,
        target_clusters,
        source_centres,
        target_centres,
        matching,
    )


def embedded(
    features: Floats, settings: Clustering, seed: int, positions: Floats | None = None
) -> Floats:
    """Points (n, 2) of features (n, d): principal components, then t-SNE started from them."""
    reduced = principal(features, settings.components, seed)
    if settings.position:
        if positions is None:
            raise ValueError("positions: the settings ask for the height of every slice")
        reduced = np.column_stack([reduced, positions.astype(reduced.dtype)])
    few = (len(reduced) - 1) / 3
    tsne = TSNE(
        perplexity=min(settings.perplexity, few),
        init="pca",
        random_state=seed,
        max_iter=settings.iterations,
        n_jobs=1,
    )
    return np.asarray(tsne.fit_transform(reduced))


def principal(features: Floats, components: int, seed: int) -> Floats:
    """The first principal components (n, components) of features (n, d)."""
    count = min(components, *features.shape)
    return np.asarray(PCA(count, random_state=seed).fit_transform(features))


def clustered(
    points: Floats, settings: Clustering, seed: int, start: Floats | None = None
) -> tuple[Integers, Floats]:
    """k-means of points (n, 2): the cluster (n,) of each and the centres (k, 2).

    start: centres (k, 2) to begin with, once; None for starts of its own, of which the best counts.
    Raises ValueError when there are fewer points than clusters.
    """
    if len(points) < settings.k:
        raise ValueError(f"{len(points)} slices cannot form {settings.k} clusters: lower k")
    if start is None:
        means = KMeans(settings.k, n_init=settings.starts, random_state=seed)
    else:
        means = KMeans(settings.k, init=start, n_init=1)
    found = means.fit(points)
    return found.labels_.astype(np.int64), np.asarray(found.cluster_centers_)


def matched(target_centres: Floats, source_centres: Floats) -> Integers:
    """Equation 1: the permutation pi that minimises sum_i ||mu_i^t - mu_pi(i)^s||^2.

    Centres are (k, 2). Returns pi (k,): pi[i] is the source cluster of target cluster i.
    """
    cost = np.square(target_centres[:, None] - source_centres[None]).sum(axis=2)
    return np.asarray(linear_sum_assignment(cost)[1], dtype=np.int64)
