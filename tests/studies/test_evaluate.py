from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score
from torch import Tensor

from medda_lib.metrics import segmentation
from medda_lib.studies.evaluate import BATCH, evaluate
from medda_lib.studies.setting import Role
from medda_lib.studies.task import Pool, Slot, Task
from tests.studies.toy import ToyPredictor, ToyTask

CLASSES = Slot(Role.TEST, "classification", "here")
MASKS = Slot(Role.TEST, "segmentation", "here")
PREDICTOR = ToyPredictor(torch.tensor([20.0, -6.0]), classifies=True, segments=True)


@dataclass(frozen=True)
class Fixed:
    """Returns what it was given, cut to the batch."""

    classes: Tensor | None = None
    masks: Tensor | None = None

    def classify(self, images: Tensor) -> Tensor | None:
        return self.classes

    def segment(self, images: Tensor) -> Tensor | None:
        return self.masks


def floats(array: NDArray[np.generic]) -> NDArray[np.float64]:
    return np.asarray(array, dtype=np.float64)


def test_rows_and_arrays_against_their_definition() -> None:
    spec = ToyTask(images=2 * BATCH + 5)
    task = spec.build(0)
    rows, images = evaluate(PREDICTOR, task, spec)
    value = {(r["evaluation"], r["domain"], r["problem"], r["metric"]): r["value"] for r in rows}
    assert {place[:3] for place in value} == {
        (name, slot.domain, slot.problem) for slot, name in spec.evaluations().items()
    }
    pool = task.pools[CLASSES]
    predicted = PREDICTOR.classify(pool.images)
    assert predicted is not None
    np.testing.assert_allclose(
        floats(images["in-domain/here/classification/probabilities"]), predicted, atol=1e-6
    )
    np.testing.assert_array_equal(
        images["in-domain/here/classification/labels"], pool.need_labels()
    )
    assert value["in-domain", "here", "classification", "accuracy"] == pytest.approx(
        accuracy_score(pool.need_labels(), predicted.argmax(1))
    )
    pool = task.pools[MASKS]
    masks = PREDICTOR.segment(pool.images)
    assert masks is not None
    wanted = segmentation.per_image(masks, pool.need_masks(), pool.images)
    for metric, per_image in wanted.items():
        np.testing.assert_allclose(
            floats(images[f"in-domain/here/segmentation/{metric}"]), per_image
        )
        place = ("in-domain", "here", "segmentation", metric)
        if metric.startswith("pixels"):
            assert place not in value
        else:
            assert value[place] == pytest.approx(per_image.mean())


def test_batches_hold_64_images() -> None:
    sizes: list[int] = []

    class Counting(ToyPredictor):
        def segment(self, images: Tensor) -> Tensor | None:
            sizes.append(len(images))
            return super().segment(images)

    spec = ToyTask(images=150)
    evaluate(Counting(PREDICTOR.weight, False, True), spec.build(0), spec)
    assert sizes == [64, 64, 22] * 2


@pytest.mark.parametrize(
    ("classifies", "segments", "problems"),
    [
        (True, False, {"classification"}),
        (False, True, {"segmentation"}),
        (False, False, set()),
    ],
)
def test_no_rows_for_a_problem_that_the_system_does_not_solve(
    classifies: bool, segments: bool, problems: set[str]
) -> None:
    spec = ToyTask()
    rows, images = evaluate(
        ToyPredictor(PREDICTOR.weight, classifies, segments), spec.build(0), spec
    )
    assert {row["problem"] for row in rows} == problems
    assert {path.split("/")[2] for path in images} == problems


HALF = torch.full((6, 2), 0.5)
MASK = torch.full((6, 1, 16, 16), 0.5)


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (Fixed(HALF * 3, MASK), r"classify: outputs must be probabilities"),
        (Fixed(HALF * 0.5, MASK), r"classify: the class probabilities .* sum to 1"),
        (Fixed(HALF[:4], MASK), r"classify: expected shape \(6, 2\)"),
        (Fixed(HALF, MASK * 4), r"segment: outputs must be probabilities"),
        (Fixed(HALF, MASK * float("nan")), r"segment: outputs must be probabilities"),
        (Fixed(HALF, MASK[:, :, :8]), r"segment: expected shape \(6, 1, 16, 16\)"),
        (Fixed(HALF, -MASK), r"segment: outputs must be probabilities"),
    ],
)
def test_outputs_that_are_no_probabilities_are_refused(predictor: Fixed, message: str) -> None:
    spec = ToyTask()
    with pytest.raises(ValueError, match=message):
        evaluate(predictor, spec.build(0), spec)


def test_a_test_pool_without_an_evaluation_is_named() -> None:
    spec = ToyTask()
    pools = dict(spec.build(0).pools)
    pool = pools[CLASSES]
    pools[CLASSES._replace(domain="nowhere")] = Pool(pool.images, pool.patients, pool.labels)
    with pytest.raises(ValueError, match=r"evaluations\(\) does not name the test pool .*nowhere"):
        evaluate(PREDICTOR, Task("odd", pools), spec)
