"""The stream "transformed": the affine map against a closed form and SciPy, and its growth."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from medda_lib.studies.task import volumes
from medda_lib.tasks.hippocampus import HippocampusTask, Scans, stage_parts, stage_slot
from medda_lib.tasks.hippocampus_phantoms import PhantomHippocampi
from medda_lib.tasks.hippocampus_transform import (
    SCALE,
    SHIFT,
    TURN,
    Transformed,
    random_map,
    transformed,
    warp,
)

SPACING = (1.5, 1.0, 2.0)
SHAPE = (26, 40, 18)
DATA = PhantomHippocampi(train=2, test=1, spacing=3.0)


def places(shape: tuple[int, int, int] = SHAPE) -> NDArray[np.float64]:
    """(d, h, w, 3) mm around the middle."""
    index = np.moveaxis(np.indices(shape), 0, -1) - (np.array(shape) - 1) / 2
    return np.asarray(index * np.array(SPACING))


def blob(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """A smooth object off the middle, of another width along each axis."""
    away = (points - np.array([3.0, -2.0, 4.0])) / np.array([7.0, 9.0, 8.0])
    return np.asarray(np.exp(-(away**2).sum(-1)))


def maps_of(n: int, strength: float = 1.0) -> NDArray[np.float64]:
    return np.stack([random_map(f"scan {i}", strength) for i in range(n)])


def test_a_moved_object_is_the_closed_form_at_the_points_that_the_map_comes_from() -> None:
    maps = maps_of(6)
    still = torch.from_numpy(blob(places())).float()
    moved = warp(still.expand(6, *SHAPE), maps, SPACING).numpy()
    for found, forward in zip(moved, maps, strict=True):
        back = np.linalg.inv(forward)
        expected = blob(places() @ back[:3, :3].T + back[:3, 3])
        inner = (slice(5, -5), slice(8, -8), slice(4, -4))
        assert (
            np.abs(found - expected)[inner].max() < 0.035
        )  # linear interpolation of a smooth blob
        assert np.abs(found - expected)[inner].max() < 0.2 * np.abs(still.numpy() - expected).max()


def test_interpolation_is_that_of_scipy() -> None:
    chance = np.random.default_rng(0)
    values = chance.random((4, *SHAPE)).astype(np.float32)
    maps = maps_of(4)
    found = warp(torch.from_numpy(values), maps, SPACING).numpy()
    middle, mm = (np.array(SHAPE) - 1) / 2, np.array(SPACING)
    for volume, moved, forward in zip(values, found, maps, strict=True):
        back = np.linalg.inv(forward)
        matrix = back[:3, :3] * mm / mm[:, None]  # output index -> input index, around the middle
        offset = back[:3, 3] / mm + middle - matrix @ middle
        expected = ndimage.affine_transform(volume, matrix, offset, order=1, mode="grid-constant")
        assert np.abs(moved - expected).max() < 2e-4


def test_a_shift_by_whole_voxels_is_exact() -> None:
    values = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0))
    shift = np.eye(4)[None]
    shift[0, :3, 3] = 2 * 1.5, -1 * 1.0, 3 * 2.0
    moved = warp(values, shift, SPACING)
    assert torch.allclose(moved[0, 2:, :-1, 3:], values[0, :-2, 1:, :-3], atol=1e-5)
    for face in (moved[0, :2], moved[0, :, -1:], moved[0, :, :, :3]):
        assert face.abs().max() < 1e-5


def test_a_map_is_a_turn_after_a_factor_per_axis_and_then_a_shift() -> None:
    for forward in maps_of(50):
        factors = np.linalg.norm(forward[:3, :3], axis=0)
        assert (np.abs(factors - 1) <= SCALE).all()
        turn = forward[:3, :3] / factors
        assert np.allclose(turn.T @ turn, np.eye(3))
        assert np.linalg.det(turn) == pytest.approx(1)
        angle = np.degrees(np.arccos((np.trace(turn) - 1) / 2))
        assert angle <= 3 * TURN  # three turns, one after the other
        assert (np.abs(forward[:3, 3]) <= SHIFT).all()
    whole = maps_of(400)
    spread = np.linalg.norm(whole[:, :3, :3], axis=1)
    assert spread.min() < 1 - 0.9 * SCALE  # the ranges are used to their ends
    assert spread.max() > 1 + 0.9 * SCALE
    assert np.abs(whole[:, :3, 3]).max() > 0.95 * SHIFT


def test_one_scan_moves_along_one_path_as_the_strength_grows() -> None:
    assert np.array_equal(random_map("a", 0.0), np.eye(4))
    assert not np.array_equal(random_map("a", 1.0), random_map("b", 1.0))
    path = np.stack([random_map("a", t) for t in (0, 0.25, 0.5, 0.75, 1)])
    shifts = path[:, :3, 3]
    assert np.allclose(np.diff(shifts, axis=0), shifts[1])
    away = np.abs(path - np.eye(4)).sum((1, 2))
    assert (np.diff(away) > 0).all()


def _scans(n: int = 3) -> Scans:
    images = torch.from_numpy(blob(places())).float().expand(n, *SHAPE).contiguous()
    names = tuple(f"scan {i}" for i in range(n))
    return Scans(images, images > 0.3, names, names, ("x",) * n, SPACING)


def test_strength_0_changes_nothing() -> None:
    scans = _scans()
    assert transformed(scans, 0.0) is scans
    almost = transformed(scans, 1e-6)
    assert torch.allclose(almost.images, scans.images, atol=1e-4)
    assert (almost.masks != scans.masks).float().mean() < 1e-3


@pytest.mark.parametrize("strength", [0.25, 1.0])
def test_contrast_is_lost_at_both_ends_and_the_mask_goes_with_the_image(strength: float) -> None:
    scans = _scans()
    found = transformed(scans, strength)
    low, high = 0.1 * strength, 1 - 0.1 * strength
    assert found.images.min() == pytest.approx(low, abs=1e-6)
    assert found.images.max() <= high + 1e-6
    plain = warp(scans.images, maps_of(3, strength), SPACING)
    assert torch.allclose(found.images, low + (high - low) * plain, atol=1e-6)
    # Where the blob was above .3 it is so afterwards, up to the voxels at the edge.
    agree = (found.masks == (plain > 0.3)).float().mean()
    assert agree > 0.99
    assert found.names == scans.names


def test_the_volume_of_a_mask_follows_the_determinant() -> None:
    points = places((60, 60, 60)) / np.array(SPACING)
    ball = torch.from_numpy((points**2).sum(-1) < 15**2).expand(4, 60, 60, 60)
    names = tuple(f"scan {i}" for i in range(4))
    scans = Scans(0.5 * ball.float(), ball, names, names, ("x",) * 4, (1.0, 1.0, 1.0))
    found = transformed(scans, 1.0)
    for before, after, forward in zip(scans.masks, found.masks, maps_of(4), strict=True):
        share = float(after.sum() / before.sum())
        assert share == pytest.approx(float(np.linalg.det(forward)), rel=0.02)


def test_stages_are_further_and_further_from_the_first() -> None:
    """The same scans, unaltered, are what each stage is compared with."""
    task = HippocampusTask(DATA, Transformed()).build(0)
    away = []
    for k, (train, _) in enumerate(stage_parts(DATA, DATA.home), 1):
        pool = task.pools[stage_slot(k)]
        assert pool.scans == train.names
        away.append(_difference(volumes(pool.images, pool.depth), train.images))
    assert away[0] == 0
    assert all(near < far for near, far in pairwise(away[:4]))
    assert away[4] > away[2]


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


def test_a_boundary_is_where_the_strength_changes() -> None:
    task = HippocampusTask(DATA, Transformed((0.0, 0.0, 0.5, 0.5, 1.0))).build(0)
    assert task.boundaries == (False, False, True, False, True)


@pytest.mark.parametrize("strengths", [(0.0, 1.0), (0.0, 0.2, 0.4, 0.8, 1.2), (-0.1, 0, 0, 0, 0)])
def test_bad_strengths_are_named(strengths: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="strengths: expected 5 numbers from 0 to 1"):
        Transformed(strengths)
