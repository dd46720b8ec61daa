"""Features of many images laid out in the plane: does the network see the class or the scanner?

t-SNE (van der Maaten and Hinton, JMLR 2008) and UMAP (McInnes et al., 2018) keep neighbours together
and little else: distances between groups and their sizes mean nothing. The same points are coloured
twice, by class and by domain; features fit for adaptation separate the first and mix the second.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from medda_lib.figures.style import MARKERS, canvas, colours, same_length, styled

METHODS = ("t-SNE", "UMAP")


def project(
    features: ArrayLike, method: str, seed: int, neighbours: int = 15
) -> NDArray[np.float64]:
    """Points (n, 2) of features (n, d); equal input and seed give equal points.

    `neighbours` is UMAP's neighbourhood and half of t-SNE's perplexity; both shrink for small n.
    """
    array = np.asarray(features, dtype=np.float32)
    if array.ndim != 2 or len(array) < 5:
        raise ValueError(f"features: expected (n, d) with n >= 5, got {array.shape}")
    neighbours = min(neighbours, (len(array) - 1) // 2)
    if method == "t-SNE":
        reducer = TSNE(perplexity=2.0 * neighbours, init="pca", random_state=seed, n_jobs=1)
        with threadpool_limits(1):  # few points: more threads only wait for each other
            return np.asarray(reducer.fit_transform(array), dtype=np.float64)
    if method == "UMAP":
        return _umap(array, seed, neighbours)
    raise ValueError(f"method: unknown {method!r}, use one of {METHODS}")


def _umap(array: NDArray[np.float32], seed: int, neighbours: int) -> NDArray[np.float64]:
    # Exact neighbours by scikit-learn: umap-learn would first compile a search of its own.
    distances, found = NearestNeighbors(n_neighbors=neighbours).fit(array).kneighbors(array)
    with warnings.catch_warnings():
        # umap-learn looks for TensorFlow as it is imported and says so when there is none.
        warnings.filterwarnings("ignore", message="Tensorflow not installed")
        # Given neighbours lay out these points only, which is all that is asked.
        warnings.filterwarnings("ignore", message=".*is not an NNDescent object")
        import umap

        # A spectral start leans on an iterative solver that need not converge for few points.
        reducer = umap.UMAP(
            n_neighbors=neighbours,
            init="pca",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(found, distances.astype(np.float32)),
        )
        return np.asarray(reducer.fit_transform(array), dtype=np.float64)


@styled
def embedding(
    points: Mapping[str, ArrayLike], classes: Sequence[str], domains: Sequence[str]
) -> Figure:
    """Rows are methods (name -> points (n, 2)); columns colour by class and by domain.

    Markers show the domain in both columns, so that colour is not the only carrier.
    """
    figure, axes = canvas(len(points), 2, width=7.2, height=3.2 * len(points))
    marker = {name: MARKERS[i % 8] for i, name in enumerate(dict.fromkeys(domains))}
    for row, (method, values) in enumerate(points.items()):
        xy = np.asarray(values)
        same_length(points=xy, classes=classes, domains=domains)
        for axis, kind, names in zip(
            axes[row], ("class", "domain"), (classes, domains), strict=True
        ):
            colour = colours(sorted(set(names)))
            for name in sorted(set(names)):
                for domain, shape in marker.items():
                    chosen = np.array(names) == name
                    chosen &= np.array(domains) == domain
                    if chosen.any():
                        style = {"color": colour[name], "marker": shape, "s": 13, "lw": 0}
                        axis.scatter(*xy[chosen].T, alpha=0.7, label=name, **style)
            axis.set(title=f"{method}, by {kind}", xticks=[], yticks=[])
            handles, labels = axis.get_legend_handles_labels()
            first = dict(zip(reversed(labels), reversed(handles), strict=True))
            axis.legend(first.values(), first.keys(), fontsize=8, markerscale=1.4)
    return figure
