"""The chest X-ray phantom: physics against closed formulas, truth against anatomy, seeds, dials."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from medda_lib.phantoms.chest_xray import DOMAINS, Domain, Radiographs, render
from medda_lib.phantoms.chest_xray.acquisition import film_curve, quantum_noise, slow, smooth
from medda_lib.phantoms.chest_xray.attenuation import DENSITY, linear_attenuation, transmission
from medda_lib.phantoms.chest_xray.exposure import pixel_size
from medda_lib.phantoms.chest_xray.grid import Grid, ellipse, root, splat
from medda_lib.phantoms.chest_xray.hardware import lines
from medda_lib.phantoms.chest_xray.organs import cavity, heart_extent
from medda_lib.phantoms.chest_xray.patient import Stream, anatomy

NAMES = sorted(DOMAINS)
FIELDS = ("images", "lungs", "lungs_and_heart", "labels", "disease")


def square_grid(size: int = 64, half: float = 10.0) -> Grid:
    at = ((np.arange(size) + 0.5) / size * 2 - 1) * half
    return Grid(at[None], at[None])


def same(a: Radiographs, b: Radiographs) -> bool:
    return a.patterns == b.patterns and all(
        torch.equal(getattr(a, name), getattr(b, name)) for name in FIELDS
    )


# units


def test_lungs_have_one_size_in_millimetres_whatever_the_field_and_the_grid() -> None:
    """Same people, another field of view and twice the pixels: the area in mm2 stays."""
    still = dataclasses.replace(
        DOMAINS["jsrt"], shift_x=0.0, shift_y=0.0, rotation=0.0, warp=0.0, collimation=0.0
    )
    wide = dataclasses.replace(still, fov_width=44.0, fov_height=40.0)
    seeds, areas = range(6), []
    for domain, size in ((still, 128), (wide, 128), (still, 64)):
        pixels = render(domain, seeds, size).lungs.flatten(1).sum(dim=1)
        areas.append(pixels * pixel_size(domain, seeds, size).prod(dim=1))
    for other in areas[1:]:
        torch.testing.assert_close(other, areas[0], rtol=0.03, atol=0)
    assert 20_000 < float(areas[0].mean()) < 60_000


def test_a_child_is_smaller_than_its_adult_centimetres() -> None:
    adult = dataclasses.replace(DOMAINS["chex"], age=1.0, age_spread=0.0)
    child = dataclasses.replace(adult, age=0.0)
    large, small = (pixel_size(domain, range(3), 64) for domain in (adult, child))
    torch.testing.assert_close(small, 0.5 * large)
    height, width = (large[0] * 64).tolist()
    assert width / height == pytest.approx(37 / 30)


# physics


@pytest.mark.parametrize(
    ("tissue", "energy", "mass_attenuation"),  # NIST SRD 126, table 4, cm2/g
    [("soft", 60, 0.2048), ("bone", 60, 0.3148), ("fat", 80, 0.1800), ("lung", 100, 0.1695)],
)
def test_coefficients_are_the_tables(tissue: str, energy: float, mass_attenuation: float) -> None:
    expected = mass_attenuation * DENSITY[tissue]
    assert linear_attenuation(tissue, energy) == pytest.approx(expected, rel=1e-9)


def test_coefficients_fall_with_energy_and_bone_falls_fastest() -> None:
    energies = np.linspace(40, 100, 31)
    contrast = [linear_attenuation("bone", e) / linear_attenuation("soft", e) for e in energies]
    assert (np.diff(contrast) < 0).all()


def test_beer_lambert_of_two_slabs() -> None:
    soft, bone = linear_attenuation("soft", 60), linear_attenuation("bone", 60)
    through = transmission(torch.tensor([7.0 * soft + 1.5 * bone]))
    assert through.item() == pytest.approx(math.exp(-7.0 * soft) * math.exp(-1.5 * bone), rel=1e-6)


def test_ellipsoid_chord_is_the_closed_formula_and_holds_its_volume() -> None:
    grid, (a, b, c) = square_grid(256), (6.0, 4.0, 3.0)
    angle = 0.5
    args = (np.array([v]) for v in (0.7, -0.4, a, b, angle))
    chord = 2 * c * root(ellipse(grid, *args))[0].double()
    x, y = np.meshgrid(grid.x[0] - 0.7, grid.y[0] + 0.4)
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    q = np.clip(1 - (u / a) ** 2 - (v / b) ** 2, 0, None)
    assert np.allclose(chord.numpy(), 2 * c * np.sqrt(q), atol=2e-3)
    volume = chord.sum().item() * (20 / 256) ** 2
    assert volume == pytest.approx(4 / 3 * math.pi * a * b * c, rel=2e-3)


def test_heart_extent_bounds_the_ellipse() -> None:
    stream = Stream(range(5))
    a = anatomy(DOMAINS["mcu"], stream)
    y = np.broadcast_to(np.linspace(-5, 40, 200), (5, 200))
    low, high = heart_extent(y, a)
    crossed = high > low
    cx, cy, long, short, angle = (v[:, None] for v in a.heart)
    dy = y - 0.5 * np.maximum(y - cy, 0) - cy
    for edge in (low, high):
        dx = edge - cx
        u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        q = (u / long) ** 2 + (v / short) ** 2
        assert np.allclose(q[crossed], 1, atol=1e-6)


def test_splat_keeps_mass_and_centre() -> None:
    rng = np.random.default_rng(0)
    x, y, mass = rng.uniform(2, 28, (3, 2, 50))
    image = splat(x, y, mass, (2, 32, 32)).double()
    assert torch.allclose(image.sum((1, 2)), torch.from_numpy(mass.sum(1)), rtol=1e-5)
    centre = (image.sum(1) * torch.arange(32)).sum(1) / image.sum((1, 2))
    assert np.allclose(centre.numpy(), (x * mass).sum(1) / mass.sum(1), rtol=1e-5)


def test_smooth_is_a_gaussian_and_slow_keeps_the_mean() -> None:
    spike = torch.zeros(1, 41, 41)
    spike[0, 20, 20] = 1
    blurred = smooth(spike, 1.5)[0]
    x = torch.arange(41) - 20
    assert blurred.sum().item() == pytest.approx(1, abs=1e-5)
    assert (blurred.sum(0) * x**2).sum().item() == pytest.approx(1.5**2, rel=0.12)
    assert torch.allclose(slow(torch.full((1, 64, 64), 0.3), 1.0), torch.tensor(0.3))


@pytest.mark.parametrize("quanta", [50.0, 800.0])
def test_quantum_noise_has_the_variance_of_poisson_counts(quanta: float) -> None:
    rng = np.random.default_rng(1)
    normal = rng.standard_normal((1, 300, 300), dtype=np.float32)
    signal = torch.full((1, 300, 300), 0.25)
    noisy = quantum_noise(signal, np.array([quanta]), normal)
    counts = rng.poisson(0.25 * quanta, (300, 300)) / quanta
    assert noisy.mean().item() == pytest.approx(counts.mean(), rel=0.02)
    assert noisy.var().item() == pytest.approx(counts.var(), rel=0.05)
    assert noisy.var().item() == pytest.approx(0.25 / quanta, rel=0.03)


def test_more_exposure_means_less_noise_in_the_picture() -> None:
    def shot(exposure: float) -> torch.Tensor:
        return render(dataclasses.replace(DOMAINS["mcu"], exposure=exposure), range(8), 64).images

    clean = shot(1e14)
    coarse, fine = (float((shot(exposure) - clean).std()) for exposure in (1e5, 1e7))
    assert (
        6 < coarse / fine < 14
    )  # a hundredfold exposure: a tenth of the noise, but for the display


def test_film_curve_is_smooth_monotone_and_bounded() -> None:
    x = torch.linspace(-3, 4, 4001, dtype=torch.float64)
    y = film_curve(x)
    slope = y.diff() / x.diff()
    assert y.min() >= 0
    assert y.max() <= 1
    assert (slope >= 0).all()
    assert slope.diff().abs().max() < 0.02


# anatomy and truth


@pytest.mark.parametrize("name", NAMES)
def test_picture_and_truth_keep_the_contract(name: str) -> None:
    r = render(DOMAINS[name], range(24), 64, [i % 2 for i in range(24)])
    assert r.images.shape == (24, 1, 64, 64)
    assert r.images.dtype == torch.float32
    assert 0 <= r.images.min() <= r.images.max() <= 1
    assert r.labels.tolist() == [i % 2 for i in range(24)]
    for mask in (r.lungs, r.lungs_and_heart, r.disease):
        assert mask.dtype == torch.bool
        assert mask.shape == r.images.shape
    assert not (r.lungs & ~r.lungs_and_heart).any()  # the heart only adds
    assert not (r.disease & ~r.lungs).any()
    area = r.lungs.float().mean((1, 2, 3))
    assert 0.08 < area.min() < area.max() < 0.6
    assert 0.18 < area.mean() < 0.42
    assert (r.lungs_and_heart.sum((1, 2, 3)) > 1.02 * r.lungs.sum((1, 2, 3))).all()


def test_disease_mask_belongs_to_the_sick() -> None:
    r = render(DOMAINS["chex"], range(60), 64, [1] * 30 + [0] * 30)
    size = r.disease.float().mean((1, 2, 3))
    assert (size[30:] == 0).all()
    assert (size[:30] > 0).float().mean() > 0.8
    assert set(r.patterns[:30]) == {"lobar", "interstitial", "diffuse"}
    assert set(r.patterns[30:]) == {"none"}


def test_disease_brightens_the_lung_of_the_same_patient() -> None:
    domain = dataclasses.replace(DOMAINS["jsrt"], severity=0.6)
    sick, well = (render(domain, range(12), 64, [label] * 12) for label in (1, 0))
    assert torch.equal(sick.lungs, well.lungs)
    inside = [(sick.images - well.images)[i][sick.disease[i]].mean() for i in range(12)]
    outside = [
        (sick.images - well.images)[i][sick.lungs[i] & ~sick.disease[i]].mean() for i in range(12)
    ]
    assert np.mean([float(a - b) for a, b in zip(inside, outside, strict=True)]) > 0.04


@pytest.mark.parametrize("name", NAMES)
def test_lungs_are_dark_and_the_heart_lies_to_the_patients_left(name: str) -> None:
    domain = dataclasses.replace(DOMAINS[name], wires=0.0, tubes=0.0)
    r = render(domain, range(16), 64, [0] * 16)
    heart = r.lungs_and_heart & ~r.lungs
    for image, lungs, shadow in zip(r.images, r.lungs, heart, strict=True):
        assert image[lungs].mean() < image[shadow].mean()
    assert heart[..., 32:].sum() > heart[..., :32].sum()


def test_cavity_widens_from_the_apex_and_is_closed_above() -> None:
    a = anatomy(DOMAINS["jsrt"], Stream(range(20)))
    y = np.broadcast_to(np.linspace(0.1, 25, 100), (20, 100))
    assert (np.diff(cavity(y, a), axis=1) > -1e-9).all()
    assert (cavity(-y, a)[:, 10:] < 0).all()


def test_children_are_thinner_and_have_wider_hearts() -> None:
    child, adult = (
        anatomy(dataclasses.replace(DOMAINS["jsrt"], age=age), Stream(range(40)))
        for age in (0.1, 1)
    )
    assert (child.scale < adult.scale).all()
    assert (child.heart[2] / child.width > adult.heart[2] / adult.width).all()


# seeds, batches, sizes


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_picture(name: str) -> None:
    assert same(render(DOMAINS[name], [3, 5], 64), render(DOMAINS[name], [3, 5], 64))


@pytest.mark.parametrize("size", [64, 100])
def test_a_picture_does_not_depend_on_its_batch(size: int) -> None:
    seeds = [11, 2**62 + 5, 7, 0, 4, 900, 13]
    together = render(DOMAINS["chex"], seeds, size, [1] * 7)
    for i, seed in enumerate(seeds):
        alone = render(DOMAINS["chex"], [seed], size, [1])
        assert torch.equal(alone.lungs[0], together.lungs[i])
        assert alone.patterns[0] == together.patterns[i]
        assert torch.equal(alone.images[0], together.images[i])


def test_no_seeds_no_pictures() -> None:
    r = render(DOMAINS["mcu"], [], 64)
    assert r.images.shape == (0, 1, 64, 64)
    assert r.labels.dtype == torch.int64


def test_different_seeds_are_different_people() -> None:
    r = render(DOMAINS["mcu"], range(6), 64)
    for i in range(5):
        assert (r.lungs[i] ^ r.lungs[i + 1]).float().mean() > 0.01


def test_one_anatomy_at_every_size() -> None:
    small, large = (render(DOMAINS["mcu"], range(6), size) for size in (64, 256))
    pooled = torch.nn.functional.avg_pool2d(large.lungs.float(), 4) > 0.5
    overlap = 2 * (pooled & small.lungs).sum() / (pooled.sum() + small.lungs.sum())
    assert overlap > 0.98
    difference = torch.nn.functional.avg_pool2d(large.images, 4) - small.images
    assert difference.abs().mean() < 0.03
    assert small.patterns == large.patterns


def test_prevalence_is_respected() -> None:
    labels = render(DOMAINS["nihx"], range(600), 32).labels.double()
    assert abs(labels.mean() - 0.34) < 4 * math.sqrt(0.34 * 0.66 / 600)
    assert render(DOMAINS["jsrt"], range(50), 32).labels.sum() == 0


# domains and the dial


def test_presets_are_json_and_named() -> None:
    assert NAMES == ["chex", "jsrt", "mcu", "nihx"]
    for name, domain in DOMAINS.items():
        assert Domain(**json.loads(json.dumps(dataclasses.asdict(domain)))) == domain
        assert domain.name == name


def test_dial_ends_are_the_domains_and_the_middle_lies_between() -> None:
    a, b = DOMAINS["chex"], DOMAINS["nihx"]
    assert a.towards(b, 0) is a
    assert a.towards(b, 1) is b
    half = a.towards(b, 0.5)
    assert half.prevalence == pytest.approx((a.prevalence + b.prevalence) / 2)
    assert half.exposure == pytest.approx(math.sqrt(a.exposure * b.exposure))
    assert "chex" in half.name
    assert "nihx" in half.name


def test_dial_moves_the_picture_smoothly() -> None:
    a, b = DOMAINS["jsrt"], dataclasses.replace(DOMAINS["nihx"], tubes=0, wires=0, markers=0)
    a = dataclasses.replace(a, markers=0)
    b = dataclasses.replace(b, collimation=0)

    def shot(strength: float) -> torch.Tensor:
        return render(a.towards(b, strength), range(8), 64, [0] * 8).images

    start, near, end = shot(0.4), shot(0.405), shot(1.0)
    assert (near - start).abs().mean() < 0.1 * (end - start).abs().mean()
    far = [(shot(s) - shot(0)).abs().mean() for s in (0.25, 0.5, 1.0)]
    assert far[0] < far[1] < far[2]


def test_label_rule_changes_past_one_half() -> None:
    a, b = DOMAINS["jsrt"], dataclasses.replace(DOMAINS["mcu"], rule="lungs_and_heart")
    assert [a.towards(b, s).rule for s in (0.25, 0.5, 0.75)] == ["lungs", "lungs", b.rule]
    r = render(a, range(2), 64)
    assert r.masks("lungs") is r.lungs
    assert r.masks("lungs_and_heart") is r.lungs_and_heart


def test_tubes_and_wires_appear_at_their_rate() -> None:
    def drawn(tubes: float = 0.0, wires: float = 0.0) -> float:
        domain = dataclasses.replace(DOMAINS["nihx"], tubes=tubes, wires=wires)
        return float((lines(domain, Stream(range(100)), 64).amax((1, 2)) > 0).float().mean())

    assert drawn() == 0
    assert drawn(tubes=1.0) == 1
    assert abs(drawn(wires=0.5) - 0.5) < 0.2


# errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: render(DOMAINS["mcu"], [1], 16), "size"),
        (lambda: render(DOMAINS["mcu"], [-1], 64), "seeds"),
        (lambda: render(DOMAINS["mcu"], [1, 2], 64, [0]), "labels: 1 labels for 2 seeds"),
        (lambda: render(DOMAINS["mcu"], [1], 64, [2]), "labels"),
        (lambda: render(DOMAINS["mcu"], [1], 64).masks("heart"), "rule"),
        (lambda: DOMAINS["mcu"].towards(DOMAINS["jsrt"], 1.5), "strength"),
        (lambda: Domain("x", rule="hearts"), "rule"),
        (lambda: Domain("x", prevalence=1.2), "prevalence"),
        (lambda: Domain("x", gamma=0), "gamma"),
        (lambda: Domain("x", energy=20), "energy"),
        (lambda: Domain("x", wall=float("nan")), "wall"),
        (lambda: Domain("x", heart_spread=-1), "heart_spread"),
        (lambda: Domain("x", lobar=0, interstitial=0, diffuse=0), "lobar"),
        (lambda: linear_attenuation("muscle", 60), "tissue"),
        (lambda: linear_attenuation("soft", 20), "energy"),
    ],
)  # fmt: skip
def test_errors_name_the_argument(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
