"""The brain phantom: determinism, geometry, truth against image, contrast, sites and their dial."""

import json
from dataclasses import asdict, replace
from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.interpolate import BSpline

from medda_lib.phantoms.brain_mr import SITES, TISSUES, Heads, render
from medda_lib.phantoms.brain_mr.person import anatomy, body
from medda_lib.phantoms.brain_mr.shapes import capsule, cut, ellipsoid, join, share
from medda_lib.phantoms.brain_mr.sites import Site
from medda_lib.phantoms.brain_mr.space import Lattice, folds

SEEDS = (3, 4, 5)
BRAIN = ("grey matter", "white matter", "caudate", "putamen", "pallidum", "thalamus",
         "cerebellar cortex")  # fmt: skip


def number(tissue: str) -> int:
    return TISSUES.index(tissue)


@pytest.fixture(scope="module")
def heads() -> Heads:
    return render(SITES["sm15"], SEEDS, step=4)


@pytest.fixture(scope="module")
def whole() -> Heads:
    return render(SITES["ph3"], [7])


def test_shapes_types_and_range(heads: Heads) -> None:
    assert heads.volumes.shape == heads.brain.shape == heads.tissues.shape == (3, 24, 128, 128)
    assert heads.volumes.dtype == torch.float32
    assert heads.brain.dtype == torch.bool
    assert heads.tissues.dtype == torch.uint8
    assert int(heads.tissues.max()) < len(TISSUES)
    assert heads.spacing == (6.0, 1.5, 1.5)
    for volume in heads.volumes:
        assert float(volume.min()) == 0
        assert float(volume.max()) == 1


def test_a_head_depends_on_its_own_seed_only(heads: Heads) -> None:
    again = render(SITES["sm15"], [SEEDS[1]], step=4)
    assert torch.equal(again.volumes[0], heads.volumes[1])
    assert torch.equal(again.brain[0], heads.brain[1])
    assert not torch.equal(heads.brain[0], heads.brain[1])


def test_the_callers_random_numbers_are_left_alone() -> None:
    before = torch.get_rng_state()
    render(SITES["sm3"], [0], step=24)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("site", [name for name in SITES if name != "sm15"])
def test_the_same_seed_is_the_same_person_at_every_site(site: str, heads: Heads) -> None:
    other = render(SITES[site], SEEDS[:1], step=4)
    assert torch.equal(other.tissues[0], heads.tissues[0])
    assert torch.equal(other.brain[0], heads.brain[0])
    assert float((other.volumes[0] - heads.volumes[0]).abs().mean()) > 0.005


def test_every_fourth_slice_is_a_slice_of_the_whole_scan(whole: Heads) -> None:
    some = render(SITES["ph3"], [7], step=4)
    assert torch.equal(some.brain, whole.brain[:, ::4])
    assert torch.equal(some.tissues, whole.tissues[:, ::4])
    a, b = some.volumes.flatten().double(), whole.volumes[:, ::4].flatten().double()
    slope = float(torch.cov(torch.stack([a, b]))[0, 1] / a.var())
    assert torch.allclose(b, slope * (a - a.mean()) + b.mean(), atol=1e-5)  # other extremes


def test_smaller_pictures_are_area_averages() -> None:
    big, small = render(SITES["ge3"], [1], step=16), render(SITES["ge3"], [1], size=64, step=16)
    mean = torch.nn.functional.avg_pool2d(big.volumes, 2)
    mean = (mean - mean.min()) / (mean.max() - mean.min())
    assert torch.allclose(mean, small.volumes, atol=1e-5)
    assert small.spacing == (24.0, 3.0, 3.0)
    assert torch.equal(torch.nn.functional.avg_pool2d(big.brain.float(), 2) > 0.5, small.brain)


def test_the_head_stands_where_the_grid_wants_it(whole: Heads) -> None:
    inside = np.stack([ndimage.binary_fill_holes(s) for s in whole.tissues[0].numpy() > 0])
    top = 144 - 1.5 * (np.nonzero(inside.any((1, 2)))[0].max() + 1)
    assert abs(top - 6) < 4.0  # mm below the upper edge; placing has a spread of its own
    upper = inside[-(100 + 6) * 2 // 3 :]
    centre = np.array(ndimage.center_of_mass(upper))[1:]
    assert np.abs((centre - 63.5) * 1.5).max() < 4.0


def test_brains_are_as_large_as_brains_are() -> None:
    volumes = render(SITES["sm15"], range(12), step=6).brain.sum((1, 2, 3)) * 1.5**3 * 6 / 1e6
    assert 1.1 < float(volumes.mean()) < 1.6  # litres
    assert float(volumes.min()) > 0.85
    assert float(volumes.max()) < 2.0


def test_the_mask_is_one_body_without_holes_that_holds_the_brain(whole: Heads) -> None:
    mask = whole.brain[0].numpy()
    parts, n = ndimage.label(mask)
    assert np.bincount(parts.ravel())[1:].max() > 0.999 * mask.sum(), n
    assert ndimage.binary_fill_holes(mask).sum() == pytest.approx(mask.sum(), rel=2e-3)
    tissues = whole.tissues[0].numpy()
    brain = np.isin(tissues, [number(t) for t in BRAIN])
    assert (brain & mask).sum() > 0.99 * brain.sum()
    inside = np.bincount(tissues[mask], minlength=len(TISSUES)) / mask.sum()
    assert inside[[number(t) for t in (*BRAIN, "brain stem", "fluid")]].sum() > 0.95
    for tissue in ("skin", "fat", "eye", "air"):
        assert inside[number(tissue)] < 0.005, tissue


def test_skull_and_scalp_enclose_the_brain(whole: Heads) -> None:
    """Going out from the brain on every upper slice: fluid or dura, bone, fat, skin, air."""
    for k in range(48, 74):
        row = whole.tissues[0, k, 64].numpy()
        mask = whole.brain[0, k, 64].numpy()
        outward = row[: np.nonzero(mask)[0].min()][::-1]
        soft = np.isin(outward, [number(t) for t in ("muscle", "fat", "skin")])
        bone = outward == number("compact bone")
        assert bone.sum() >= 2, k
        assert 0 < np.argmax(bone) < np.argmax(soft), k
        assert outward[-1] == number("air")


def test_fluid_in_the_brain_grows_with_age() -> None:
    seeds = range(100, 124)
    heads = render(SITES["sm15"], seeds, size=64, step=8)
    fluid = ((heads.tissues == number("fluid")) & heads.brain).sum((1, 2, 3)) / heads.brain.sum(
        (1, 2, 3)
    )
    ages = [anatomy(body(seed)).age for seed in seeds]
    assert min(ages) >= 20
    assert max(ages) <= 80
    assert np.corrcoef(ages, fluid.numpy())[0, 1] > 0.6


def test_left_and_right_are_not_mirror_images(whole: Heads) -> None:
    mask = whole.brain[0]
    same = (mask & mask.flip(-1)).sum() / mask.sum()
    assert 0.85 < float(same) < 0.995


@pytest.mark.parametrize("site", SITES)
def test_white_is_brighter_than_grey_and_grey_than_fluid(site: str) -> None:
    heads = render(SITES[site], [11, 12], step=8)
    at = {
        t: float(heads.volumes[(heads.tissues == number(t)) & heads.brain].median())
        for t in ("white matter", "grey matter", "fluid")
    }
    assert at["white matter"] > 1.1 * at["grey matter"] > 1.1 * at["fluid"], at


def test_what_a_site_is_known_by_shows() -> None:
    seeds = [21, 22]

    def ratio(site: Site, above: str, below: str) -> float:
        heads = render(site, seeds, step=8)
        a, b = (heads.volumes[heads.tissues == number(t)].median() for t in (above, below))
        return float(a / b)

    sm3 = SITES["sm3"]
    assert ratio(sm3, "fat", "white matter") < 0.6 * ratio(
        replace(sm3, water_only=0.0), "fat", "white matter"
    )
    shaded = replace(sm3, shading=0.9, corrected=0.0)
    assert ratio(shaded, "skin", "thalamus") > 1.3 * ratio(sm3, "skin", "thalamus")


def test_noise_has_the_strength_that_the_site_says() -> None:
    quiet = replace(SITES["sm3"], noise=1e-6, uneven=0.0, shading=0.0, falloff=0.0, dielectric=0.0)
    loud = replace(quiet, noise=0.04)
    a, b = (render(s, [2], step=12) for s in (quiet, loud))
    white = (a.tissues == number("white matter")) & a.brain
    corner = b.volumes[:, -3:, :6, :6]
    sigma = float(corner.square().mean().div(2).sqrt())  # Rayleigh: E x^2 = 2 sigma^2
    level = float(b.volumes[white].median())
    assert sigma / level == pytest.approx(0.04, rel=0.25)
    assert float(a.volumes[:, -3:, :6, :6].max()) < 1e-3


def test_a_small_field_of_view_folds_the_head(whole: Heads) -> None:
    narrow = replace(SITES["ph3"], fov=150.0, noise=1e-6)
    wrapped = render(narrow, [7], step=8)
    assert float(wrapped.volumes[:, :, :13].max()) < 1e-3  # outside the field of view
    wide = render(replace(narrow, fov=240.0), [7], step=8)
    assert float(wide.volumes[:, :, :13].max()) > 0.1
    assert torch.equal(wrapped.brain, wide.brain)


@pytest.mark.parametrize(("a", "b"), list(permutations(SITES, 2)))
def test_every_point_of_every_dial_is_a_site(a: str, b: str) -> None:
    start, end = SITES[a], SITES[b]
    assert start.towards(end, 0.0) is start
    assert start.towards(end, 1.0) is end
    for strength in (0.25, 0.5, 0.75):
        middle = asdict(start.towards(end, strength))
        assert middle["name"] == f"{a}>{b}@{strength:g}"
        for key, value in middle.items():
            if key != "name":
                low, high = sorted((getattr(start, key), getattr(end, key)))
                assert low - 1e-9 <= value <= high + 1e-9, key


def test_the_dial_moves_the_picture_continuously() -> None:
    start, end = SITES["sm3"], SITES["ge15"]
    pictures = [
        render(start.towards(end, s), [9], size=64, step=16).volumes for s in (0, 0.33, 0.67, 1)
    ]
    far = [float((p - pictures[0]).abs().mean()) for p in pictures]
    assert far == sorted(far)
    steps = [float((p - q).abs().mean()) for p, q in pairwise(pictures)]
    assert max(steps) < 0.75 * far[-1]


def test_sites_are_plain_numbers() -> None:
    for site in SITES.values():
        assert Site(**json.loads(json.dumps(asdict(site)))) == site
    assert list(SITES) == ["sm15", "sm3", "ge15", "ge3", "ph15", "ph3"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"field": 7.0}, "field"),
        ({"noise": -0.1}, "noise"),
        ({"flip": 0.0}, "flip"),
        ({"water_only": 1.5}, "water_only"),
        ({"fov": 100.0}, "fov"),
        ({"ti": 100.0}, "does not fit"),
        ({"blur": float("nan")}, "blur"),
    ],
)
def test_impossible_sites_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SITES["sm3"], **change)


def test_impossible_pictures_are_refused() -> None:
    for name, value in (("size", 100), ("size", 8), ("step", 0)):
        fields: dict[str, Any] = {name: value}
        with pytest.raises(ValueError, match=name):
            render(SITES["sm3"], [1], **fields)
    with pytest.raises(ValueError, match="seeds"):
        render(SITES["sm3"], [-1])
    with pytest.raises(ValueError, match="strength"):
        SITES["sm3"].towards(SITES["ge15"], 1.5)
    assert len(render(SITES["sm3"], [], step=4)) == 0


def test_ellipsoid_and_capsule_distances() -> None:
    x, y, z = torch.randn(3, 400, generator=torch.Generator().manual_seed(0)) * 20
    ball = 15 - (x**2 + (y - 1) ** 2 + z**2).sqrt()
    torch.testing.assert_close(
        ellipsoid(x, y, z, (0, 1, 0), (15, 15, 15)), ball, atol=1e-3, rtol=1e-3
    )
    unit = torch.stack([x, y, z]) / torch.stack([x, y, z]).norm(dim=0)
    on = unit * torch.tensor([[30.0], [20.0], [10.0]])
    assert float(ellipsoid(on[0], on[1], on[2], (0, 0, 0), (30, 20, 10)).abs().max()) < 1e-3
    normal = torch.nn.functional.normalize(on / torch.tensor([[900.0], [400.0], [100.0]]), dim=0)
    x_in, y_in, z_in = on - 0.5 * normal
    inner = ellipsoid(x_in, y_in, z_in, (0, 0, 0), (30, 20, 10))
    torch.testing.assert_close(inner, torch.full_like(inner, 0.5), atol=0.06, rtol=0)
    along = torch.linspace(0, 1, 2001)[:, None]
    start, end = torch.tensor([1.0, 2, 3]), torch.tensor([-8.0, 5, 20])
    line = start + along * (end - start)
    near = torch.cdist(torch.stack([x, y, z], 1), line).amin(1)
    tube = capsule(x, y, z, tuple(start.tolist()), tuple(end.tolist()), 4.0)
    torch.testing.assert_close(tube, 4 - near, atol=1e-2, rtol=0)


def test_unions_and_cuts_are_round_only_near_their_edges() -> None:
    a, b = torch.randn(2, 500, generator=torch.Generator().manual_seed(1)) * 10
    far = (a - b).abs() > 3
    assert torch.equal(join(a, b, 3.0)[far], torch.maximum(a, b)[far])
    assert torch.equal(cut(a, b, 3.0)[far], torch.minimum(a, b)[far])
    assert (join(a, b, 3.0) >= torch.maximum(a, b)).all()
    assert float((join(a, b, 3.0) - torch.maximum(a, b)).max()) <= 0.75 + 1e-6
    torch.testing.assert_close(cut(a, b, 3.0), -join(-a, -b, 3.0))
    assert share(torch.tensor([-9.0, 0, 0.5, 9]), 2.0).tolist() == [0, 0.5, 0.75, 1]


def test_lattices_are_cubic_splines() -> None:
    """Against SciPy's B-splines, one axis at a time, at random points."""
    lattice = Lattice.draw(body(0), 2, 30.0)
    c, k = lattice.coefficients.numpy(), lattice.coefficients.shape[1]
    generator = np.random.default_rng(5)
    x, y, z = generator.uniform(-80, 80, (3, 4)).astype(np.float32)
    values = lattice.at(*(torch.from_numpy(a) for a in (x, y, z - 70)))
    weights = []
    for at in (z, y, x):
        places = (at + 120) / 30 + 1
        weights.append(
            np.stack([BSpline.basis_element(np.arange(j - 2, j + 3), False)(places)
                      for j in range(k)], 1)
        )  # fmt: skip
    expected = np.einsum("cijk,zi,yj,xk->czyx", c, *np.nan_to_num(weights))
    np.testing.assert_allclose(values.numpy(), expected, atol=1e-4)


def test_folds_have_the_wavelengths_asked_for() -> None:
    field = folds(body(1), 64, 3.2, ((26.0, 1.0),)).numpy()
    assert field.std() == pytest.approx(1, abs=1e-3)
    power = np.abs(np.fft.fftn(field)) ** 2
    k = np.fft.fftfreq(64, 3.2)
    length = np.sqrt(k[:, None, None] ** 2 + k[None, :, None] ** 2 + k**2)
    mean = (power * length).sum() / power.sum()
    assert 1 / mean == pytest.approx(26, rel=0.1)


def test_a_slab_holds_slices_of_the_whole_scan(whole: Heads) -> None:
    slab = render(SITES["ph3"], [7], slab=(24, 32), step=2)
    assert torch.equal(slab.brain, whole.brain[:, 24:32:2])
    assert slab.spacing == (3.0, 1.5, 1.5)
    a, b = slab.volumes.flatten().double(), whole.volumes[:, 24:32:2].flatten().double()
    assert float(torch.corrcoef(torch.stack([a, b]))[0, 1]) == pytest.approx(1.0, abs=1e-6)


def test_smaller_voxels_show_the_same_head() -> None:
    """Averaged over 3 mm, slices at the same heights agree at 1 and at 1.5 mm."""
    fine = render(SITES["sm15"], [2], voxel=1.0, size=192, slab=(60, 63))
    coarse = render(SITES["sm15"], [2], slab=(40, 42))
    assert fine.spacing == (1.0, 1.0, 1.0)
    big = torch.nn.functional.avg_pool2d(fine.brain[0].float(), 3).mean(0)
    small = torch.nn.functional.avg_pool2d(coarse.brain[0].float(), 2).mean(0)
    assert float((big - small).abs().mean()) < 0.005
    grey = (
        torch.nn.functional.avg_pool2d(fine.volumes[0], 3).mean(0).flatten(),
        torch.nn.functional.avg_pool2d(coarse.volumes[0], 2).mean(0).flatten(),
    )
    assert float(torch.corrcoef(torch.stack(grey))[0, 1]) > 0.98


def test_percentiles_become_the_ends_of_the_scale() -> None:
    plain, cut = (render(SITES["ge15"], [3], slab=(30, 34), percentiles=p) for p in (None, (1, 99)))
    low, high = np.percentile(plain.volumes.numpy(), (1, 99))
    wanted = np.clip((plain.volumes.numpy() - low) / (high - low), 0, 1)
    np.testing.assert_allclose(cut.volumes.numpy(), wanted, atol=1e-5)
    assert float((cut.volumes == 1).float().mean()) == pytest.approx(0.01, abs=0.002)


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"voxel": 1.7}, "voxel"), ({"voxel": 1.0}, "size"), ({"slab": (90, 97)}, "slab"),
     ({"slab": (5, 5)}, "slab")],
)  # fmt: skip
def test_views_that_do_not_fit_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(SITES["sm3"], [0], **fields)
