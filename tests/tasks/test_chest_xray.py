"""The chest X-ray tasks: who is labelled, who is hidden, what may never mix."""

from __future__ import annotations

import pytest
import torch

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.entry import data_root
from medda_lib.studies.setting import SEMI_SUPERVISED, LeakError, Role
from medda_lib.studies.task import Pool, Slot, Task
from medda_lib.tasks.chest_xray import (
    CROSS_DOMAIN,
    IN_DOMAIN,
    ChestXrayTask,
    Counts,
    PhantomSources,
    RealSources,
    few_labelled,
)
from medda_lib.tasks.chest_xray_shift import RealismTask, ShiftTask
from medda_lib.tasks.phantom_pools import phantom_pool

SOURCES = PhantomSources(Counts(24, 6, 6), Counts(12, 4, 4), 6, 4)
LABELLED, UNLABELLED = Role.LABELLED_SOURCE, Role.UNLABELLED_SOURCE


def task(labels: int | None = 8, masks: int | None = 3, seed: int = 0) -> Task:
    return ChestXrayTask(SOURCES, 32, labels, masks).build(seed)


def test_labelled_and_unlabelled_images_share_no_patient_and_make_up_the_pool() -> None:
    pools = task().pools
    labelled = set(pools[Slot(LABELLED, "classification", "chex")].patients)
    unlabelled = set(pools[Slot(UNLABELLED, "classification", "chex")].patients)
    assert (len(labelled), len(unlabelled)) == (8, 16)
    assert not labelled & unlabelled


def test_few_labelled_images_are_among_the_many() -> None:
    few = task(labels=4).pools[Slot(LABELLED, "classification", "chex")]
    many = task(labels=12).pools[Slot(LABELLED, "classification", "chex")]
    assert set(few.patients) <= set(many.patients)


def test_repetitions_label_other_images_but_share_the_tests() -> None:
    slot, test = Slot(LABELLED, "segmentation", "jsrt"), Slot(Role.TEST, "segmentation", "mcu")
    first, second = task(seed=0).pools, task(seed=1).pools
    assert first[slot].patients != second[slot].patients
    assert torch.equal(first[test].images, second[test].images)


def test_when_all_are_labelled_the_same_images_serve_without_labels() -> None:
    pools = task(labels=None, masks=None).pools
    for problem, name in (("classification", "chex"), ("segmentation", "jsrt")):
        labelled = pools[Slot(LABELLED, problem, name)]
        assert torch.equal(labelled.images, pools[Slot(UNLABELLED, problem, name)].images)


def test_segmentation_images_have_no_class_and_classification_images_no_mask() -> None:
    for slot, pool in task().pools.items():
        hidden = pool.labels if slot.problem == "segmentation" else pool.masks
        assert hidden is None, slot


def test_a_method_cannot_reach_what_the_setting_hides() -> None:
    view = task().view(SEMI_SUPERVISED)
    with pytest.raises(LeakError, match="labels of the role 'unlabelled source'"):
        _ = view.unlabelled(UNLABELLED, "classification").labels
    with pytest.raises(LeakError, match="truth of 'test' is not visible"):
        view.labelled(Role.TEST, "segmentation", "mcu")
    with pytest.raises(LeakError, match="'unlabelled target'"):
        view.unlabelled(Role.UNLABELLED_TARGET, "segmentation")


def test_a_patient_in_training_and_test_is_refused() -> None:
    pool = phantom_pool("jsrt", "train", 4, 32, "lungs")
    pools = {Slot(role, "segmentation", "jsrt"): pool for role in (LABELLED, Role.TEST)}
    with pytest.raises(LeakError, match="split by patient"):
        Task("leaky", pools)


def test_every_test_slot_belongs_to_an_evaluation() -> None:
    spec = ChestXrayTask(SOURCES, 32, 8, 3)
    assert set(spec.evaluations()) == set(spec.build(0).tests())


def test_more_labels_than_images_is_an_error_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="99 labelled images are wanted but the pool has 24"):
        task(labels=99)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.zeros(2, 1, 4, 4, dtype=torch.float64)}, "expected float32"),
        ({"images": torch.full((2, 1, 4, 4), 2.0)}, r"values must lie in \[0, 1\]"),
        ({"patients": ("a",)}, "1 names for 2 images"),
        ({"labels": torch.zeros(2)}, "labels: expected int64"),
        ({"masks": torch.zeros(2, 1, 8, 8, dtype=torch.bool)}, "masks: expected bool"),
    ],
)
def test_a_pool_refuses_wrong_shapes_types_and_ranges(
    change: dict[str, object], message: str
) -> None:
    good: dict[str, object] = {"images": torch.zeros(2, 1, 4, 4), "patients": ("a", "b")}
    with pytest.raises(ValueError, match=message):
        Pool(**(good | change))  # type: ignore[arg-type]


def test_an_unknown_domain_lists_the_presets() -> None:
    with pytest.raises(ValueError, match=r"unknown phantom domain 'ct'; there are \['chex'"):
        phantom_pool("ct", "test", 1, 32, "lungs")


def test_one_dial_shows_the_same_people_at_every_strength() -> None:
    weak = phantom_pool("jsrt>nihx@0.0", "test", 4, 32, "lungs")
    strong = phantom_pool("jsrt>nihx@1.0", "test", 4, 32, "lungs")
    assert weak.patients == strong.patients
    assert not torch.equal(weak.images, strong.images)


def test_the_shift_task_calls_its_own_domain_home() -> None:
    spec = ShiftTask("segmentation", "jsrt", ("jsrt", "mcu"), Counts(6, 4, 4), 32)
    assert list(spec.evaluations().values()) == [IN_DOMAIN, CROSS_DOMAIN]
    assert set(spec.build(0).tests()) == set(spec.evaluations())


def test_few_labelled_draws_both_classes() -> None:
    labels = torch.tensor([0] * 20 + [1] * 4)
    pool = Pool(torch.zeros(24, 1, 4, 4), tuple(map(str, range(24))), labels=labels)
    labelled, _ = few_labelled(pool, 6, seed=3)
    assert set(labelled.need_labels().tolist()) == {0, 1}


@pytest.mark.real
@pytest.mark.skipif(data_root() is None, reason="MEDDA_DATA is not set: no real X-rays here")
def test_real_sources_fill_the_same_slots_and_split_by_patient() -> None:
    spec = ChestXrayTask(RealSources(), 32, 100, 10)
    built = spec.build(0)
    assert set(spec.evaluations()) == set(built.tests())
    assert len(built.pools[Slot(LABELLED, "classification", "nih_chestxray14_subset")]) == 100


def test_without_real_data_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDDA_DATA", raising=False)
    with pytest.raises(DatasetError, match="MEDDA_DATA"):
        RealismTask(("jsrt",), Counts(4, 2, 2), 48, "lungs", "lung_xray_a").build(0)


def test_millimetres_are_asked_for_and_follow_their_images() -> None:
    """Pools with masks only; labelled images keep their own size of pixels."""
    plain = task().pools
    assert all(pool.pixel is None for pool in plain.values())
    asked = ChestXrayTask(SOURCES, 32, 8, 3, millimetres=True).build(0).pools
    whole = phantom_pool("jsrt", "train", 12, 32, "lungs")
    assert whole.pixel is not None
    sizes = dict(zip(whole.patients, whole.pixel.tolist(), strict=True))
    for slot, pool in asked.items():
        assert torch.equal(pool.images, plain[slot].images)
        assert (pool.pixel is None) is (slot.problem == "classification")
    few = asked[Slot(LABELLED, "segmentation", "jsrt")]
    assert few.pixel is not None
    assert few.pixel.tolist() == [sizes[name] for name in few.patients]
    shift = ShiftTask("segmentation", "jsrt", ("mcu",), Counts(4, 4, 4), 32, millimetres=True)
    tests = shift.build(0).pools[Slot(Role.TEST, "segmentation", "mcu")]
    assert tests.pixel is not None
    height, width = tests.pixel.mean(dim=0).tolist()
    assert width / height == pytest.approx(44 / 36)


@pytest.mark.parametrize(
    "pixel",
    [
        torch.ones(4, 2),
        torch.ones(3, 2).double(),
        torch.zeros(4, 2).double(),
        torch.tensor([[1.0, 1.0]] * 3 + [[torch.nan, 1.0]]).double(),
    ],
)
def test_sizes_of_pixels_that_are_none_are_refused(pixel: torch.Tensor) -> None:
    images, names = torch.rand(4, 1, 32, 32), tuple("abcd")
    assert Pool(images, names, pixel=torch.full((4, 2), torch.nan).double()).pixel is not None
    with pytest.raises(ValueError, match="pixel"):
        Pool(images, names, pixel=pixel)
