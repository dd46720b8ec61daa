"""Looking at the scans of a live stream: what changes from stage to stage, and what is forgotten.

Each function that draws returns the figure and its alt text; what is drawn comes from the arguments
alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from ipywidgets import VBox
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.deterioration import Attempt, deterioration
from medda_lib.figures.planes import PLANES, Point, along, planes
from medda_lib.figures.stream import stream
from medda_lib.figures.three_planes import three_planes
from medda_lib.metrics.segmentation import dice
from medda_lib.papers.live_stream import LiveStream
from medda_lib.papers.pictures import Drawn
from medda_lib.studies.task import Pool, volumes

SAGITTAL = PLANES[2]
REFERENCE = "reference"
MM3_PER_ML = 1000.0
TOTAL = 160_000  # bytes of the widget: untrained networks have ragged outlines


def shift(live: LiveStream) -> Drawn:
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


def sheet(live: LiveStream) -> Drawn:
    """A training scan of each stage, cut along the structure, above a second one."""
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


def score_table(live: LiveStream) -> pd.DataFrame:
    """Mean Dice of a live run: after which stage in rows, on whose test scans in columns."""
    rows = {
        f"after {i}": {f"stage {j}": scan_dice(live, i, j).mean() for j in live.stages}
        for i in live.stages
    }
    return pd.DataFrame(rows).T.round(3)


def most_forgotten(live: LiveStream, stage: int = 1) -> int:
    """Which of a stage's test scans (0 ...) lost most Dice between that stage and the end."""
    last = live.stages[-1]
    return int((scan_dice(live, last, stage) - scan_dice(live, stage, stage)).argmin())


def before_and_after(live: LiveStream, stage: int = 1, number: int = 0) -> Drawn:
    """A test scan in three planes: its mask, and the system after that stage and at the end."""
    scan, mask = (x.numpy() for x in live.scan(stage, number))
    found = {f"after stage {k}": _mask(live, k, stage, number) for k in (stage, live.stages[-1])}
    spacing = live.tests(stage).spacing or (1.0, 1.0, 1.0)
    figure = planes(scan, {REFERENCE: mask} | found, middle(mask), spacing)
    words = ", ".join(f"{name} {overlap(each, mask):.2f}" for name, each in found.items())
    return figure, (
        f"Test scan {number + 1} of stage {stage} in three planes with outlines of {live.name}. "
        f"Dice {words}."
    )


def forgotten(
    followed: LiveStream, others: Sequence[LiveStream], stage: int = 1, number: int = 0
) -> Drawn:
    """A stage's test scan by one system after each stage, and by all at the end."""
    scan, mask = (x.numpy() for x in followed.scan(stage, number))
    point, last = middle(mask), followed.stages[-1]

    def attempt(live: LiveStream, after: int, title: str) -> Attempt:
        found = _mask(live, after, stage, number)
        return Attempt(SAGITTAL.cut(found, point), title, f"Dice {overlap(found, mask):.2f}")

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


def widget(runs: Sequence[LiveStream], stage: int = 1, number: int = 0, count: int = 7) -> VBox:
    """Three planes with a slider along a test scan: the reference and each run at the end."""
    scan, mask = (x.numpy() for x in runs[0].scan(stage, number))
    masks: Mapping[str, NDArray[np.bool_]] = {
        REFERENCE: mask,
        **{live.name: _mask(live, live.stages[-1], stage, number) for live in runs},
    }
    spacing = runs[0].tests(stage).spacing or (1.0, 1.0, 1.0)
    return three_planes(scan, masks, spacing, count=count, total=TOTAL)


def middle(mask: NDArray[np.bool_]) -> Point:
    """A point in the middle of a structure (d, h, w), half way from front to back."""
    return along(mask, 3)[1]


def overlap(found: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    """Dice of two masks of one scan."""
    pair = (torch.as_tensor(x)[None, None] for x in (found, mask))
    return float(dice(*pair)[0])


def scan_dice(live: LiveStream, after: int, stage: int) -> NDArray[np.float64]:
    """Dice (n,) of a stage's test scans by the system as it was after a stage."""
    pool = live.tests(stage)
    masks = volumes(pool.need_masks(), pool.depth)
    found = [overlap(_mask(live, after, stage, n), mask.numpy()) for n, mask in enumerate(masks)]
    return np.array(found)


def _mask(live: LiveStream, after: int, stage: int, number: int) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (live.predicted(after, stage, number) >= 0.5).numpy()
    return found


def _inside(images: Tensor) -> NDArray[np.float32]:
    """All values of scans (n, d, h, w) above each scan's lowest, which is that outside of its crop."""
    return torch.cat([scan[scan > scan.min()] for scan in images]).numpy()


def _millilitres(pool: Pool) -> NDArray[np.float64]:
    voxel = float(np.prod(pool.spacing or (1.0, 1.0, 1.0)))
    counts = volumes(pool.need_masks(), pool.depth).flatten(1).sum(dim=1)
    return counts.numpy().astype(np.float64) * voxel / MM3_PER_ML
