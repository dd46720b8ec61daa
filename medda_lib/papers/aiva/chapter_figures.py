"""The paper's figures, remade from results (Figure 5, Table 1 by pair) or from live runs (2, 3, 4, 6).

Each function returns the figure and its alt text. What is drawn comes from the arguments alone; the
drawing itself is done by `medda_lib.figures`.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.figures.accuracy_curves import accuracy_curves
from medda_lib.figures.boundaries import boundaries
from medda_lib.figures.clusters import centres as draw_centres
from medda_lib.figures.clusters import clusters as draw_clusters
from medda_lib.figures.clusters import examples
from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.shift_matrix import shift_matrices
from medda_lib.methods.aiva import Structure
from medda_lib.metrics import segmentation
from medda_lib.papers.aiva.live import Live
from medda_lib.papers.aiva.results import by_clusters, by_pair
from medda_lib.papers.results import Results

Drawn = tuple[Figure, str]


def matched_groups(found: Structure) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Groups of the source slices and of the target slices, equal where clusters are matched.

    A group has the number of its target cluster.
    """
    partner = np.argsort(found.matching)  # of each source cluster, its target cluster
    return partner[found.source_clusters], found.target_clusters


def sites(live: Live, slices: tuple[float, ...] = (0.35, 0.5, 0.65)) -> Drawn:
    """The same heights of a scan of the source and of the target, masks outlined.

    First as the network sees them, the target then once more with its own grey scale.
    """
    images, masks, titles = [], [], []
    named = ((live.condition["source"], live.sites.source), (live.condition["target"], live.tests))
    for name, pool in named:
        chosen = [round(at * (pool.depth - 1)) for at in slices]
        images.append(pool.images[chosen, 0])
        masks.append(pool.need_masks()[chosen, 0])
        titles += [name] * len(chosen)
    titles += [f"{titles[-1]}, windowed"] * len(slices)
    shown = torch.cat([*images, windowed(images[-1])])
    outlines = torch.cat([*masks, masks[-1]])
    figure = contact_sheet(shown.numpy(), titles, len(slices), outlines.numpy())
    return figure, (
        f"{len(slices)} slices of a scan of {titles[0]}, as many of {named[1][0]} on the same grey "
        "scale and on their own; the masks outlined."
    )


def windowed(images: Tensor) -> Tensor:
    """Slices (n, h, w), each scaled so that 1 % of its pixels are white: for the eye only."""
    top = images.flatten(1).quantile(0.99, dim=1).clamp_min(1e-6)
    return (images / top[:, None, None]).clamp(0, 1)


def matched_clusters(live: Live, count: int = 3) -> Drawn:
    """Figure 2: matched clusters, the slices nearest to their middles; source above target."""
    found = live.adapted.structures[0]
    near = {
        "source": examples(found.source_points, found.source_clusters, found.source_centres, 2),
        "target": examples(found.target_points, found.target_clusters, found.target_centres, 2),
    }
    sizes = np.bincount(found.target_clusters, minlength=len(found.matching))
    chosen = np.argsort(-sizes, kind="stable")[:count]  # the largest ones
    rows, titles = [], []
    for which, images, numbers in (
        ("source", live.sites.source.images, found.matching[chosen]),
        ("target", live.sites.target, chosen),
    ):
        for k, number in enumerate(numbers.tolist()):
            members = near[which][number]
            picked = [members[min(i, len(members) - 1)] for i in range(2)]
            rows.append(images[picked, 0])
            titles += [f"{which}, {k + 1}"] * 2
    figure = contact_sheet(windowed(torch.cat(rows)).numpy(), titles, 2 * len(chosen))
    return figure, (
        f"The {len(chosen)} largest matched clusters, two slices of each: source above, target "
        "below; every slice on a grey scale of its own."
    )


def clustering(live: Live) -> Drawn:
    """Figure 3: source and target slices at the start, matched clusters in one colour."""
    found = live.adapted.structures[0]
    source, target = matched_groups(found)
    panels = {
        f"source, {live.condition['source']}": (found.source_points, source),
        f"target, {live.condition['target']}": (found.target_points, target),
    }
    return draw_clusters(panels), (
        f"{live.counts[0]} source and {live.counts[1]} target slices in the plane, in "
        f"{len(found.matching)} clusters each; matched clusters share colour and marker."
    )


def centres(live: Live, last: Structure) -> Drawn:
    """Figure 4: the centres in the plane before and after the adaptation, matched ones joined."""
    first = live.adapted.structures[0]
    panels, lengths = {}, []
    for name, found in (("before", first), ("after", last)):
        panels[name] = (found.source_centres, found.target_centres, found.matching)
        gaps = found.target_centres - found.source_centres[found.matching]
        scale = np.concatenate([found.source_points, found.target_points]).std()
        lengths.append(float(np.linalg.norm(gaps, axis=1).mean() / scale))
    return draw_centres(panels), (
        "Cluster centres of source (circles) and target (triangles), matched ones joined by a line. "
        f"Mean length of a line over the spread of the points: {lengths[0]:.2f} before, "
        f"{lengths[1]:.2f} after."
    )


def score_against_clusters(measured: Results) -> Drawn:
    """Figure 5: surface Dice against the number of clusters, each pair and their mean."""
    found = by_clusters(measured)
    counts = [int(k) for k in found["mean"].index]
    figure = accuracy_curves(
        counts, {name: f.to_numpy() for name, f in found.items()}, "clusters", "surface Dice"
    )
    words = ", ".join(f"{k}: {v:.3f}" for k, v in found["mean"].mean(axis=1).items())
    return figure, f"Surface Dice of AIVA against the number of clusters; mean over pairs {words}."


def pairs(measured: Results, systems: tuple[str, ...]) -> Drawn:
    """Surface Dice of every pair, one matrix per system: sources in rows, targets in columns."""
    panels, words = {}, []
    for system in systems:
        values, names = by_pair(measured, system)
        panels[system] = values
        words.append(f"{system} {np.nanmin(values):.2f} to {np.nanmax(values):.2f}")
    figure = shift_matrices(panels, names, names, "surface Dice")
    return figure, f"Surface Dice by source and target. {'; '.join(words)}."


def overlays(runs: list[Live], count: int = 3) -> Drawn:
    """Figure 6: reference and predicted outlines of several systems on the same test slices."""
    pool = runs[0].tests
    area = pool.need_masks().flatten(1).sum(dim=1).view(-1, pool.depth)
    scans = range(min(count, len(area)))
    chosen = [s * pool.depth + int(area[s].argmax()) for s in scans]
    images, truth = pool.images[chosen], pool.need_masks()[chosen]
    predictions, scores = {}, {}
    for run in runs:
        found = run.predictor.segment(images)
        predictions[run.name] = found[:, 0].numpy()
        scores[run.name] = segmentation.per_image(found, truth, images)["dice"]
    figure = boundaries(images[:, 0].numpy(), truth[:, 0].numpy(), predictions, scores)
    words = "; ".join(f"{name}: Dice {values.mean():.2f}" for name, values in scores.items())
    return figure, f"Outlines on the largest slice of {len(images)} test scans. {words}."
