"""Looking inside live runs: the stream, what was forgotten, which model a scan went to, and why.

All pictures are of phantoms. Until a pool grows its weights are those of sequential training, so one
sequential run tells for every reading of the paper's rule when it would have begun its second model
(`readings`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from ipywidgets import VBox
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.deterioration import Attempt, deterioration
from medda_lib.figures.embedding import METHODS, project
from medda_lib.figures.planes import PLANES, Point, along, planes
from medda_lib.figures.stage_map import stage_map
from medda_lib.figures.stream import stream
from medda_lib.figures.three_planes import three_planes
from medda_lib.methods.continual.predictor import VolumePredictor
from medda_lib.methods.continual.training import scans
from medda_lib.methods.odex import Gram, Mahalanobis, Measure, Model, ODEx, PoolPredictor
from medda_lib.methods.odex.statistics import scan_features
from medda_lib.metrics.segmentation import dice
from medda_lib.papers.odex.chapter_figures import MM3_PER_ML, Drawn
from medda_lib.papers.odex.live import Live
from medda_lib.papers.odex.study import BUDGETS
from medda_lib.studies.task import Pool, volumes
from medda_lib.tasks.hippocampus_transform import Transformed, transformed

SAGITTAL = PLANES[2]
REFERENCE = "reference"
CPU = torch.device("cpu")
TOTAL = 160_000  # bytes of the widget: untrained networks have ragged outlines
READINGS = {
    "as here": Measure(Mahalanobis()),
    "range from the training scans themselves": Measure(Mahalanobis(), within="training"),
    "no history": Measure(Mahalanobis(), history=False),
    "no history, range from the training scans": Measure(
        Mahalanobis(), history=False, within="training"
    ),
    "Gram distance": Measure(Gram()),
}
"""Ways to read the rule for the pool; how models are compared plays no part while there is one."""


# --- the stream ----------------------------------------------------------------------------------


def shift(live: Live) -> Drawn:
    """Sources, intensities and volumes of the training scans of each stage."""
    pools = [live.train(k) for k in live.stages]
    found = [_millilitres(pool) for pool in pools]
    images = [_inside(volumes(pool.images, pool.depth)) for pool in pools]
    sources = [[name.split()[0] for name in pool.scans] for pool in pools]
    known = list(dict.fromkeys(name for stage in sources for name in stage))
    shares = {s: [stage.count(s) / len(stage) for stage in sources] for s in known}
    figure = stream(images, found, shares if len(known) > 1 else None)
    words = "; ".join(
        f"stage {k}: median volume {np.median(v):.1f} ml, mean intensity {x.mean():.2f}"
        for k, v, x in zip(live.stages, found, images, strict=True)
    )
    return figure, f"What changes over the stages. {words}."


def sheet(live: Live) -> Drawn:
    """A training scan of each stage, cut along the hippocampus, above a second one."""
    cuts, outlines, titles = [], [], []
    for row in range(2):
        for k in live.stages:
            pool = live.train(k)
            # The last scans of a stage are of its newest source, the first ones of its oldest.
            number = row * (len(pool.scans) - 1)
            scan, mask = (
                volumes(x, pool.depth)[number].numpy() for x in (pool.images, pool.need_masks())
            )
            point = middle(mask)
            cuts.append(SAGITTAL.cut(scan, point))
            outlines.append(SAGITTAL.cut(mask, point))
            titles.append(f"stage {k}, {pool.scans[number].split()[0]}")
    figure = contact_sheet(np.stack(cuts), titles, len(live.stages), np.stack(outlines))
    return figure, f"Sagittal cuts of two training scans of each stage: {', '.join(titles)}."


def altered(profile: str) -> Drawn:
    """One phantom of the decathlon's kind at each strength of the stream "transformed"."""
    (scan,) = BUDGETS[profile].phantoms.parts("decathlon", (1,))
    strengths = Transformed().strengths
    cuts, outlines = [], []
    for strength in strengths:
        found = transformed(scan, strength)
        point = middle(found.masks[0].numpy())
        cuts.append(SAGITTAL.cut(found.images[0].numpy(), point))
        outlines.append(SAGITTAL.cut(found.masks[0].numpy(), point))
    titles = [f"strength {strength:g}" for strength in strengths]
    figure = contact_sheet(np.stack(cuts), titles, len(titles), np.stack(outlines))
    return figure, (
        "Sagittal cuts of one scan, altered more and more: it loses contrast, and is scaled, turned "
        "and shifted."
    )


# --- what is forgotten ---------------------------------------------------------------------------


def score_table(live: Live) -> pd.DataFrame:
    """Mean Dice of a live run: after which stage in rows, on whose test scans in columns."""
    rows = {
        f"after {i}": {f"stage {j}": _dice(live, i, j).mean() for j in live.stages}
        for i in live.stages
    }
    return pd.DataFrame(rows).T.round(3)


def most_forgotten(live: Live, stage: int = 1) -> int:
    """Which of a stage's test scans (0 ...) lost most Dice between that stage and the end."""
    return int((_dice(live, live.stages[-1], stage) - _dice(live, stage, stage)).argmin())


def before_and_after(live: Live, stage: int = 1, number: int = 0) -> Drawn:
    """A test scan in three planes: its mask, and the system after that stage and at the end."""
    scan, mask = (x.numpy() for x in live.scan(stage, number))
    last = live.stages[-1]
    masks = {REFERENCE: mask}
    masks |= {f"after stage {k}": _mask(live, k, stage, number) for k in (stage, last)}
    spacing = live.test(stage).spacing or (1.0, 1.0, 1.0)
    figure = planes(scan, masks, middle(mask), spacing)
    words = ", ".join(
        f"{name} {_overlap(found, mask):.2f}" for name, found in masks.items() if name != REFERENCE
    )
    return figure, (
        f"Test scan {number + 1} of stage {stage} in three planes with outlines of {live.name}. "
        f"Dice {words}."
    )


def forgotten(followed: Live, others: Sequence[Live], stage: int = 1, number: int = 0) -> Drawn:
    """Figure 4: a stage's test scan by one system after each stage, and by all at the end."""
    scan, mask = (x.numpy() for x in followed.scan(stage, number))
    point, last = middle(mask), followed.stages[-1]

    def attempt(live: Live, after: int, title: str) -> Attempt:
        found = _mask(live, after, stage, number)
        note = f"Dice {_overlap(found, mask):.2f}"
        return Attempt(SAGITTAL.cut(found, point), title, note)

    above = [attempt(followed, k, f"after stage {k}") for k in followed.stages]
    below = [attempt(live, last, live.name) for live in others]
    figure = deterioration(
        SAGITTAL.cut(scan, point),
        SAGITTAL.cut(mask, point),
        above,
        {"at the end": below} if below else {},
        followed.name,
        cell=1.05,
    )
    words = "; ".join(f"{a.title} {a.note}" for a in [*above, *below])
    return figure, f"Test scan {number + 1} of stage {stage}, sagittal cut. {words}."


# --- the pool ------------------------------------------------------------------------------------


def features(live: Live, stage: int = 1) -> tuple[NDArray[np.float64], list[int], list[str]]:
    """The vectors z of all training scans of the stream, by the system as it was after a stage.

    Returns z (n, d), the stage (n,) and the source (n,) of each scan. A pool gives its first model's.
    """
    network = _networks(live.snapshots.after[stage])[0].network
    parts, stages, sources = [], [], []
    for k in live.stages:
        pool = live.train(k)
        parts.append(scan_features(network, scans(pool)[0], CPU))
        names = pool.scans
        stages += [k] * len(names)
        sources += [name.split()[0] for name in names]
    return torch.cat(parts).numpy(), stages, sources


def feature_map(live: Live, seed: int, methods: Sequence[str] = METHODS, stage: int = 1) -> Drawn:
    """Batch norm features of all training scans in the plane, by the network after a stage."""
    found, stages, sources = features(live, stage)
    scaled = (found - found.mean(axis=0)) / (found.std(axis=0) + 1e-12)
    figure = stage_map({m: project(scaled, m, seed) for m in methods}, stages, sources)
    return figure, (
        f"{len(found)} training scans of {max(stages)} stages, {found.shape[1]} features each by "
        f"{live.name} after stage {stage}, laid out by {' and '.join(methods)}; colour is the stage, "
        "the marker the source."
    )


def readings(live: Live) -> pd.DataFrame:
    """Distance of each stage's scans over the threshold, for each reading of the pool's rule.

    live: sequential training, which any pool follows until it grows. Where a row first reaches 1 its
    pool would begin a second model; what follows in that row is what would be if it had not.
    """
    multiple = ODEx().threshold
    rows = {}
    for name, measure in READINGS.items():
        model: Model | None = None
        found: dict[str, object] = {}
        for k in live.stages:
            images = scans(live.train(k))[0]
            if model is not None:
                seen = measure.arrival([model], images, CPU)
                found[f"stage {k}"] = round(seen.distances[0] / (multiple * seen.mu[0]), 2)
            network = _networks(live.snapshots.after[k])[0].network
            model = measure.trained(model or Model(network), network, images, CPU)
        first = next((stage for stage, ratio in found.items() if float(str(ratio)) >= 1), "none")
        rows[name] = found | {"second model at": first}
    return pd.DataFrame(rows).T


def routes(live: Live) -> pd.DataFrame:
    """Where the last pool sends the test scans of each stage, and what that is worth.

    "Dice, chosen" is that of the model which the distance picks; "best model (oracle)" that of the
    model which labels would pick, scan by scan.
    """
    pool, rows = _pool(live), {}
    for k in live.stages:
        each = _by_model(live, pool, k)
        chosen = _chosen(pool, live.test(k))
        counts = {f"to model {m + 1}": int((chosen == m).sum()) for m in range(len(each))}
        alone = {f"Dice of model {m + 1}": found.mean() for m, found in enumerate(each)}
        picked = each[chosen, np.arange(each.shape[1])]
        ends = {"Dice, chosen": picked.mean(), "best model (oracle)": each.max(axis=0).mean()}
        rows[f"stage {k}"] = counts | {name: round(v, 3) for name, v in (alone | ends).items()}
    return pd.DataFrame(rows).T


def comparisons(live: Live) -> pd.DataFrame:
    """The last pool with its models compared in three ways: scans per model by stage, and mean Dice."""
    pool, rows = _pool(live), {}
    each = {k: _by_model(live, pool, k) for k in live.stages}
    for compare in ("normalised", "sum", "mean"):
        other = replace(pool, measure=replace(pool.measure, compare=compare))
        found: dict[str, object] = {}
        values = []
        for k in live.stages:
            chosen = _chosen(other, live.test(k))
            counts = np.bincount(chosen, minlength=len(pool.models))
            found[f"stage {k}"] = " + ".join(map(str, counts))
            values.append(each[k][chosen, np.arange(len(chosen))].mean())
        rows[compare] = found | {"Dice": round(float(np.mean(values)), 3)}
    return pd.DataFrame(rows).T


# --- play ----------------------------------------------------------------------------------------


def widget(runs: Sequence[Live], stage: int = 1, number: int = 0, count: int = 7) -> VBox:
    """Three planes with a slider along a test scan: the reference and each run at the end."""
    scan, mask = (x.numpy() for x in runs[0].scan(stage, number))
    masks: Mapping[str, NDArray[np.bool_]] = {
        REFERENCE: mask,
        **{live.name: _mask(live, live.stages[-1], stage, number) for live in runs},
    }
    spacing = runs[0].test(stage).spacing or (1.0, 1.0, 1.0)
    return three_planes(scan, masks, spacing, count=count, total=TOTAL)


# --- helpers -------------------------------------------------------------------------------------


def middle(mask: NDArray[np.bool_]) -> Point:
    """A point in the middle of a structure (d, h, w), half way from front to back."""
    return along(mask, 3)[1]


def _inside(images: Tensor) -> NDArray[np.float32]:
    """All values of scans (n, d, h, w) above each scan's lowest, which is that outside of its crop."""
    return torch.cat([scan[scan > scan.min()] for scan in images]).numpy()


def _millilitres(pool: Pool) -> NDArray[np.float64]:
    voxel = float(np.prod(pool.spacing or (1.0, 1.0, 1.0)))
    counts = volumes(pool.need_masks(), pool.depth).flatten(1).sum(dim=1)
    return counts.numpy().astype(np.float64) * voxel / MM3_PER_ML


def _mask(live: Live, after: int, stage: int, number: int) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (live.predicted(after, stage, number) >= 0.5).numpy()
    return found


def _overlap(found: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    pair = (torch.as_tensor(x)[None, None] for x in (found, mask))
    return float(dice(*pair)[0])


def _dice(live: Live, after: int, stage: int) -> NDArray[np.float64]:
    """Dice (n,) of a stage's test scans."""
    masks = volumes(live.test(stage).need_masks(), live.test(stage).depth)
    found = [_overlap(_mask(live, after, stage, n), mask.numpy()) for n, mask in enumerate(masks)]
    return np.array(found)


def _networks(predictor: object) -> tuple[Model, ...]:
    """The models behind a snapshot: a pool's, or the one network as a model without a history."""
    if isinstance(predictor, PoolPredictor):
        return predictor.models
    if isinstance(predictor, VolumePredictor):
        return (Model(predictor.network),)
    raise TypeError(f"{type(predictor).__name__}: expected a network or a pool of them")


def _pool(live: Live) -> PoolPredictor:
    found = live.snapshots.after[live.stages[-1]]
    if not isinstance(found, PoolPredictor):
        raise TypeError(f"{live.name} keeps no pool of models: train ODEx")
    return found


def _chosen(pool: PoolPredictor, tests: Pool) -> NDArray[np.int64]:
    """The place (0 ...) of the model that each test scan goes to, (n,)."""
    slices = volumes(tests.images, tests.depth)[:, :, None]
    return np.array([pool.chosen(scan) - 1 for scan in slices], dtype=np.int64)


def _by_model(live: Live, pool: PoolPredictor, stage: int) -> NDArray[np.float64]:
    """Dice (models, scans) of each model alone on a stage's test scans."""
    tests = live.test(stage)
    slices = volumes(tests.images, tests.depth)[:, :, None]
    masks = volumes(tests.need_masks(), tests.depth)
    found = [
        [
            _overlap((pool.of_model(m).segment(scan)[:, 0] >= 0.5).numpy(), mask.numpy())
            for scan, mask in zip(slices, masks, strict=True)
        ]
        for m in range(1, len(pool.models) + 1)
    ]
    return np.array(found)
