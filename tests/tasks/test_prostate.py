"""Tasks of the prostate sites: which scans are in which slot, and what cannot be reached."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from medda_lib.datasets.card import DatasetError
from medda_lib.phantoms.prostate_mr import SITES
from medda_lib.studies.setting import TEST_TIME, UNSUPERVISED_ADAPTATION, LeakError, Role
from medda_lib.studies.task import Slot
from medda_lib.tasks import prostate_pools
from medda_lib.tasks.phantom_seeds import first_seed
from medda_lib.tasks.prostate import OTHERS, ProstateTargetTask, ProstateTask
from medda_lib.tasks.prostate_pools import (
    PROSTATE_SITES,
    PhantomProstates,
    RealProstates,
    pooled,
)
from tests.datasets.scans import SETS

DATA = PhantomProstates(train=2, validation=1, test=2, size=32, slices=6)
TASK = ProstateTask(DATA, "C")
SEGMENTATION = "segmentation"


def test_the_target_is_left_out_of_the_sources() -> None:
    pools = TASK.build(0).pools
    others = [site for site in PROSTATE_SITES if site != "C"]
    for role, part, count in (
        (Role.LABELLED_SOURCE, "train", 2),
        (Role.VALIDATION_SOURCE, "validation", 1),
    ):
        pool = pools[Slot(role, SEGMENTATION, OTHERS)]
        wanted = tuple(f"{site} {part} {i}" for site in others for i in range(count))
        assert pool.scans == wanted
        assert pool.depth == 6
    assert {(slot.role, slot.domain) for slot in pools} == {
        (Role.LABELLED_SOURCE, OTHERS),
        (Role.VALIDATION_SOURCE, OTHERS),
        (Role.UNLABELLED_TARGET, "C"),
        (Role.TEST, "C"),
    }


def test_scans_of_the_target_keep_their_spacing_and_pooled_ones_have_a_nominal_one() -> None:
    pools = TASK.build(0).pools
    site = SITES["C"]
    assert pools[Slot(Role.TEST, SEGMENTATION, "C")].spacing == (
        site.pitch,
        site.fov / 32,
        site.fov / 32,
    )
    pitches = [SITES[name].pitch for name in PROSTATE_SITES if name != "C"]
    spacing = pools[Slot(Role.LABELLED_SOURCE, SEGMENTATION, OTHERS)].spacing
    assert spacing is not None
    assert spacing[0] == pytest.approx(sum(pitches) / 5)


def test_labels_of_the_target_do_not_exist_for_a_method() -> None:
    """The released AIVA code chose its checkpoint on labelled test scans of the target."""
    task = TASK.build(0)
    view = task.view(UNSUPERVISED_ADAPTATION)
    bare = view.unlabelled(Role.UNLABELLED_TARGET, SEGMENTATION)
    assert bare.depth == 6
    with pytest.raises(LeakError):
        _ = bare.masks
    with pytest.raises(LeakError):
        view.labelled(Role.TEST, SEGMENTATION, "C")
    assert task.pools[Slot(Role.UNLABELLED_TARGET, SEGMENTATION, "C")].masks is None
    with pytest.raises(LeakError):
        task.view(TEST_TIME).unlabelled(Role.UNLABELLED_TARGET, SEGMENTATION)


def test_the_upper_bound_learns_and_is_tested_at_home_on_the_same_scans() -> None:
    home = ProstateTargetTask(DATA, "C", elsewhere=("A", "C>A@0.5"))
    pools = home.build(0).pools
    test = Slot(Role.TEST, SEGMENTATION, "C")
    assert torch.equal(pools[test].images, TASK.build(1).pools[test].images)
    train = pools[Slot(Role.LABELLED_SOURCE, SEGMENTATION, "C")]
    bare = TASK.build(0).pools[Slot(Role.UNLABELLED_TARGET, SEGMENTATION, "C")]
    assert torch.equal(train.images, bare.images)
    found = {slot.domain: name for slot, name in home.evaluations().items()}
    assert found == {"C": "in-domain", "A": "cross-domain", "C>A@0.5": "cross-domain"}
    assert set(home.evaluations()) == set(home.build(0).tests())
    assert set(TASK.evaluations().values()) == {"cross-domain"}


def test_no_two_sites_or_parts_share_a_man_and_a_dial_keeps_him() -> None:
    first = {
        (site, part): DATA.pool(site, part).need_masks().sum().item()
        for site in PROSTATE_SITES
        for part in ("train", "test")
    }
    assert len(set(first.values())) > 10
    start = first_seed("prostate", "A", "train")
    assert start != first_seed("prostate", "A", "test")
    same = [DATA.pool(f"A>B@{s}", "test").images for s in (0.0, 0.01)]
    assert (same[0] - same[1]).abs().mean() < 0.02


def test_repetitions_share_the_scans() -> None:
    first, second = TASK.build(0).pools, TASK.build(1).pools
    assert all(torch.equal(first[slot].images, second[slot].images) for slot in first)


def test_pooled_scans_must_have_the_same_number_of_pixels() -> None:
    small = PhantomProstates(1, 1, 1, size=32, slices=6).pool("A", "test")
    large = PhantomProstates(1, 1, 1, size=48, slices=6).pool("B", "test")
    with pytest.raises(RuntimeError, match="size"):
        pooled({"A": small, "B": large})


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="'G'"):
        ProstateTask(DATA, "G")
    with pytest.raises(ValueError, match="elsewhere"):
        ProstateTargetTask(DATA, "A", elsewhere=("A",))
    with pytest.raises(ValueError, match="unknown site 'X'"):
        DATA.pool("A>X@0.5", "test")
    with pytest.raises(ValueError, match="part"):
        DATA.pool("A", "tuning")


@pytest.fixture
def real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealProstates]:
    """Four scans of each site in the official layout."""
    root = tmp_path / "prostate_multi_site"
    SETS["prostate_multi_site"](root)
    for file in sorted(root.glob("*/Case00*")):
        for number in range(1, 4):
            shutil.copy(file, file.with_name(file.name.replace("Case00", f"Case{number:02d}")))
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    forget()
    yield RealProstates((0.5, 0.25, 0.25), size=24, slices=10)
    forget()


def forget() -> None:
    prostate_pools._loaded.cache_clear()
    prostate_pools._real_part.cache_clear()


def test_real_scans_fill_the_same_slots(real: RealProstates) -> None:
    assert set(ProstateTask(real, "C").build(0).pools) == set(TASK.build(0).pools)
    home = ProstateTargetTask(real, "C").build(0).pools
    assert set(home) == set(ProstateTargetTask(DATA, "C").build(0).pools)
    parts = [home[slot] for slot in home]
    assert sum(len(pool.scans) for pool in parts) == 4
    assert len({name for pool in parts for name in pool.scans}) == 4
    assert {tuple(pool.images.shape[1:]) for pool in parts} == {(1, 24, 24)}
    assert all(pool.depth == 10 and pool.need_masks().any() for pool in parts)


def test_a_missing_real_set_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    forget()
    with pytest.raises(DatasetError, match="prostate_multi_site"):
        ProstateTask(RealProstates(), "A").build(0)
