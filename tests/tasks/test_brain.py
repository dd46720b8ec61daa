"""Tasks of the brain scanners: who is in which slot, and what cannot be reached."""

from dataclasses import dataclass

import pytest
import torch

from medda_lib.studies.setting import TEST_TIME, UNSUPERVISED_ADAPTATION, LeakError, Role
from medda_lib.studies.task import Pool, Slot
from medda_lib.tasks.brain import BrainTask, as_pool, joined


@dataclass(frozen=True)
class Flat:
    """Two scans of three flat slices for each site and part."""

    label: str = "flat"

    def pool(self, site: str, part: str) -> Pool:
        volumes = torch.full((2, 3, 8, 8), 0.5)
        return as_pool(volumes, volumes > 0.2, (f"{part} 0", f"{part} 1"), (6.0, 1.5, 1.5))


TASK = BrainTask(
    Flat(), "sm3", ("sm3", "ge15", "sm3>ge15@0.0", "sm3>ge15@0.5"), "ge15", tuning=True
)


def test_slots_by_role() -> None:
    pools = TASK.build(0).pools
    roles = {(s.role, s.domain) for s in pools}
    assert (Role.LABELLED_SOURCE, "sm3") in roles
    assert (Role.VALIDATION_SOURCE, "sm3") in roles
    assert (Role.UNLABELLED_TARGET, "ge15") in roles
    assert {d for role, d in roles if role is Role.TEST} == {
        name + more for name in TASK.tests for more in ("", " tuning")
    }
    assert all(pool.spacing == (6.0, 1.5, 1.5) for pool in pools.values())


def test_evaluations() -> None:
    found = {slot.domain: name for slot, name in TASK.evaluations().items()}
    assert found["sm3"] == found["sm3>ge15@0.0"] == "in-domain"
    assert found["ge15"] == found["sm3>ge15@0.5"] == "cross-domain"
    assert found["ge15 tuning"] == "tuning"
    assert set(TASK.evaluations()) == set(TASK.build(0).tests())


def test_truth_of_the_target_does_not_exist_for_a_method() -> None:
    """The released AIVA code chose its checkpoint on labelled test scans of the target."""
    task = TASK.build(0)
    view = task.view(UNSUPERVISED_ADAPTATION)
    bare = view.unlabelled(Role.UNLABELLED_TARGET, "segmentation")
    with pytest.raises(LeakError):
        _ = bare.masks
    with pytest.raises(LeakError):
        view.labelled(Role.TEST, "segmentation", "ge15")
    assert task.pools[Slot(Role.UNLABELLED_TARGET, "segmentation", "ge15")].masks is None
    with pytest.raises(LeakError):
        task.view(TEST_TIME).unlabelled(Role.UNLABELLED_TARGET, "segmentation")


def test_joined_scans_carry_their_site() -> None:
    data = Flat()
    pool = joined({site: data.pool(site, "train") for site in ("a", "b")})
    assert pool.scans == ("a train 0", "a train 1", "b train 0", "b train 1")
    other = as_pool(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8) > 0, ("x",), (3.0, 1.5, 1.5))
    with pytest.raises(ValueError, match="different spacings"):
        joined({"a": data.pool("a", "train"), "b": other})
