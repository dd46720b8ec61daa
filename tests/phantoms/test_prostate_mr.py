"""The prostate phantom: contrast, geometry against closed formulas, seeds, dials, sites."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from medda_lib.phantoms.mr.spin_echo import SpinEcho
from medda_lib.phantoms.prostate_mr import SITES, TISSUES, Glands, Site, render
from medda_lib.phantoms.prostate_mr.acquisition import acquire, sensitivity
from medda_lib.phantoms.prostate_mr.contrast import Contrast
from medda_lib.phantoms.prostate_mr.patient import Draws, man
from medda_lib.phantoms.prostate_mr.space import Axes, Canvas, Space, smooth_field
from medda_lib.phantoms.prostate_mr.tissues import PROPERTIES, relaxation

NAMES = sorted(SITES)
A, B = SITES["A"], SITES["B"]
GLAND = ("capsule", "stroma", "central gland", "peripheral zone", "tumour")


def straight(half: float = 40.0, n: int = 81) -> Space:
    """A grid of 1 mm without any displacement."""
    at = np.linspace(-half, half, n, dtype=np.float32)
    axes = Axes(at, at, at, 1.0)
    z, y, x = np.meshgrid(at, at, at, indexing="ij")
    return Space(axes, z, y, x, 0.0)


def same(a: Glands, b: Glands) -> bool:
    fields = ("volumes", "prostate", "tissues")
    return all(torch.equal(getattr(a, f), getattr(b, f)) for f in fields)


# tissues


def test_tables_are_met_at_both_fields_and_times_lie_between() -> None:
    assert relaxation("fat", 1.5)[1] == 343.0
    assert relaxation("fat", 3.0)[1] == pytest.approx(382.0)
    for name in TISSUES:
        low, middle, high = (relaxation(name, f) for f in (1.5, 2.0, 3.0))
        for k in (1, 2):
            assert min(low[k], high[k]) - 1e-9 <= middle[k] <= max(low[k], high[k]) + 1e-9


def test_t1_grows_and_t2_shrinks_with_the_field_in_soft_tissue() -> None:
    for name in GLAND:
        tissue = PROPERTIES[name]
        assert tissue.t1_high > tissue.t1_low
        assert tissue.t2_high < tissue.t2_low


def test_unknown_tissue_and_field_are_refused() -> None:
    with pytest.raises(ValueError, match="liver"):
        relaxation("liver", 3.0)
    with pytest.raises(ValueError, match="field: 7"):
        relaxation("fat", 7.0)


@pytest.mark.parametrize("name", NAMES)
def test_order_of_grey_values_is_that_of_t2_weighted_prostates(name: str) -> None:
    site = SITES[name]
    echo = SpinEcho(site.tr, site.te, site.train)
    value = Contrast(echo, 1.5, Draws(0)).value
    order = ("air", "cortex", "muscle", "stroma", "tumour", "central gland", "peripheral zone")
    values = [value(tissue) for tissue in (*order, "urine")]
    assert values == sorted(values)
    assert value("fat") > 2 * value("muscle")


# geometry


def test_ellipsoid_and_rod_hold_their_volume_and_depth_is_in_millimetres() -> None:
    space = straight()
    box = space.box((2.0, -3.0, 1.0), (20.0, 20.0, 16.0), 3.0)
    assert box is not None
    depth = space.ellipsoid(box, (2.0, -3.0, 1.0), (20.0, 12.0, 16.0), turn=0.4)
    assert (depth > 0).sum() == pytest.approx(4 / 3 * math.pi * 20 * 12 * 16, rel=0.01)
    everywhere = (slice(None),) * 3
    ball = space.ellipsoid(everywhere, (0.0, 0.0, 0.0), (20.0, 20.0, 20.0))
    assert ball[40, 40, 40 + 17] == pytest.approx(3.0, abs=0.01)
    assert ball[40, 40 - 22, 40] == pytest.approx(-2.0, abs=0.01)
    rod = space.rod(everywhere, (0.0, 0.0, -20.0), (0.0, 0.0, 20.0), 8.0)
    whole = math.pi * 64 * 40 + 4 / 3 * math.pi * 8**3
    assert np.clip(rod + 0.5, 0, 1).sum() == pytest.approx(whole, rel=0.01)


def test_a_box_holds_its_body_and_is_none_outside_of_the_grid() -> None:
    space = straight()
    box = space.box((5.0, 0.0, 0.0), (10.0, 10.0, 10.0))
    assert box is not None
    everywhere = space.ellipsoid((slice(None),) * 3, (5.0, 0.0, 0.0), (10.0, 10.0, 10.0)) > 0
    inside = np.zeros_like(everywhere)
    inside[box] = True
    assert not (everywhere & ~inside).any()
    assert space.box((200.0, 0.0, 0.0), (5.0, 5.0, 5.0)) is None


def test_an_edge_is_mixed_in_proportion_to_how_much_of_a_pixel_it_covers() -> None:
    space = straight()
    canvas = Canvas(np.zeros(space.x.shape, np.float32), np.zeros(space.x.shape, np.uint8), 1.0)
    box = (slice(None),) * 3
    depth: NDArray[np.float32] = np.float32(3.25) - np.abs(space.x)
    canvas.paint(box, depth, 0.8, 5)
    assert canvas.signal[40, 40, 43] == pytest.approx(0.8 * 0.75)
    assert canvas.signal[40, 40].sum() == pytest.approx(0.8 * 6.5, rel=1e-5)
    assert canvas.labels[40, 40, 43] == 5
    assert canvas.labels[40, 40, 44] == 0


def test_a_smooth_field_does_not_depend_on_the_grid_and_has_unit_variance() -> None:
    at = np.linspace(-60, 60, 61, dtype=np.float32)
    axes = Axes(at, at, at, 2.0)
    fine = smooth_field(np.random.default_rng(3), axes, (6.0,) * 3, (60.0,) * 3)
    half = Axes(at[::2], at[::3], at, 2.0)
    coarse = smooth_field(np.random.default_rng(3), half, (6.0,) * 3, (60.0,) * 3)
    assert np.allclose(fine[::2, ::3], coarse, atol=1e-5)
    assert fine.std() == pytest.approx(1.0, abs=0.1)


# scans


@pytest.mark.parametrize("name", NAMES)
def test_scans_have_the_stated_kind_and_are_alive(name: str) -> None:
    glands = render(SITES[name], [0, 1, 2], size=64, slices=12)
    assert glands.volumes.shape == glands.prostate.shape == glands.tissues.shape == (3, 12, 64, 64)
    assert glands.volumes.dtype == torch.float32
    assert glands.prostate.dtype == torch.bool
    assert glands.tissues.dtype == torch.uint8
    assert int(glands.tissues.max()) < len(TISSUES)
    assert glands.volumes.amin((1, 2, 3)).tolist() == [0.0] * 3
    assert glands.volumes.amax((1, 2, 3)).tolist() == [1.0] * 3
    assert glands.spacing == (SITES[name].pitch, SITES[name].fov / 64, SITES[name].fov / 64)
    assert glands.volumes.flatten(1).std(1).min() > 0.05


def test_equal_arguments_give_equal_bits_whatever_the_batch() -> None:
    several = render(B, [4, 9, 5], size=48, slices=6)
    alone = render(B, [9], size=48, slices=6)
    assert same(several, render(B, [4, 9, 5], size=48, slices=6))
    assert torch.equal(several.volumes[1], alone.volumes[0])
    assert not torch.equal(several.volumes[0], several.volumes[2])
    assert len(render(B, [], size=48, slices=6)) == 0


def test_the_mask_is_the_gland_and_the_gland_holds_its_volume() -> None:
    """The label against the tissues; the volume against the number that the anatomy started from."""
    gland = torch.tensor([TISSUES.index(name) for name in GLAND])
    for seed in range(6):
        site = dataclasses.replace(A, pitch=1.5, thickness=1.5)
        scan = render(site, [seed], size=128, slices=48)
        inside = scan.prostate[0]
        urethra = scan.tissues[0] == TISSUES.index("urethra")
        share = (torch.isin(scan.tissues[0], gland) | urethra)[inside].float().mean()
        assert share > 0.985
        volume = float(inside.sum()) * math.prod(scan.spacing) / 1000
        # The outline tapers in front and is hollow behind: it may miss a fifth of the ellipsoid.
        assert volume == pytest.approx(man(site, Draws(seed)).volume, rel=0.25)


def test_parts_lie_where_anatomy_puts_them() -> None:
    """Bladder above, rectum behind, pubis in front, vesicles above and behind; two sides alike."""
    scan = render(A, range(8), size=96, slices=16)
    z, y, x = torch.meshgrid(*(torch.arange(n).float() for n in (16, 96, 96)), indexing="ij")
    for k in range(8):
        tissues, gland = scan.tissues[k], scan.prostate[k]

        def centre(mask: torch.Tensor) -> tuple[float, float, float]:
            return float(z[mask].mean()), float(y[mask].mean()), float(x[mask].mean())

        middle = centre(gland)
        rectum = centre(tissues == TISSUES.index("rectal wall"))
        assert rectum[1] > middle[1] + 5
        assert abs(rectum[2] - middle[2]) < 5
        front = centre(tissues == TISSUES.index("cartilage"))
        assert front[1] < middle[1]
        urine = tissues == TISSUES.index("urine")
        if urine.any():
            assert centre(urine)[0] > middle[0]
        vesicle = tissues == TISSUES.index("seminal fluid")
        if vesicle.any():
            assert centre(vesicle)[0] > middle[0]
            assert centre(vesicle)[1] > middle[1] - 3


def test_masks_are_one_piece_and_within_the_slices() -> None:
    from scipy.ndimage import label

    for name in NAMES:
        scan = render(SITES[name], range(4))
        for mask in scan.prostate.numpy():
            pieces, count = label(mask)
            sizes = np.bincount(pieces.ravel())[1:]
            assert count >= 1
            assert sizes.max() > 0.995 * sizes.sum()
            assert 5 <= mask.any((1, 2)).sum() <= 16


def test_old_men_have_larger_glands_and_more_nodules() -> None:
    young, old = (dataclasses.replace(A, age=age, age_spread=0.0) for age in (50.0, 80.0))
    for seed in range(5):
        one, other = man(young, Draws(seed)), man(old, Draws(seed))
        assert other.volume > one.volume
        assert math.prod(other.inner) / other.volume > math.prod(one.inner) / one.volume


# coils and acquisition


def test_the_loop_falls_off_with_the_cube_and_the_array_does_not() -> None:
    axis = np.linspace(-80, 80, 81, dtype=np.float32)
    axes = Axes(np.zeros(1, np.float32), axis, axis, 2.0)
    draws = Draws(1)
    site = dataclasses.replace(B, shading=0.0)
    who = man(site, draws)
    both = sensitivity(site, who, draws, axes)[0].double()
    assert both.min() >= 1
    front = who.rectum_y - who.rectum[1] + 4.0
    side = who.rectum_x + 3.0 * draws.normal("balloon_x")
    y, x = np.meshgrid(axis, axis, indexing="ij")
    loop = site.near * (1 + ((x - side) ** 2 + (y - front) ** 2) / 18.0**2) ** -1.5
    assert np.allclose(both.numpy(), np.hypot(1, loop), rtol=1e-4)
    without = sensitivity(dataclasses.replace(site, endorectal=0.0), man(A, draws), draws, axes)
    assert torch.allclose(without, torch.ones_like(without))


def test_an_endorectal_coil_lights_up_what_is_behind() -> None:
    """Peripheral zone over the fat in front of the pubis: several times more with a coil."""

    def ratio(site: Site) -> float:
        scan = render(site, range(4))
        zone = scan.volumes[scan.tissues == TISSUES.index("peripheral zone")].mean()
        return float(zone / scan.volumes[scan.tissues == TISSUES.index("marrow")].mean())

    assert ratio(B) > 2 * ratio(A)


def test_a_coil_flattens_the_gland_and_keeps_the_man() -> None:
    for seed in range(5):
        with_coil = man(dataclasses.replace(A, endorectal=1.0), Draws(seed))
        without = man(A, Draws(seed))
        assert with_coil.volume == without.volume
        assert math.prod(with_coil.radii) == pytest.approx(math.prod(without.radii))
        assert with_coil.radii[1] < without.radii[1]
        assert with_coil.rectum[0] > without.rectum[0]


def test_noise_is_rician_with_the_deviation_of_the_site() -> None:
    """A picture that is half air, half a uniform signal of 1."""
    site = dataclasses.replace(A, corrected=0.0, shading=0.0, blur=0.01, ghost=0.0, noise=0.04)
    axis = np.linspace(-60, 60, 96, dtype=np.float32)
    axes = Axes(axis[:20], axis, axis, 2.0)
    signal = np.zeros((20, 96, 96), np.float32)
    signal[:, :, 48:] = 1
    picture = acquire(signal, site, man(site, Draws(0)), Draws(0), axes)
    air, bright = picture[:, :, :48].astype(np.float64), picture[:, :, 48:].astype(np.float64)
    # The display scales and shifts: ratios are free of it. Rayleigh's mean is sigma sqrt(pi / 2).
    unit = (bright.mean() - air.mean()) / (1 + 0.04**2 / 2 - 0.04 * math.sqrt(math.pi / 2))
    assert bright.std() / unit == pytest.approx(0.04, rel=0.03)
    assert air.std() / unit == pytest.approx(0.04 * math.sqrt(2 - math.pi / 2), rel=0.03)


def test_same_seed_is_the_same_man_under_another_protocol() -> None:
    other = dataclasses.replace(A, te=150.0, noise=0.05, corrected=0.0, shading=0.8)
    first, second = render(A, [6, 7]), render(other, [6, 7])
    assert torch.equal(first.prostate, second.prostate)
    assert torch.equal(first.tissues, second.tissues)
    assert not torch.equal(first.volumes, second.volumes)


# sites and dials


def test_presets_are_six_json_able_sites_named_as_in_the_paper() -> None:
    assert tuple(NAMES) == ("A", "B", "C", "D", "E", "F")
    for site in SITES.values():
        again = Site(**json.loads(json.dumps(dataclasses.asdict(site))))
        assert again == site


def test_fields_and_coils_are_those_of_the_public_description() -> None:
    coils = {name: site.endorectal for name, site in SITES.items()}
    assert coils == {"A": 0.0, "B": 1.0, "C": 0.0, "D": 0.0, "E": 1.0, "F": 1.0}
    fields = {name: site.high_field for name, site in SITES.items()}
    assert fields == {"A": 1.0, "B": 0.0, "C": 1.0, "D": 0.5, "E": 1.0, "F": 0.0}


def test_a_dial_starts_and_ends_at_its_sites_and_moves_pictures_monotonically() -> None:
    assert A.towards(B, 0) is A
    assert A.towards(B, 1) is B
    half = A.towards(B, 0.5)
    assert half.tr == pytest.approx(math.sqrt(A.tr * B.tr))
    assert half.endorectal == 0.5
    start = render(A, range(3)).volumes
    steps = [(render(A.towards(B, s), range(3)).volumes - start).abs().mean() for s in (0.25, 0.5)]
    steps.append((render(B, range(3)).volumes - start).abs().mean())
    assert steps == sorted(steps)


@pytest.mark.parametrize(
    ("field", "value"),
    [("tr", 0.0), ("endorectal", 1.2), ("ghost", -0.1), ("fov", math.nan), ("high_field", -1.0)],
)
def test_numbers_out_of_range_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        dataclasses.replace(A, **{field: value})  # type: ignore[arg-type]


def test_bad_arguments_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="size"):
        render(A, [0], size=16)
    with pytest.raises(ValueError, match="slices"):
        render(A, [0], slices=0)
    with pytest.raises(ValueError, match="seeds"):
        render(A, [-1])
    with pytest.raises(ValueError, match="strength"):
        A.towards(B, 1.5)
