"""The evaluator: the only code that reaches test data.

It asks a predictor for probabilities on every test pool, in batches, and hands them with the truth to
the metrics, so that every number of a table comes from the same predictions. Segmentation rows are
means over images; the values per image, and the class probabilities with their labels, are kept beside
them for box plots, Bland-Altman plots and ROC curves. A pool of whole scans is predicted scan by scan,
so that a system may use a slice's place in its scan, and measured scan by scan in three dimensions. A
system without a decoder or a classifier gets no rows for that problem.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.metrics import classification, segmentation, volumes
from medda_lib.studies.method import Predictor
from medda_lib.studies.task import Pool, Slot, Task, TaskSpec

BATCH = 64
NOT_ROWS = ("pixels_true", "pixels_predicted")
"""Kept per image for Bland-Altman plots; their means say nothing in a table."""

Row = dict[str, str | float]
Images = dict[str, NDArray[np.generic]]


def evaluate(
    predictor: Predictor, task: Task, task_spec: TaskSpec, device: str | torch.device = "cpu"
) -> tuple[list[Row], Images]:
    """Measure a predictor on every test pool of a task.

    Returns rows ``{evaluation, domain, problem, metric, value}`` in the order of the task's slots, and
    arrays under ``evaluation/domain/problem/name``: every per-image segmentation metric, and for
    classification ``probabilities`` (n, classes) and ``labels`` (n,).
    Raises `ValueError` for outputs that are not probabilities and for a test pool that the task
    assigns to no evaluation.
    """
    rows: list[Row] = []
    images: Images = {}
    evaluations = task_spec.evaluations()
    for slot, pool in task.tests().items():
        name = _evaluation(evaluations, slot, task)
        measured, arrays = _measure(predictor, slot, pool, device)
        place = {"evaluation": name, "domain": slot.domain, "problem": slot.problem}
        rows += [{**place, "metric": metric, "value": value} for metric, value in measured.items()]
        images |= {f"{'/'.join(place.values())}/{key}": array for key, array in arrays.items()}
    return rows, images


def _measure(
    predictor: Predictor, slot: Slot, pool: Pool, device: str | torch.device
) -> tuple[dict[str, float], Images]:
    """Metrics and arrays of one test pool; both empty when the system does not solve the problem."""
    if slot.problem == "segmentation":
        batch = BATCH if pool.spacing is None else pool.depth
        probabilities = _predict(predictor.segment, pool.images, device, batch)
        if probabilities is None:
            return {}, {}
        _check(probabilities, tuple(pool.need_masks().shape), "segment")
        per_image = _segmentation(probabilities, pool)
        means = {k: float(np.mean(v)) for k, v in per_image.items() if k not in NOT_ROWS}
        return means, dict(per_image)
    probabilities = _predict(predictor.classify, pool.images, device)
    if probabilities is None:
        return {}, {}
    labels = pool.need_labels()
    _check(probabilities, (len(pool), probabilities.shape[-1]), "classify")
    if not torch.allclose(probabilities.sum(1), torch.ones(len(pool)), atol=1e-3):
        raise ValueError("classify: the class probabilities of an image must sum to 1")
    arrays: Images = {"probabilities": probabilities.numpy(), "labels": labels.numpy()}
    return dict(classification.summary(probabilities, labels)), arrays


def _segmentation(probabilities: Tensor, pool: Pool) -> dict[str, NDArray[np.float64]]:
    """Metrics (n,) of images, or of scans where the pool holds scans."""
    if pool.spacing is None:
        return segmentation.per_image(
            probabilities, pool.need_masks(), pool.images, pixel=pool.pixel
        )
    return volumes.per_scan(probabilities, pool.need_masks(), pool.depth, pool.spacing, pool.native)


def _predict(
    function: Callable[[Tensor], Tensor | None],
    images: Tensor,
    device: str | torch.device,
    size: int = BATCH,
) -> Tensor | None:
    """Outputs (n, ...) float32 on the CPU, or None; the predictor decides whether it needs gradients."""
    parts = []
    for batch in torch.split(images, size):
        output = function(batch.to(device))
        if output is None:
            return None
        parts.append(output.detach().float().cpu())
    return torch.cat(parts)


def _check(probabilities: Tensor, wanted: tuple[int, ...], function: str) -> None:
    """Refuse what would quietly give wrong metrics: logits, NaN, or another shape."""
    if tuple(probabilities.shape) != wanted:
        raise ValueError(f"{function}: expected shape {wanted}, got {tuple(probabilities.shape)}")
    if not bool(((probabilities >= 0) & (probabilities <= 1)).all()):
        raise ValueError(f"{function}: outputs must be probabilities in [0, 1], without NaN")


def _evaluation(evaluations: Mapping[Slot, str], slot: Slot, task: Task) -> str:
    if slot not in evaluations:
        raise ValueError(f"task {task.name}: evaluations() does not name the test pool {slot}")
    return evaluations[slot]
