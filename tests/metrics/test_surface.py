"""Surface Dice against brute force on small masks, closed forms and the conventions at the edges."""

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.measure import marching_cubes, mesh_surface_area
from torch import Tensor

from medda_lib.metrics import volumes
from medda_lib.metrics.surface import surface_dice, tolerance_of

SPACING = (3.0, 1.0, 1.5)
SPACINGS = (SPACING, (1.0, 1.0, 1.0), (0.8, 2.4, 0.6))


def blob(seed: int, shape: tuple[int, int, int] = (7, 9, 8)) -> Tensor:
    """A smooth random mask that touches no border."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    field = ndimage.gaussian_filter(noise, 1.2)
    mask = np.zeros(tuple(s + 4 for s in shape), dtype=bool)
    mask[2:-2, 2:-2, 2:-2] = field > np.median(field)
    return torch.from_numpy(mask)


def elements(mask: Tensor, spacing: tuple[float, ...]) -> tuple[NDArray[np.float64], ...]:
    """Places and areas of a mask's surface: one element for each cube of eight voxels that mix."""
    values = np.pad(mask.numpy().astype(np.float64), ((1, 1), (0, 0), (0, 0)), mode="edge")
    values = np.pad(values, ((0, 0), (1, 1), (1, 1)))
    places, areas = [], []
    for corner in itertools.product(*(range(n - 1) for n in values.shape)):
        cube = values[tuple(slice(i, i + 2) for i in corner)]
        if 0 < cube.sum() < 8:
            vertices, faces, _, _ = marching_cubes(cube, 0.5, spacing=spacing, method="lorensen")
            places.append(np.array(corner) * spacing)
            areas.append(mesh_surface_area(vertices, faces))
    return np.array(places), np.array(areas)


def brute(a: Tensor, b: Tensor, spacing: tuple[float, ...], tolerance: float) -> float:
    (at, area_a), (bt, area_b) = elements(a, spacing), elements(b, spacing)
    distance = (
        cdist(at, bt) - 1e-6
    )  # places are multiples of the spacing: many distances are just so
    near = area_a[distance.min(1) <= tolerance].sum() + area_b[distance.min(0) <= tolerance].sum()
    return float(near / (area_a.sum() + area_b.sum()))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("cut", [slice(None), slice(4, 8)], ids=["whole", "slab"])
def test_matches_brute_force_over_all_surface_elements(
    seed: int, spacing: tuple[float, float, float], cut: slice
) -> None:
    a, b = blob(seed)[cut], (blob(seed) | blob(seed + 50).roll(1, 2))[cut]
    scores = []
    for tolerance in (max(spacing), 1.4 * max(spacing)):
        (ours,) = surface_dice(a, b, spacing, (tolerance,))
        # The areas of cubes with two separate corners are split in one of two ways: some percent apart.
        assert ours == pytest.approx(brute(a, b, spacing, tolerance), abs=0.04)
        scores.append(ours)
    assert 0 < scores[0] <= scores[1]


@pytest.mark.parametrize("cut", [slice(None), slice(3, 6)], ids=["whole", "slab"])
@pytest.mark.parametrize("spacing", SPACINGS)
def test_convex_bodies_match_brute_force_exactly(
    spacing: tuple[float, float, float], cut: slice
) -> None:
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in (9, 23, 23)), indexing="ij")
    a = torch.from_numpy((2 * z) ** 2 + y**2 + x**2 <= 50)
    b = torch.from_numpy((2 * z) ** 2 + (y - 3) ** 2 + (x / 1.2) ** 2 <= 60)
    a, b = a[cut], b[cut]
    (ours,) = surface_dice(a, b, spacing, (max(spacing),))
    assert 0 < ours < 1
    assert ours == pytest.approx(brute(a, b, spacing, max(spacing)), rel=1e-5)


def test_the_ends_of_a_slab_are_no_surface() -> None:
    """Two cylinders through all slices: their outlines agree nowhere, their cut faces do."""
    y, x = np.mgrid[-20:21, -20:21]
    a, b = (torch.from_numpy(np.hypot(y, x) < r).expand(12, -1, -1) for r in (10, 16))
    assert surface_dice(a, b, (1.0, 1.0, 1.0), (2.0,)) == [0.0]


@pytest.mark.parametrize("spacing", SPACINGS)
def test_a_tolerance_below_the_voxel_is_refused(spacing: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="below the voxel"):
        surface_dice(blob(0), blob(1), spacing, (0.99 * max(spacing),))
    assert tolerance_of(spacing) == max(spacing)


def test_the_tolerance_is_that_of_the_coarsest_grid() -> None:
    assert tolerance_of((1.0, 0.5, 0.5)) == 1.0 == tolerance_of((0.5, 0.5, 0.5))
    assert tolerance_of((6.0, 3.0, 3.0)) == 6.0
    assert tolerance_of((1.5, 1.5, 1.5), native=2.0) == 2.0


def test_a_slab_moved_by_one_voxel() -> None:
    """Two large faces move by one row; tolerance decides whether they count."""
    a, b = (torch.zeros(12, 40, 40, dtype=torch.bool) for _ in range(2))
    a[2:10, 10:30, 4:36], b[2:10, 11:31, 4:36] = True, True
    (within,) = surface_dice(a, b, (1.0, 2.0, 1.0), (2.0,))
    assert within == pytest.approx(1.0)
    c = a.roll(2, 1)
    (beyond,) = surface_dice(a, c, (1.0, 2.0, 1.0), (2.0,))
    assert beyond == pytest.approx(brute(a, c, (1.0, 2.0, 1.0), 2.0), rel=1e-5)
    assert beyond < 0.9


def test_more_tolerance_never_lowers_and_order_does_not_matter() -> None:
    a, b = blob(1), blob(2)
    scores = surface_dice(a, b, SPACING, (3.0, 3.5, 4.0, 6.0, 50.0))
    assert scores == sorted(scores)
    assert scores[-1] == 1.0
    assert surface_dice(b, a, SPACING, (3.5,))[0] == pytest.approx(scores[1])


def test_cropping_to_the_masks_changes_nothing() -> None:
    a, b = blob(3), blob(4)
    wide_a, wide_b = (torch.nn.functional.pad(m.byte(), (5, 9, 7, 3, 2, 6)).bool() for m in (a, b))
    found, known = (surface_dice(*both, SPACING, (3.0,)) for both in ((wide_a, wide_b), (a, b)))
    assert found == pytest.approx(known)


def test_empty_masks() -> None:
    empty, full = torch.zeros(3, 4, 4, dtype=torch.bool), torch.ones(3, 4, 4, dtype=torch.bool)
    assert surface_dice(empty, empty, SPACING, (3.0, 4.0)) == [1.0, 1.0]
    assert surface_dice(empty, full, SPACING, (3.0,)) == [0.0]
    assert surface_dice(full, empty, SPACING, (3.0,)) == [0.0]
    assert surface_dice(full, full, SPACING, (3.0,)) == [1.0]


def test_wrong_input_names_the_argument() -> None:
    mask = torch.zeros(3, 4, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match="need bool"):
        surface_dice(mask.float(), mask, SPACING, (3.0,))
    with pytest.raises(ValueError, match="predicted"):
        surface_dice(mask[:2], mask, SPACING, (3.0,))


def test_scans_are_measured_one_by_one_in_space() -> None:
    a, b = blob(5), blob(6)
    depth, (h, w) = len(a), a.shape[1:]
    probabilities = torch.cat([a, b]).float().view(-1, 1, h, w) * 0.9
    masks = torch.cat([b, b]).view(-1, 1, h, w)
    found = volumes.per_scan(probabilities, masks, depth, SPACING)
    once, twice = surface_dice(a, b, SPACING, (3.0, 6.0))
    assert found["surface_dice"][0] == pytest.approx(once)
    assert found["surface_dice_double"][0] == pytest.approx(twice)
    assert found["tolerance"].tolist() == [3.0, 3.0]
    drawn = volumes.per_scan(probabilities, masks, depth, SPACING, native=4.0)
    assert drawn["tolerance"].tolist() == [4.0, 4.0]
    overlap = 2 * (a & b).sum() / (a.sum() + b.sum())
    assert found["dice"][0] == pytest.approx(float(overlap))
    assert {name: values[1] for name, values in found.items() if name in ("dice", "surface_dice")}
    assert found["dice"][1] == found["surface_dice"][1] == 1.0
    assert found["pixels_true"].tolist() == [float(b.sum())] * 2


def test_slices_that_are_no_whole_scans_are_refused() -> None:
    p, masks = torch.rand(7, 1, 4, 4), torch.zeros(7, 1, 4, 4, dtype=torch.bool)
    with pytest.raises(ValueError, match="depth"):
        volumes.per_scan(p, masks, 3, SPACING)
