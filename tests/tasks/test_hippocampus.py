"""Streams of hippocampi: who is in which stage, what changes, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.hippocampus import decathlon
from medda_lib.datasets.registry import find
from medda_lib.studies.identity import canonical
from medda_lib.studies.setting import CONTINUAL, DOMAIN_GENERALISATION, LeakError, Role
from medda_lib.studies.stream import TOLD_BOUNDARIES, StreamTask, StreamView
from medda_lib.studies.task import Slot, volumes
from medda_lib.tasks import hippocampus_real
from medda_lib.tasks.hippocampus import (
    SOURCES,
    STAGES,
    Hippocampi,
    HippocampusTask,
    Scans,
    Scenario,
    Shown,
    deal,
    held_out_slot,
    stage_slot,
    together,
)
from medda_lib.tasks.hippocampus_phantoms import PhantomHippocampi, phantom_scans
from medda_lib.tasks.hippocampus_real import (
    RealHippocampi,
    RealismTask,
    SupervisedTask,
)
from medda_lib.tasks.hippocampus_scenarios import (
    HardSwitch,
    NoShift,
    Ordered,
    ShiftingSource,
    apportion,
    bernstein,
)
from medda_lib.tasks.hippocampus_transform import Transformed
from tests.datasets.hippocampi import SETS, hippocampus, listing
from tests.datasets.scans import affine_of, moved, sampled, store

DATA = PhantomHippocampi(train=4, test=2, spacing=3.0)
SCENARIOS: tuple[Scenario, ...] = (
    ShiftingSource(),
    Transformed(),
    Ordered(),
    HardSwitch(),
    NoShift(),
)
BOUNDARIES = {"hard switch": (False, False, True, True, False), "no shift": (False,) * 5}
"""Where they differ from a change with each stage."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_five_stages_of_whole_scans_that_share_nobody(scenario: Scenario) -> None:
    task = HippocampusTask(DATA, scenario).build(0)
    assert isinstance(task, StreamTask)
    assert task.stages == tuple(f"stage {k}" for k in range(1, 6))
    assert task.boundaries == BOUNDARIES.get(scenario.label, (False, *[True] * 4))
    assert set(task.pools) == {s(k) for s in (stage_slot, held_out_slot) for k in range(1, 6)}
    seen: list[str] = []
    for slot, pool in task.pools.items():
        assert len(pool.scans) == (4 if slot.role is Role.STAGE else 2)
        assert (pool.depth, pool.images.shape[1:]) == (16, (1, 20, 16))
        assert pool.spacing == (3.0, 3.0, 3.0)
        assert volumes(pool.need_masks(), pool.depth).flatten(1).any(1).all()
        seen += pool.scans
    assert len(set(seen)) == len(seen) == 30


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_repetitions_share_the_scans_and_the_task_can_be_hashed(scenario: Scenario) -> None:
    task = HippocampusTask(DATA, scenario)
    first, second = task.build(0).pools, task.build(7).pools
    assert all(torch.equal(first[slot].images, second[slot].images) for slot in first)
    assert all(torch.equal(first[slot].need_masks(), second[slot].need_masks()) for slot in first)
    assert canonical(task, "task")
    assert set(task.evaluations()) == set(task.build(0).tests())


def test_a_method_sees_one_stage_and_no_label_of_the_task() -> None:
    task = HippocampusTask(DATA, Transformed()).build(0)
    view = task.view(CONTINUAL)
    assert isinstance(view, StreamView)
    for stage in view.stream():
        with pytest.raises(LeakError):
            _ = stage.task_label
        with pytest.raises(LeakError):
            _ = stage.boundary
        assert len(stage.pool.scans) == 4
        assert not any("decathlon" in name for name in stage.pool.scans)
    told = task.view(TOLD_BOUNDARIES)
    assert isinstance(told, StreamView)
    assert [stage.boundary for stage in told.stream()] == [False, True, True, True, True]


# --- one source in a stage ---


def sources(scenario: Scenario, data: PhantomHippocampi = DATA) -> list[set[str]]:
    """Where the scans of each stage come from, training and test together."""
    return [{*shown.train.regimes, *shown.test.regimes} for shown in scenario.stages(data)]


def test_a_hard_switch_has_one_source_in_a_stage() -> None:
    assert sources(HardSwitch()) == [{s} for s in HardSwitch().order]
    back = HardSwitch(("dryad", "harp", "dryad", "harp", "dryad"))
    assert sources(back) == [{s} for s in back.order], "a source may come back, with other people"
    assert (HardSwitch().sources, back.sources) == (SOURCES, ("dryad", "harp"))


def test_no_shift_is_the_home_throughout() -> None:
    assert sources(NoShift()) == [{"decathlon"}] * STAGES
    assert sources(NoShift(), replace(DATA, home="harp")) == [{"harp"}] * STAGES


def told_apart(one: Tensor, other: Tensor) -> float:
    """AUROC of a linear classifier on held-out scans, by mean and spread of grey values and of steps."""
    rows = []
    for images in (one, other):
        inside = [x[x > 0] for x in images]
        numbers = [(float(v.mean()), float(v.std())) for v in inside]
        steps = images.diff(dim=2).flatten(1).abs().mean(1)
        rows += [[*pair, float(step)] for pair, step in zip(numbers, steps, strict=True)]
    truth = np.repeat([0, 1], len(one))
    model = make_pipeline(StandardScaler(), LogisticRegression())
    found = cross_val_predict(model, np.array(rows), truth, cv=4, method="predict_proba")[:, 1]
    return float(roc_auc_score(truth, found))


def test_sources_that_are_apart_can_be_told_apart() -> None:
    """Harp and decathlon look alike on mixed scanners, and not where harp has one of its own."""
    images = {s: phantom_scans(s, 16, 3.0, "apart").images for s in SOURCES}
    pairs = combinations(images.values(), 2)
    assert min(told_apart(one, other) for one, other in pairs) >= 0.95
    alike = told_apart(phantom_scans("harp", 16, 3.0).images, images["decathlon"])
    assert alike <= 0.9
    assert torch.equal(images["dryad"], phantom_scans("dryad", 16, 3.0).images)


@pytest.mark.parametrize("order", [("harp",) * 4, ("harp", "dryad", "adni", "harp", "harp")])
def test_bad_orders_are_named(order: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="order: expected 5 of harp"):
        HardSwitch(order)


def test_a_task_reads_the_sources_that_its_order_has() -> None:
    real = RealHippocampi(train=4, test=2)
    assert HippocampusTask(real, HardSwitch(("harp",) * 5)).reads == ("harp",)
    assert HippocampusTask(real, NoShift()).reads == ("decathlon",)


# --- shifting source ---


@pytest.mark.parametrize(
    ("shares", "number", "expected"),
    [
        # Hamilton's method by hand: quotas, their floors, and the largest remainders.
        ((0.5, 0.3, 0.2), 10, (5, 3, 2)),
        ((0.46, 0.34, 0.2), 7, (3, 2, 2)),  # 3.22, 2.38, 1.4: one seat left, for .4
        ((1 / 3, 1 / 3, 1 / 3), 10, (4, 3, 3)),  # a tie goes to the first
        ((0.47, 0.16, 0.37), 3, (1, 1, 1)),  # 1.41, .48, 1.11
        ((0.0, 0.0, 1.0), 8, (0, 0, 8)),
        ((0.1, 0.2, 0.7), 10, (1, 2, 7)),  # 0.7 * 10 is below 7 in binary
    ],
)
def test_counts_by_largest_remainder(
    shares: tuple[float, ...], number: int, expected: tuple[int, ...]
) -> None:
    assert tuple(apportion(shares, number)) == expected


def test_seats_are_all_given_and_near_their_quotas() -> None:
    chance = np.random.default_rng(0)
    for _ in range(200):
        shares, number = chance.dirichlet((1, 1, 1)), int(chance.integers(1, 40))
        seats = apportion(shares.tolist(), number)
        assert seats.sum() == number
        assert np.abs(seats - shares * number).max() < 1


def test_proportions_lead_from_one_source_to_another_through_the_third() -> None:
    shares = np.array(bernstein())
    assert shares.shape == (STAGES, 3)
    assert np.allclose(shares.sum(1), 1)
    assert shares[0].tolist() == [1, 0, 0]
    assert shares[-1].tolist() == [0, 0, 1]
    assert (np.diff(shares[:, 0]) < 0).all()
    assert (np.diff(shares[:, 2]) > 0).all()
    assert shares[:, 1].argmax() == 2
    assert np.abs(np.diff(shares, axis=0)).max() < 0.5  # no jump


def test_stages_hold_the_sources_in_their_proportions() -> None:
    task = HippocampusTask(DATA, ShiftingSource()).build(0)
    for k, row in enumerate(bernstein(), 1):
        for slot, number in ((stage_slot(k), 4), (held_out_slot(k), 2)):
            origins = [name.split()[0] for name in task.pools[slot].scans]
            assert [origins.count(s) for s in SOURCES] == apportion(row, number).tolist()
    everybody = {name.split()[0] for pool in task.pools.values() for name in pool.scans}
    assert everybody == set(SOURCES)


def test_a_boundary_is_where_the_proportions_change() -> None:
    steps = ((1.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    task = HippocampusTask(PhantomHippocampi(1, 1, 3.0), ShiftingSource(steps)).build(0)
    assert task.boundaries == (False, False, True, False, True)


@pytest.mark.parametrize(
    "rows",
    [
        bernstein(4),
        ((1.0, 0.0),) * 5,
        ((0.5, 0.2, 0.2),) * 5,
        ((1.5, -0.5, 0.0),) * 5,
        ((0.5, 0.5, 0.0),) * 5,
    ],
)
def test_bad_proportions_are_named(rows: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match="proportions"):
        ShiftingSource(rows)


# --- ordered ---


@dataclass(frozen=True)
class Made:
    """Balls of random size, without phantoms behind them; two regimes."""

    train: int = 3
    test: int = 2
    label: str = "balls"
    home: str = "decathlon"
    regimes: tuple[str, ...] = field(default=("float32", "float32", "uint8"))

    def parts(self, source: str, sizes: Sequence[int]) -> tuple[Scans, ...]:
        n = sum(sizes)
        radii = np.random.default_rng(0).permutation(n) * 0.3 + 2
        places = np.indices((20, 20, 20)) - 9.5
        masks = torch.from_numpy(np.stack([(places**2).sum(0) < r**2 for r in radii]))
        names = tuple(f"ball {i}" for i in range(n))
        kinds = tuple(self.regimes[i % len(self.regimes)] for i in range(n))
        whole = Scans(0.8 * masks.float(), masks, names, names, kinds, (1.0, 1.0, 1.0))
        ends = np.cumsum([0, *sizes]).tolist()
        return tuple(whole.take(range(a, b)) for a, b in pairwise(ends))


def _sizes(task: StreamTask, slot: Slot) -> Tensor:
    pool = task.pools[slot]
    return volumes(pool.need_masks(), pool.depth).flatten(1).sum(1)


def test_volumes_grow_from_stage_to_stage() -> None:
    task = HippocampusTask(Made(), Ordered("volume")).build(0)
    both = [
        torch.cat([_sizes(task, s(k)) for s in (stage_slot, held_out_slot)]) for k in range(1, 6)
    ]
    assert all(a.max() <= b.min() for a, b in pairwise(both))
    assert sum(len(sizes) for sizes in both) == 25
    for slot in (held_out_slot(k) for k in range(1, 6)):  # the test is a draw, not the stage's end
        assert len(_sizes(task, slot)) == 2
    ends = [
        _sizes(task, held_out_slot(k)).min() > _sizes(task, stage_slot(k)).max()
        for k in range(1, 6)
    ]
    assert not all(ends)


def test_regimes_come_one_after_the_other() -> None:
    data = Made()
    order = {f"ball {i}": data.regimes[i % 3] for i in range(25)}
    task = HippocampusTask(data, Ordered("regime")).build(0)
    rows = [
        [order[n] for s in (stage_slot, held_out_slot) for n in task.pools[s(k)].scans]
        for k in range(1, 6)
    ]
    rare = [row.count("uint8") for row in rows]
    assert rare == [5, 3, 0, 0, 0]  # 8 of 25, the rarer regime first
    later = [
        torch.cat([_sizes(task, s(k)) for s in (stage_slot, held_out_slot)]) for k in (3, 4, 5)
    ]
    assert all(a.max() <= b.min() for a, b in pairwise(later))


def test_orders_that_do_not_exist_are_named() -> None:
    with pytest.raises(ValueError, match=r"by: 'age'; expected one of volume, regime"):
        Ordered("age")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="by: all scans have the regime 'decathlon'"):
        HippocampusTask(DATA, Ordered("regime")).build(0)


@dataclass(frozen=True)
class Pairs(Made):
    """Balls of which two by two are of one person, whose second is a little larger."""

    def parts(self, source: str, sizes: Sequence[int]) -> tuple[Scans, ...]:
        (whole,) = super().parts(source, (sum(sizes),))
        people = tuple(f"person {i // 2}" for i in range(len(whole)))
        return (replace(whole, people=people),)


def test_people_with_two_scans_are_sorted_and_cut_whole() -> None:
    data = Pairs(train=5, test=3)
    shown = Ordered("volume").stages(data)
    owners = [set(part.people) for stage in shown for part in (stage.train, stage.test)]
    assert sum(map(len, owners)) == len(set().union(*owners))
    assert [(len(stage.train), len(stage.test)) for stage in shown] == [(5, 3)] * 5
    assert any(len(set(stage.train.people)) < 5 for stage in shown)  # both scans are used
    whole = together([part for stage in shown for part in (stage.train, stage.test)])
    assert len(set(whole.names)) == len(whole) == 40
    every = data.parts("", (50,))[0]  # 40 and 2 per stage to spare
    mean = {p: np.mean([v for v, q in zip(every.volumes(), every.people, strict=True) if p == q])
            for p in every.people}  # fmt: skip
    for before, after in pairwise(shown):
        last = max(mean[p] for p in (*before.train.people, *before.test.people))
        assert last <= min(mean[p] for p in (*after.train.people, *after.test.people))


@dataclass(frozen=True)
class Careless:
    """A scenario that gives one scan of a person to the training and the other to a later test."""

    label: str = "careless"

    def stages(self, data: Hippocampi) -> tuple[Shown, ...]:
        parts = data.parts(data.home, (1,) * 10)
        twin = replace(parts[9], people=parts[2].people)
        ends = (*parts[:9], twin)
        return tuple(Shown(ends[2 * k], ends[2 * k + 1], k > 0) for k in range(5))


def test_two_scans_of_one_person_must_stay_together() -> None:
    with pytest.raises(
        LeakError, match=r"'ball 2' is in training of stage 2 and in test of stage 5"
    ):
        HippocampusTask(Made(), Careless()).build(0)


# --- phantoms ---


def test_sources_share_no_person_and_a_longer_draw_begins_with_the_shorter() -> None:
    few, more = phantom_scans("harp", 2, 3.0), phantom_scans("harp", 4, 3.0)
    assert torch.equal(few.images, more.images[:2])
    other = phantom_scans("dryad", 2, 3.0)
    assert not torch.equal(few.masks, other.masks)
    assert few.regimes == ("harp", "harp")
    assert torch.allclose(few.volumes(), few.masks.flatten(1).sum(1) * 27.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": 0, "test": 1}, "train"),
        ({"train": 1, "test": 0}, "test"),
        ({"train": 1, "test": 1, "home": "x"}, "home: unknown source 'x'"),
    ],
)
def test_bad_phantoms_are_named(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PhantomHippocampi(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="source: unknown source 'y'"):
        DATA.parts("y", (1,))


# --- real data ---


def test_people_are_dealt_and_nobody_is_in_two_parts() -> None:
    people = [f"p{i // 2}" for i in range(40)]  # two scans each
    parts = deal(people, (3, 4, 1, 5), 0, "x")
    assert [len(part) for part in parts] == [3, 4, 1, 5]
    owners = [{people[i] for i in part} for part in parts]
    assert sum(map(len, owners)) == len(set().union(*owners))
    assert deal(people, (3, 4, 1, 5), 0, "x") == parts
    assert deal(people, (3, 4, 1, 5), 1, "x") != parts
    assert deal(people, (3, 4), 0, "x") == parts[:2]
    with pytest.raises(ValueError, match=r"train, test: x has 20 people with 40 scans, too few"):
        deal(people, (1,) * 21, 0, "x")


def test_no_scan_is_lost_while_somebody_fits_the_last_place() -> None:
    people = [f"p{i // 2}" for i in range(20)] + [f"single {i}" for i in range(30)]
    for seed in range(20):
        parts = deal(people, (7, 5, 3, 11, 24), seed, "x")
        assert sorted(i for part in parts for i in part) == list(range(50))


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Twelve crops of twelve people in the Decathlon's layout, tiny HarP and Dryad sets."""
    for name, make in SETS.items():
        make(tmp_path / name)
    root = tmp_path / "Task04_Hippocampus"
    pairs = []
    for k in range(12):
        name, shape = f"hippocampus_{2 * k + 1:03d}.nii.gz", (34, 48, 34)
        affine = affine_of("RAS", (1, 1, 1), shape)
        inside = sampled(moved(hippocampus, (k % 3, 0, -k % 2)), affine, shape)
        values = (20 + k) * inside + 10 * np.random.default_rng(k).random(shape)
        kind = np.uint8 if k % 4 == 0 else np.float32
        store(root / "imagesTr" / name, values, affine, kind=kind)
        store(root / "labelsTr" / name, inside, affine, kind=np.uint8)
        pairs.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    listing(root, pairs)
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    hippocampus_real._loaded.cache_clear()
    yield tmp_path
    hippocampus_real._loaded.cache_clear()


def test_real_scans_fill_the_same_slots(real: Path) -> None:
    data = RealHippocampi(train=1, test=1, spacing=3.0)
    for scenario in (Transformed(), Ordered("volume"), Ordered("regime")):
        task = HippocampusTask(data, scenario).build(0)
        assert set(task.pools) == {s(k) for s in (stage_slot, held_out_slot) for k in range(1, 6)}
        names = [name for pool in task.pools.values() for name in pool.scans]
        assert len(set(names)) == len(names) == 10
        assert all(name.startswith("decathlon hippocampus_") for name in names)
    with pytest.raises(ValueError, match=r"train, test: decathlon has 12 people"):
        HippocampusTask(RealHippocampi(train=2, test=1, spacing=3.0), Transformed()).build(0)


def test_real_sources_shift_as_phantoms_do(real: Path) -> None:
    """Three people of HarP and two of Dryad are enough for one scan per part."""
    rows = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, 0.0, 1.0))
    task = HippocampusTask(
        RealHippocampi(train=1, test=1, spacing=3.0), ShiftingSource(rows)
    ).build(0)
    origins = [pool.scans[0].split()[0] for pool in task.pools.values()]
    assert origins == ["harp", "dryad", *["decathlon"] * 3] * 2
    assert task.boundaries == (False, True, True, False, False)


def test_realism_and_its_supervised_counterpart_share_the_test(real: Path) -> None:
    data = RealHippocampi(train=5, test=4, spacing=3.0)
    across, home = RealismTask(DATA, data), SupervisedTask(data)
    test = Slot(Role.TEST, "segmentation", "decathlon")
    first, second = across.build(0).pools, home.build(1).pools
    assert first[test].scans == second[test].scans
    assert len(first[test].scans) == 4
    assert torch.equal(first[test].images, second[test].images)
    learned = first[Slot(Role.LABELLED_SOURCE, "segmentation", "phantoms")]
    assert [name.split()[0] for name in learned.scans] == [s for s in SOURCES for _ in range(4)]
    train = second[Slot(Role.LABELLED_SOURCE, "segmentation", "decathlon")]
    assert len(train.scans) == 5
    assert not set(train.scans) & set(first[test].scans)
    assert (across.evaluations(), home.evaluations()) == (
        {test: "cross-domain"},
        {test: "in-domain"},
    )
    more = SupervisedTask(RealHippocampi(train=8, test=4, spacing=3.0)).build(0)
    assert more.pools[test].scans == first[test].scans  # whatever is learned from
    with pytest.raises(LeakError):
        across.build(0).view(DOMAIN_GENERALISATION).labelled(Role.TEST, "segmentation")


def test_a_set_that_is_not_there_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    hippocampus_real._loaded.cache_clear()
    with pytest.raises(DatasetError, match="Task04_Hippocampus"):
        HippocampusTask(RealHippocampi(), Transformed()).build(0)
    with pytest.raises(ValueError, match="dataset: unknown set 'x'; there are: decathlon"):
        RealHippocampi("x")
    with pytest.raises(ValueError, match="test: 0 scans"):
        RealHippocampi(test=0)


@pytest.mark.real
def test_the_real_decathlon_is_enough_for_the_default() -> None:
    try:
        find("decathlon")
    except DatasetError as error:
        pytest.skip(str(error))
    data = RealHippocampi(spacing=3.0)
    task = HippocampusTask(data, Ordered("regime")).build(0)
    names = [name for pool in task.pools.values() for name in pool.scans]
    assert len(set(names)) == len(names) == 140
    task = HippocampusTask(data, Transformed()).build(0)
    owner = {
        slot: {decathlon.person_of(name.split()[1]) for name in pool.scans}
        for slot, pool in task.pools.items()
    }
    assert sum(map(len, owner.values())) == len(set().union(*owner.values()))
    assert [len(task.pools[stage_slot(k)].scans) for k in range(1, 6)] == [20] * 5
