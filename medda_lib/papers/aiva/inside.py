"""Looking inside a live AIVA run: which slices it matched, how stably, and what the pull did.

Phantoms and real scans alike tell how high in the head a slice lies. AIVA never sees that number, so
it serves as a check: matched clusters should lie at the same height.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
import torch
from ipywidgets import VBox
from numpy.typing import NDArray

from medda_lib.figures.clusters import clusters, layouts
from medda_lib.figures.embedding import project
from medda_lib.figures.frames import frames
from medda_lib.methods.aiva import Structure
from medda_lib.methods.aiva.adaptation import matching_agreement
from medda_lib.methods.aiva.clusters import principal, structure, structure_of
from medda_lib.methods.aiva.loss import matched_distances
from medda_lib.methods.segmenter.predictor import SegmenterPredictor
from medda_lib.papers.aiva.chapter_figures import Drawn, matched_groups
from medda_lib.papers.aiva.live import Live
from medda_lib.papers.aiva.study import BUDGETS

TOTAL = 75_000


@dataclass(frozen=True)
class Features:
    """Bottleneck features of the training slices, one row a slice."""

    source: NDArray[np.float32]
    target: NDArray[np.float32]


def features(live: Live, predictor: SegmenterPredictor | None = None) -> Features:
    """Features of a live run's slices, by its own network or by another one."""
    network = predictor or live.predictor
    source, target = (
        network.bottleneck(images).flatten(1).numpy()
        for images in (live.sites.source.images, live.sites.target)
    )
    return Features(source, target)


def after(live: Live) -> Structure:
    """Clusters and matching by the adapted network."""
    found = features(live)
    return structure(found.source, found.target, live.clustering, live.spec.random_seed % 2**31)


def height_gap(live: Live, found: Structure) -> float:
    """Mean distance in height of a target slice and its matched source cluster's mean, in [0, 1]."""
    source, target = live.heights()
    means = np.array(
        [source[found.source_clusters == k].mean() for k in range(len(found.matching))]
    )
    return float(np.abs(target - means[found.matching[found.target_clusters]]).mean())


def chance_gap(live: Live, found: Structure) -> float:
    """The height gap of a matching drawn at random: its mean over all source clusters."""
    source, target = live.heights()
    means = np.array(
        [source[found.source_clusters == k].mean() for k in range(len(found.matching))]
    )
    return float(np.abs(target[:, None] - means[None]).mean())


def pulled(live: Live, before: Live) -> pd.DataFrame:
    """Did the pull work? Squared distances of matched centroids in bottleneck space, before and after.

    Both by the clusters of the first epoch. Divided by the spread of the source's slices around their
    mean, because a network could shrink all distances by making its features small.
    """
    first = live.adapted.structures[0]
    rows = {}
    for name, run in (("before", before), ("after", live)):
        found = features(live, run.predictor)
        spread = float(np.square(found.source - found.source.mean(axis=0)).sum(axis=1).mean())
        gap = float(np.mean(_centroid_gaps(found, first)))
        rows[name] = {"distance": gap, "spread of the source": spread, "ratio": gap / spread}
    return pd.DataFrame(rows).T.round(3)


def _centroid_gaps(found: Features, known: Structure) -> NDArray[np.float64]:
    """||centroid of target cluster i - centroid of its source cluster||^2, (k,)."""
    means = np.stack(
        [found.source[known.source_clusters == k].mean(axis=0) for k in range(len(known.matching))]
    )
    gaps, _ = matched_distances(
        torch.as_tensor(found.target),
        torch.as_tensor(known.target_clusters),
        torch.as_tensor(means),
        torch.as_tensor(known.matching),
    )
    return gaps.numpy().astype(np.float64)


def stability(live: Live, before: Live, repeats: int = 5) -> pd.DataFrame:
    """The same features laid out again and again: do the matchings agree?

    Rows are ways to lay out; "agreement" is the mean over pairs of seeds (see `matching_agreement`),
    "height gap" the mean over seeds, "gap by chance" what random matchings would have.
    """
    found = features(live, before.predictor)
    rows = {}
    for name in ("t-SNE", "UMAP"):
        made = [_laid_out(live, found, name, seed) for seed in range(repeats)]
        pairs = [matching_agreement(a, b) for a, b in combinations(made, 2)]
        rows[name] = {
            "agreement": np.mean(pairs),
            "height gap": np.mean([height_gap(live, s) for s in made]),
            "gap by chance": np.mean([chance_gap(live, s) for s in made]),
        }
    return pd.DataFrame(rows).T.round(3)


def _laid_out(live: Live, found: Features, name: str, seed: int) -> Structure:
    if name == "t-SNE":
        return structure(found.source, found.target, live.clustering, seed)
    both = np.concatenate([found.source, found.target])
    points = project(principal(both, live.clustering.components, seed), name, seed)
    n = len(found.source)
    return structure_of(points[:n], points[n:], live.clustering, seed)


def embeddings(live: Live, before: Live, seed: int) -> Drawn:
    """UMAP beside t-SNE: the slices of both sites by the source network, coloured by height."""
    found = features(live, before.predictor)
    points = {}
    for name in ("t-SNE", "UMAP"):
        made = _laid_out(live, found, name, seed)
        points[name] = np.concatenate([made.source_points, made.target_points])
    condition = live.condition
    names = [condition["source"]] * live.counts[0] + [condition["target"]] * live.counts[1]
    figure = layouts(points, np.concatenate(live.heights()), names, "height of the slice")
    return figure, (
        f"{sum(live.counts)} slices of {condition['source']} and {condition['target']} laid out by "
        "t-SNE and by UMAP; colour runs with the height of the slice in the head, the marker is the "
        "site."
    )


def clusters_widget(live: Live) -> VBox:
    """A slider over the number of clusters, on the layout of the first epoch."""
    first = live.adapted.structures[0]
    counts = BUDGETS[live.spec.profile].clusters
    seed = live.spec.random_seed % 2**31

    def draw(position: int) -> Drawn:
        settings = replace(live.clustering, k=counts[position])
        found = structure_of(first.source_points, first.target_points, settings, seed)
        gap = height_gap(live, found)
        source, target = matched_groups(found)
        panels = {
            "source": (found.source_points, source),
            f"target (height gap {gap:.2f})": (found.target_points, target),
        }
        return clusters(panels), (
            f"Source and target slices in {counts[position]} matched clusters; mean distance in "
            f"height of matched slices {gap:.2f} of a scan."
        )

    return frames(draw, [str(k) for k in counts], "clusters", TOTAL)


def progress_widget(live: Live) -> VBox:
    """A slider over the epochs: both sites in the joint layout at the start of each, and at the end."""
    made = [*live.adapted.structures, after(live)]
    condition = live.condition
    names = [condition["source"]] * live.counts[0] + [condition["target"]] * live.counts[1]
    heights = np.concatenate(live.heights())

    def draw(position: int) -> Drawn:
        found = made[position]
        points = np.concatenate([found.source_points, found.target_points])
        title = "joint t-SNE"
        return layouts({title: points}, heights, names, "height"), (
            f"Slices of both sites in the joint layout, epoch {position} of {len(made) - 1}; "
            f"height gap of the matching {height_gap(live, found):.2f}."
        )

    return frames(draw, [str(i) for i in range(len(made))], "epochs done", TOTAL)
