"""What only the chapter on AIVA shows: matched slices, how stably they are matched, what the pull did.

Phantoms and real scans alike tell how high in the head a slice lies. AIVA never sees that number, so
it serves as a check: matched clusters should lie at the same height. Each function that draws returns
the figure and its alt text; what is drawn comes from the arguments alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import torch
from ipywidgets import VBox
from numpy.typing import NDArray

from medda_lib.figures.clusters import centres as draw_centres
from medda_lib.figures.clusters import clusters, examples, layouts
from medda_lib.figures.contact_sheet import contact_sheet, windowed
from medda_lib.figures.embedding import project
from medda_lib.figures.frames import frames
from medda_lib.figures.shift_matrix import shift_matrices
from medda_lib.methods.aiva import AIVA, AIVAPredictor, Clustering, Structure
from medda_lib.methods.aiva.adaptation import matching_agreement
from medda_lib.methods.aiva.clusters import principal, structure, structure_of
from medda_lib.methods.aiva.loss import matched_distances
from medda_lib.methods.finetuning import Sites, sites_of
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.papers.aiva.study import BUDGETS, TARGET_MODEL
from medda_lib.papers.live import Live
from medda_lib.papers.pictures import Drawn, against, outlined
from medda_lib.papers.results import Results
from medda_lib.papers.tables import of_systems
from medda_lib.studies.setting import UNSUPERVISED_ADAPTATION
from medda_lib.studies.task import Pool

METRIC = "surface_dice"
TOTAL, LAYOUTS = 75_000, ("t-SNE", "UMAP")
Floats = NDArray[np.float64]


# --- the studies ---------------------------------------------------------------------------------


def own_table(measured: Results, metrics: Sequence[str] = (METRIC, "dice")) -> pd.DataFrame:
    """Means over repetitions in percent of a study that has no table in the paper.

    Rows are systems, columns metrics and pairs; the upper bound of a pair is its target's own model.
    """
    frame = measured.frame
    own = frame["system"] == TARGET_MODEL
    pairs = frame.loc[~own, ["source", "target"]].drop_duplicates()
    bound = frame[own].drop(columns="source").merge(pairs, on="target")
    rows = pd.concat([bound, frame[~own]], ignore_index=True)
    named = rows.assign(pair=rows["source"] + " to " + rows["target"])
    return of_systems(named, metrics, "pair", percent=True)


def by_pair(measured: Results, system: str) -> pd.DataFrame:
    """Means over repetitions of a system: sources in rows, targets in columns, NaN at home."""
    rows = measured.rows(system=system, metric=METRIC)
    wide = rows.pivot_table(index="source", columns="domain", values="value")
    order = list(BUDGETS[measured.profile].sites)
    return wide.reindex(index=order, columns=order)


def pairs(measured: Results, systems: Sequence[str]) -> Drawn:
    """Surface Dice of every pair, one matrix per system: sources in rows, targets in columns."""
    panels = {system: by_pair(measured, system).to_numpy() for system in systems}
    names = BUDGETS[measured.profile].sites
    words = (f"{s} {np.nanmin(v):.2f} to {np.nanmax(v):.2f}" for s, v in panels.items())
    figure = shift_matrices(panels, names, names, "surface Dice")
    return figure, f"Surface Dice by source and target. {'; '.join(words)}."


def score_against_clusters(measured: Results) -> Drawn:
    """Figure 5: surface Dice against the number of clusters, each pair and their mean."""
    return against(measured, "k", METRIC, ("clusters", "surface Dice"))


# --- a live run ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What the adaptation of a live run saw: slices of both sites, and how high each lies.

    heights: 0 the lowest of a scan and 1 the highest, of the source's slices and the target's.
    """

    sites: Sites
    heights: tuple[Floats, Floats]
    names: tuple[str, str]

    @classmethod
    def by(cls, live: Live) -> Seen:
        """Of a run's task."""
        sites = sites_of(live.task.view(UNSUPERVISED_ADAPTATION))
        depth = sites.source.depth
        counts = len(sites.source), len(sites.target)
        source, target = (np.arange(n) % depth / (depth - 1) for n in counts)
        return cls(sites, (source, target), (live.condition["source"], live.condition["target"]))

    @property
    def each(self) -> list[str]:
        """The site of every slice, the source's first."""
        return [n for n, h in zip(self.names, self.heights, strict=True) for _ in h]


def adapted(live: Live) -> AIVAPredictor:
    """The predictor of an AIVA run; TypeError for another system."""
    if not isinstance(live.predictor, AIVAPredictor):
        raise TypeError(f"{live.name} has no clusters: train AIVA")
    return live.predictor


def settings(live: Live) -> Clustering:
    """How an AIVA run clusters; TypeError for another system."""
    if not isinstance(live.spec.method, AIVA):
        raise TypeError(f"{live.name} has no clusters: train AIVA")
    return live.spec.method.clustering


def tests(live: Live) -> Pool:
    """The target's test scans."""
    (pool,) = live.task.tests().values()
    return pool


def sites(live: Live, slices: Sequence[float] = (0.35, 0.5, 0.65)) -> Drawn:
    """The same heights of a scan of the source and of the target, masks outlined.

    First as the network sees them, the target then once more with its own grey scale.
    """
    seen, images, masks, titles = Seen.by(live), [], [], list[str]()
    for name, pool in zip(seen.names, (seen.sites.source, tests(live)), strict=True):
        chosen = [round(at * (pool.depth - 1)) for at in slices]
        images.append(pool.images[chosen, 0])
        masks.append(pool.need_masks()[chosen, 0])
        titles += [name] * len(chosen)
    titles += [f"{titles[-1]}, windowed"] * len(slices)
    outlines = torch.cat([*masks, masks[-1]]).numpy()
    shown = np.concatenate([*(x.numpy() for x in images), windowed(images[-1].numpy())])
    return contact_sheet(shown, titles, len(slices), outlines), (
        f"{len(slices)} slices of a scan of {seen.names[0]}, as many of {seen.names[1]} on the same "
        "grey scale and on their own; the masks outlined."
    )


def overlays(runs: Sequence[Live], count: int = 3) -> Drawn:
    """Figure 6: reference and predicted outlines of several systems on the same test slices."""
    pool = tests(runs[0])
    area = pool.need_masks().flatten(1).sum(dim=1).view(-1, pool.depth)[:count]
    chosen = [s * pool.depth + int(each.argmax()) for s, each in enumerate(area)]
    what = f"the largest slice of {len(chosen)} test scans"
    return outlined(runs, pool.images[chosen], pool.need_masks()[chosen], what)


def matched_groups(found: Structure) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Groups of the source slices and of the target slices, equal where clusters are matched.

    A group has the number of its target cluster.
    """
    partner = np.argsort(found.matching)  # of each source cluster, its target cluster
    return partner[found.source_clusters], found.target_clusters


def matched_clusters(live: Live, count: int = 3) -> Drawn:
    """Figure 2: matched clusters, the slices nearest to their middles; source above target."""
    found, seen = adapted(live).structures[0], Seen.by(live)
    sizes = np.bincount(found.target_clusters, minlength=len(found.matching))
    chosen = np.argsort(-sizes, kind="stable")[:count]  # the largest ones
    source = examples(found.source_points, found.source_clusters, found.source_centres, 2)
    target = examples(found.target_points, found.target_clusters, found.target_centres, 2)
    rows, titles = [], []
    for which, images, near, numbers in (
        ("source", seen.sites.source.images, source, found.matching[chosen]),
        ("target", seen.sites.target, target, chosen),
    ):
        for k, number in enumerate(numbers.tolist()):
            members = near[number]
            rows.append(images[[members[min(i, len(members) - 1)] for i in range(2)], 0])
            titles += [f"{which}, {k + 1}"] * 2
    figure = contact_sheet(windowed(torch.cat(rows).numpy()), titles, 2 * len(chosen))
    return figure, (
        f"The {len(chosen)} largest matched clusters, two slices of each: source above, target "
        "below; every slice on a grey scale of its own."
    )


def _panels(found: Structure, *titles: str) -> dict[str, tuple[NDArray[Any], NDArray[np.int64]]]:
    """The slices of the source and of the target with their matched groups."""
    points = (found.source_points, found.target_points)
    return dict(zip(titles, zip(points, matched_groups(found), strict=True), strict=True))


def clustering(live: Live) -> Drawn:
    """Figure 3: source and target slices at the start, matched clusters in one colour."""
    found, seen = adapted(live).structures[0], Seen.by(live)
    titles = (f"source, {seen.names[0]}", f"target, {seen.names[1]}")
    return clusters(_panels(found, *titles)), (
        f"{len(seen.heights[0])} source and {len(seen.heights[1])} target slices in the plane, in "
        f"{len(found.matching)} clusters each; matched clusters share colour and marker."
    )


def centres(live: Live, last: Structure) -> Drawn:
    """Figure 4: the centres in the plane before and after the adaptation, matched ones joined."""
    panels, lengths = {}, []
    for name, found in (("before", adapted(live).structures[0]), ("after", last)):
        panels[name] = (found.source_centres, found.target_centres, found.matching)
        gaps = found.target_centres - found.source_centres[found.matching]
        scale = np.concatenate([found.source_points, found.target_points]).std()
        lengths.append(float(np.linalg.norm(gaps, axis=1).mean() / scale))
    return draw_centres(panels), (
        "Cluster centres of source (circles) and target (triangles), matched ones joined by a line. "
        f"Mean length of a line over the spread of the points: {lengths[0]:.2f} before, "
        f"{lengths[1]:.2f} after."
    )


def features(live: Live, run: Live | None = None) -> tuple[NDArray[np.float32], ...]:
    """Bottleneck features of a run's training slices, one row a slice: source, target.

    run: whose network makes them, its own by default.
    """
    network, seen = (run or live).predictor, Seen.by(live)
    if not isinstance(network, NetworkPredictor):
        raise TypeError(f"{(run or live).name}: expected a segmentation network")
    both = (seen.sites.source.images, seen.sites.target)
    return tuple(network.bottleneck(images).flatten(1).numpy() for images in both)


def after(live: Live) -> Structure:
    """Clusters and matching by the adapted network."""
    source, target = features(live)
    return structure(source, target, settings(live), live.spec.random_seed % 2**31)


def height_gap(seen: Seen, found: Structure) -> float:
    """Mean distance in height of a target slice and its matched source cluster's mean, in [0, 1]."""
    means = _mean_heights(seen, found)
    return float(np.abs(seen.heights[1] - means[found.matching[found.target_clusters]]).mean())


def chance_gap(seen: Seen, found: Structure) -> float:
    """The height gap of a matching drawn at random: its mean over all source clusters."""
    return float(np.abs(seen.heights[1][:, None] - _mean_heights(seen, found)[None]).mean())


def _mean_heights(seen: Seen, found: Structure) -> Floats:
    source, ks = seen.heights[0], range(len(found.matching))
    return np.array([source[found.source_clusters == k].mean() for k in ks])


def pulled(live: Live, before: Live) -> pd.DataFrame:
    """Did the pull work? Squared distances of matched centroids in bottleneck space, before and after.

    Both by the clusters of the first epoch. Divided by the spread of the source's slices around their
    mean, because a network could shrink all distances by making its features small.
    """
    first, rows = adapted(live).structures[0], {}
    for name, run in (("before", before), ("after", live)):
        source, target = features(live, run)
        spread = float(np.square(source - source.mean(axis=0)).sum(axis=1).mean())
        ks = range(len(first.matching))
        means = np.stack([source[first.source_clusters == k].mean(axis=0) for k in ks])
        parts = (target, first.target_clusters, means, first.matching)
        gaps, _ = matched_distances(*(torch.as_tensor(part) for part in parts))
        gap = float(gaps.double().mean())
        rows[name] = {"distance": gap, "spread of the source": spread, "ratio": gap / spread}
    return pd.DataFrame(rows).T.round(3)


def stability(live: Live, before: Live, repeats: int = 5) -> pd.DataFrame:
    """The same features laid out again and again: do the matchings agree?

    Rows are ways to lay out; "agreement" is the mean over pairs of seeds (see `matching_agreement`),
    "height gap" the mean over seeds, "gap by chance" what random matchings would have.
    """
    seen, rows = Seen.by(live), {}
    for name in LAYOUTS:
        made = [_laid_out(live, before, name, seed) for seed in range(repeats)]
        rows[name] = {
            "agreement": np.mean([matching_agreement(a, b) for a, b in combinations(made, 2)]),
            "height gap": np.mean([height_gap(seen, one) for one in made]),
            "gap by chance": np.mean([chance_gap(seen, one) for one in made]),
        }
    return pd.DataFrame(rows).T.round(3)


def _laid_out(live: Live, run: Live, name: str, seed: int) -> Structure:
    source, target = features(live, run)
    chosen = settings(live)
    if name == "t-SNE":
        return structure(source, target, chosen, seed)
    reduced = principal(np.concatenate([source, target]), chosen.components, seed)
    points = project(reduced, name, seed)
    return structure_of(points[: len(source)], points[len(source) :], chosen, seed)


def embeddings(live: Live, before: Live, seed: int) -> Drawn:
    """UMAP beside t-SNE: the slices of both sites by the source network, coloured by height."""
    seen = Seen.by(live)
    points = {name: _points(_laid_out(live, before, name, seed)) for name in LAYOUTS}
    heights = np.concatenate(seen.heights)
    return layouts(points, heights, seen.each, "height of the slice"), (
        f"{len(heights)} slices of {' and '.join(seen.names)} laid out by t-SNE and by UMAP; colour "
        "runs with the height of the slice in the head, the marker is the site."
    )


def _points(found: Structure) -> Floats:
    return np.concatenate([found.source_points, found.target_points])


def clusters_widget(live: Live) -> VBox:
    """A slider over the number of clusters, on the layout of the first epoch."""
    first, seen = adapted(live).structures[0], Seen.by(live)
    counts, seed = BUDGETS[live.spec.profile].clusters, live.spec.random_seed % 2**31

    def draw(position: int) -> Drawn:
        chosen = replace(settings(live), k=counts[position])
        found = structure_of(first.source_points, first.target_points, chosen, seed)
        gap = height_gap(seen, found)
        return clusters(_panels(found, "source", f"target (height gap {gap:.2f})")), (
            f"Source and target slices in {counts[position]} matched clusters; mean distance in "
            f"height of matched slices {gap:.2f} of a scan."
        )

    return frames(draw, [str(k) for k in counts], "clusters", TOTAL)


def progress_widget(live: Live) -> VBox:
    """A slider over the epochs: both sites in the joint layout at the start of each, and at the end."""
    made, seen = [*adapted(live).structures, after(live)], Seen.by(live)
    heights = np.concatenate(seen.heights)

    def draw(position: int) -> Drawn:
        found = made[position]
        return layouts({"joint t-SNE": _points(found)}, heights, seen.each, "height"), (
            f"Slices of both sites in the joint layout, epoch {position} of {len(made) - 1}; "
            f"height gap of the matching {height_gap(seen, found):.2f}."
        )

    return frames(draw, [str(i) for i in range(len(made))], "epochs done", TOTAL)
