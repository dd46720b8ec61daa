"""Heads land on the brain grid by the same rule wherever and however the scanner stored them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from medda_lib.datasets import brain_grid
from medda_lib.datasets.brain_grid import Part, on_grid, place, shape
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.nifti import Scan
from medda_lib.phantoms.brain_mr import View
from tests.datasets.scans import affine_of, brain, head, moved, sampled, scan_of

SHAPE = shape()
SHIFTS = ((0.0, 0.0, 0.0), (12.0, -18.0, 25.0), (-9.5, 7.3, -31.2))
# Field of view 280 mm: room for the shifts.
STORED = [
    ("RAS", (2.0, 2.0, 2.0), (140, 140, 140), 0.0),
    ("PSR", (2.0, 2.0, 2.0), (140, 140, 140), 0.0),
    ("LPS", (3.0, 2.5, 4.0), (94, 112, 70), 0.0),
    ("SAL", (2.0, 3.0, 3.0), (140, 94, 94), 12.0),
]


def true_centre() -> tuple[float, float]:
    """Centroid (x, y) of the upper 100 mm of `head`, by fine sampling."""
    y, z = np.mgrid[-100:100:0.5, -15:85:0.5]
    width = 2 * 75 * np.sqrt(np.clip(1 - (y / 95) ** 2 - (z / 85) ** 2, 0, None))
    neck = 2 * np.sqrt(np.clip(50**2 - (y + 20) ** 2, 0, None)) * (z < 0)
    area = np.maximum(width, neck)
    return 0.0, float((area * y).sum() / area.sum())


@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize(("codes", "mm", "shape", "tilt"), STORED)
def test_top_and_centre_are_found(
    codes: str, mm: tuple[float, ...], shape: tuple[int, ...], tilt: float, shift: tuple[float, ...]
) -> None:
    scan = scan_of(moved(head(), shift), affine_of(codes, mm, shape, tilt=tilt), shape)
    placement = place(scan)
    x, y = true_centre()
    assert placement.top == pytest.approx(85 + shift[2], abs=1.2)
    assert placement.centre == pytest.approx((x + shift[0], y + shift[1]), abs=0.6)


@pytest.mark.parametrize(("codes", "mm", "shape", "tilt"), STORED)
def test_the_grid_shows_the_same_head(
    codes: str, mm: tuple[float, ...], shape: tuple[int, ...], tilt: float
) -> None:
    shift = SHIFTS[1]
    affine = affine_of(codes, mm, shape, tilt=tilt)
    image, mask = on_grid(
        scan_of(moved(head(), shift), affine, shape),
        sampled(moved(brain, shift), affine, shape) > 0,
    )
    ideal = brain_grid.Placement(85.0, true_centre()).affine()
    wanted = sampled(brain, ideal, SHAPE) > 0
    assert image.shape == mask.shape == SHAPE
    assert image.dtype == np.float32
    assert (image.min(), image.max()) == (0, 1)
    assert 2 * (mask & wanted).sum() / (mask.sum() + wanted.sum()) > 0.97
    # The scalp's top is 6 mm, four slices, below the upper edge; the front is in the low rows.
    top = int(np.flatnonzero((image > 0.3).any((1, 2)))[-1])
    assert abs(top - (SHAPE[0] - 5)) <= 1
    assert np.corrcoef(image.ravel(), sampled(head(), ideal, SHAPE).ravel())[0, 1] > 0.93


def test_columns_run_from_the_patients_right_to_left_and_rows_to_the_back() -> None:
    affine = brain_grid.Placement(50.0, (3.0, -4.0)).affine()
    at = affine @ np.array([[0, 0, 0, 1], [95, 127, 127, 1]]).T
    np.testing.assert_allclose(at[:3, 0], (3 + 63.5 * 1.5, -4 + 63.5 * 1.5, 56 - 95.5 * 1.5))
    np.testing.assert_allclose(at[:3, 1], (3 - 63.5 * 1.5, -4 - 63.5 * 1.5, 56 - 0.75))


@pytest.mark.parametrize("faint", [0.35, 3.0])
def test_a_faint_scalp_and_bright_vessels_do_not_move_the_head(faint: float) -> None:
    shape = (140, 140, 140)
    scan = scan_of(head(faint), affine_of("RAS", (2, 2, 2), shape), shape)
    scan.values[70:73, 70:73, 60:80] = 20_000  # ten to twenty times as bright as the rest
    noise = np.abs(np.random.default_rng(0).normal(0, 20, shape)).astype(np.float32)
    placement = place(Scan(scan.grid, scan.values + noise))
    assert placement.top == pytest.approx(85, abs=1.2)
    assert placement.centre == pytest.approx(true_centre(), abs=0.8)


def test_a_bright_thing_beside_the_head_is_left_out() -> None:
    shape = (140, 140, 140)
    scan = scan_of(head(), affine_of("RAS", (2, 2, 2), shape), shape)
    scan.values[5:15, 5:15, 130:138] = 900  # above the head, not touching it
    assert place(scan).top == pytest.approx(85, abs=1.2)


def test_parts_of_the_grid() -> None:
    scan = scan_of(head(), affine_of("RAS", (2, 2, 2), STORED[0][2]), STORED[0][2])
    image, mask = on_grid(scan, scan.values > 500)
    thick, inside = Part(128, 4).of(scan, scan.values > 500)
    np.testing.assert_array_equal(thick, image[::4])
    np.testing.assert_array_equal(inside, mask[::4])
    small, inside = Part(64, 4).of(scan, scan.values > 500)
    np.testing.assert_allclose(small, image[::4].reshape(24, 64, 2, 64, 2).mean((2, 4)), atol=1e-6)
    share = mask[::4].reshape(24, 64, 2, 64, 2).mean((2, 4))
    np.testing.assert_array_equal(inside, share > 0.5)
    slab, _ = Part(slab=(30, 36)).of(scan, scan.values > 500)
    np.testing.assert_array_equal(slab, image[30:36])
    cut, _ = Part(slab=(30, 36), percentiles=(1, 99)).of(scan, scan.values > 500)
    low, high = np.percentile(slab, (1, 99))
    np.testing.assert_allclose(cut, np.clip((slab - low) / (high - low), 0, 1), atol=1e-6)
    assert Part(128, 4).spacing == (6.0, 1.5, 1.5)
    assert Part(64).spacing == (1.5, 3.0, 3.0)
    assert Part(voxel=1.0).spacing == (1.0, 1.0, 1.0)
    assert shape(1.0) == (144, 192, 192)


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"size": 0}, "size: 0"), ({"size": 100}, "divisors of 128"), ({"size": 256}, "size: 256"),
     ({"step": 0}, "step"), ({"step": 97}, "step"), ({"voxel": 1.7}, "voxel"),
     ({"slab": (90, 97)}, "slab")],
)  # fmt: skip
def test_parts_that_do_not_fit_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        Part(**fields)


@pytest.mark.parametrize("fields", [{}, {"voxel": 1.0, "size": 192, "slab": (20, 26)}])
def test_the_phantoms_grid_is_the_same(fields: dict[str, Any]) -> None:
    phantom, real = View(**fields), Part(**fields)
    assert phantom.spacing == real.spacing
    assert (phantom.grid.slices, phantom.grid.side) == shape(real.voxel)[:2]


def test_a_scan_without_a_head_is_refused() -> None:
    shape = (40, 40, 40)
    small = scan_of(
        lambda x, y, z: x**2 + y**2 + z**2 < 15**2, affine_of("RAS", (2, 2, 2), shape), shape
    )
    with pytest.raises(DatasetError, match=r"made\.nii\.gz: nothing in it is as large as a head"):
        place(small)
