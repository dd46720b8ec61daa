"""Resampling through the affine: analytic objects stamped in the world must stay where they are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from medda_lib.datasets import resampling
from medda_lib.datasets.resampling import Shape, resample, resample_mask, shrink, upright
from tests.datasets.scans import ORIENTATIONS, Points, affine_of, sampled

TARGET: Shape = (20, 24, 28)
GRIDS = [  # spacing and shape as stored: finer, coarser and anisotropic against the target's 3 mm
    ((1.0, 1.0, 1.0), (110, 110, 110)),
    ((2.0, 1.5, 4.0), (60, 80, 30)),
    ((5.0, 4.0, 3.0), (24, 30, 40)),
]


def ramp(x: Points, y: Points, z: Points) -> Points:
    return 2.0 * x - 3.0 * y + 0.5 * z + 7.0


def ball(x: Points, y: Points, z: Points) -> NDArray[np.bool_]:
    return np.asarray((x - 4) ** 2 + (y + 6) ** 2 + (z - 3) ** 2 < 20**2)


@pytest.mark.parametrize("tilt", [0.0, 13.0])
@pytest.mark.parametrize(("spacing", "shape"), GRIDS)
@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_a_ramp_in_the_world_is_the_same_ramp_on_the_target(
    codes: str, spacing: tuple[float, ...], shape: Shape, tilt: float
) -> None:
    stored = affine_of(codes, spacing, shape, (1, 2, 3), tilt)
    target = affine_of("SPL", (3, 2, 2), TARGET, (2, -1, 4))
    found = resample(sampled(ramp, stored, shape), stored, target, TARGET)
    # Averages of a linear function over a voxel are its value at the centre: no tolerance for place.
    np.testing.assert_allclose(found, sampled(ramp, target, TARGET), atol=2e-3)


@pytest.mark.parametrize("tilt", [0.0, 21.0])
@pytest.mark.parametrize(("spacing", "shape"), GRIDS)
@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_a_ball_keeps_place_and_volume(
    codes: str, spacing: tuple[float, ...], shape: Shape, tilt: float
) -> None:
    stored = affine_of(codes, spacing, shape, tilt=tilt)
    target = affine_of("SPL", (3, 2, 2), TARGET)
    mask = resample_mask(sampled(ball, stored, shape) > 0, stored, target, TARGET)
    wanted = sampled(ball, target, TARGET) > 0
    x, y, z = target[:3, :3] @ np.argwhere(mask).T + target[:3, 3:]
    assert np.allclose((x.mean(), y.mean(), z.mean()), (4, -6, 3), atol=0.35)
    overlap = 2 * (mask & wanted).sum() / (mask.sum() + wanted.sum())
    assert overlap > (
        0.985 if max(spacing) < 3 else 0.94
    )  # stored voxels of 5 mm have no finer edge


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("target_spacing", [(1.5, 1.5, 1.5), (2.0, 3.7, 6.0)])
def test_the_separable_way_agrees_with_scipy(
    codes: str, target_spacing: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    shape: Shape = (22, 19, 25)
    values = np.random.default_rng(3).random(shape, dtype=np.float32)
    stored = affine_of(codes, (2.0, 1.2, 1.7), shape, (3.3, 1.1, -2.7))
    target = affine_of("SPL", target_spacing, TARGET)
    fast = resample(values, stored, target, TARGET, background=0.25)
    monkeypatch.setattr(resampling, "_shared_axes", lambda *_: None)
    np.testing.assert_allclose(
        resample(values, stored, target, TARGET, background=0.25), fast, atol=2e-6
    )


def test_one_look_per_voxel_is_plain_linear_interpolation() -> None:
    shape: Shape = (12, 14, 16)
    values = np.random.default_rng(4).random(shape, dtype=np.float32)
    stored = affine_of("RAS", (2, 2, 2), shape, tilt=30)
    target = affine_of("SPL", (1.5, 1.5, 1.5), TARGET)
    look = np.linalg.inv(stored) @ target
    at = look[:3, :3] @ np.indices(TARGET).reshape(3, -1) + look[:3, 3:]
    wanted = ndimage.map_coordinates(values, at, order=1, mode="grid-constant", cval=0)
    found = resample(values, stored, target, TARGET)
    np.testing.assert_allclose(found.ravel(), wanted, atol=1e-5)


def test_voxels_four_times_as_large_hold_the_mean_of_their_block() -> None:
    values = np.random.default_rng(5).random((8, 12, 16), dtype=np.float32)
    stored = np.eye(4)
    target = np.diag([4.0, 4.0, 4.0, 1.0])
    target[:3, 3] = 1.5
    wanted = values.reshape(2, 4, 3, 4, 4, 4).mean((1, 3, 5))
    np.testing.assert_allclose(resample(values, stored, target, (2, 3, 4)), wanted, atol=1e-6)
    np.testing.assert_allclose(
        shrink(values[:, :, :12], 4),
        values[:, :, :12].reshape(8, 4, 3, 4, 3).mean((2, 4)),
        atol=1e-6,
    )


@pytest.mark.parametrize("tilt", [0.0, 10.0])
def test_outside_of_the_scan_is_background(tilt: float) -> None:
    stored = affine_of("RAS", (1, 1, 1), (10, 10, 10), tilt=tilt)
    values = np.full((10, 10, 10), 5.0, np.float32)
    target = affine_of("SPL", (1, 1, 1), (40, 40, 40))
    found = resample(values, stored, target, (40, 40, 40), background=-2.0)
    assert np.isclose(found[20, 20, 20], 5.0)
    assert np.allclose(found[[0, -1]], -2.0)
    assert found.min() >= -2.0 - 1e-5
    assert found.max() <= 5.0 + 1e-5


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_upright_is_the_same_array_however_it_was_stored(codes: str) -> None:
    order = ["SPL".index(c) if c in "SPL" else "IAR".index(c) for c in codes]
    shape = tuple((5, 6, 7)[o] for o in order)
    spacing = tuple((3.0, 1.0, 2.0)[o] for o in order)
    stored = affine_of(codes, spacing, shape, tilt=8)
    wanted = sampled(ramp, affine_of("SPL", (3, 1, 2), (5, 6, 7), tilt=8), (5, 6, 7))
    np.testing.assert_allclose(upright(sampled(ramp, stored, shape), stored), wanted, atol=1e-3)
    k, i, j = resampling.upright_axes(stored)
    assert (shape[k], shape[i], shape[j]) == (5, 6, 7)
