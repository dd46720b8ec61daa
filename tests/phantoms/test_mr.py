"""Signal equation, noise, fields and sampling of the MR phantoms against independent references."""

import math

import numpy as np
import pytest
import torch

from medda_lib.phantoms.mr.fields import TERMS, polynomial, receive, transmit
from medda_lib.phantoms.mr.noise import rician
from medda_lib.phantoms.mr.sampling import (
    blur_matrix,
    ghost,
    point_spread,
    slice_matrix,
    slice_profile,
    wrap,
)  # fmt: skip
from medda_lib.phantoms.mr.signal import GradientEcho
from medda_lib.phantoms.mr.tissues import HEAD, relaxation

RNG = np.random.default_rng(0)


def sequence(**changes: float) -> GradientEcho:
    values: dict[str, float] = {
        "tr": 2300, "ti": 900, "te": 3, "flip": 9, "spacing": 7, "pulses": 160,
        "centre": 0.5, "inversion": 0.96,
    }  # fmt: skip
    return GradientEcho(**{**values, **changes})


def bloch(s: GradientEcho, density: float, t1: float, t2star: float, b: float) -> float:
    """Follow the magnetisation vector pulse by pulse over many repetitions, with spoiling."""

    def rotation(angle: float) -> np.ndarray:
        c, s_ = math.cos(angle), math.sin(angle)
        return np.array([[1, 0, 0], [0, c, s_], [0, -s_, c]])

    def relax(m: np.ndarray, time: float) -> np.ndarray:
        e1 = math.exp(-time / t1)
        return np.array([0.0, 0.0, 1 + (m[2] - 1) * e1])  # spoiled: nothing transverse is left

    angle = math.radians(s.flip) * b
    central = round(s.centre * s.pulses)
    m, seen = np.array([0.0, 0.0, 1.0]), 0.0
    for _ in range(60):
        m = np.array([0.0, 0.0, -s.inversion * m[2]])
        m = relax(m, s.ti - central * s.spacing)
        for pulse in range(round(s.pulses)):
            m = rotation(angle) @ m
            if pulse == central:
                seen = float(m[1]) * math.exp(-s.te / t2star)
            m = relax(m, s.spacing)
        m = relax(m, s.tr - (s.ti - central * s.spacing) - round(s.pulses) * s.spacing)
    return density * seen


@pytest.mark.parametrize("case", range(6))
def test_signal_equals_a_pulse_by_pulse_simulation(case: int) -> None:
    pulses = int(RNG.integers(40, 120))
    central = int(RNG.integers(0, pulses))
    spacing = float(RNG.uniform(5, 10))
    s = sequence(
        ti=central * spacing + RNG.uniform(10, 500),
        tr=2600, flip=float(RNG.uniform(5, 20)), spacing=spacing, pulses=pulses,
        centre=central / pulses, inversion=float(RNG.uniform(-1, 1)), te=float(RNG.uniform(2, 5)),
    )  # fmt: skip
    density, t1, t2star, b = RNG.uniform([0.5, 200, 10, 0.7], [1.0, 4500, 80, 1.3])
    expected = bloch(s, density, t1, t2star, b)
    assert float(s.signal(density, t1, t2star, b)) == pytest.approx(expected, abs=1e-9)


def test_a_long_train_ends_in_the_spoiled_steady_state() -> None:
    t1 = np.array([300.0, 800.0, 1500.0])
    s = sequence(tr=90_000, ti=80_000, spacing=10, pulses=8000, centre=1.0, te=1e-6)
    e, a = np.exp(-10 / t1), math.radians(9)
    ernst = np.sin(a) * (1 - e) / (1 - e * math.cos(a))
    np.testing.assert_allclose(s.signal(1.0, t1, 50.0), ernst, rtol=1e-6)


def test_ernst_angle_is_the_brightest() -> None:
    t1, angles = 800.0, np.linspace(3, 40, 371)
    signal = [
        float(sequence(tr=60_000, ti=50_000, spacing=10, pulses=5000, centre=1.0, flip=f,
                       inversion=-1.0).signal(1.0, t1, 50.0)) for f in angles
    ]  # fmt: skip
    ernst = math.degrees(math.acos(math.exp(-10 / t1)))
    assert angles[int(np.argmax(signal))] == pytest.approx(ernst, abs=0.15)


def test_a_single_small_pulse_reads_plain_inversion_recovery() -> None:
    t1 = np.array([300.0, 900.0, 2000.0])
    s = sequence(tr=40_000, ti=700, pulses=1, centre=0.0, flip=0.01, inversion=1.0)
    np.testing.assert_allclose(s.longitudinal(t1), 1 - 2 * np.exp(-700 / t1), rtol=1e-4, atol=1e-7)


def test_without_inversion_and_with_full_recovery_nothing_depends_on_t1() -> None:
    s = sequence(tr=60_000, ti=100, pulses=1, centre=0.0, inversion=-1.0, flip=90)
    np.testing.assert_allclose(s.longitudinal(np.array([300.0, 3000.0])), 1.0, atol=1e-6)


def test_echo_time_and_density_scale_the_signal() -> None:
    early, late = sequence(te=2).signal(1, 800, 40), sequence(te=10).signal(1, 800, 40)
    assert late / early == pytest.approx(math.exp(-8 / 40))
    assert sequence().signal(0.5, 800, 40) == pytest.approx(sequence().signal(1, 800, 40) / 2)


@pytest.mark.parametrize("name", HEAD)
@pytest.mark.parametrize("field", [1.5, 3.0])
def test_polynomial_follows_the_signal_over_the_flip_angle(name: str, field: float) -> None:
    s, tissue = sequence(), relaxation(name, field)
    c = s.polynomial(*tissue)
    b = np.linspace(0.7, 1.3, 13)
    fit = c[0] + c[1] * (b - 1) + c[2] * (b - 1) ** 2
    white = float(s.signal(*relaxation("white matter", field)))
    assert np.abs(fit - s.signal(*tissue, b)).max() < 0.02 * white
    assert c[0] == float(s.signal(*tissue))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ti": 300.0}, "does not fit"),
        ({"tr": 1200.0}, "does not fit"),
        ({"flip": 0.0}, "positive"),
        ({"inversion": 1.5}, "inversion"),
        ({"centre": 1.2}, "centre"),
    ],
)
def test_sequences_that_cannot_be_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sequence(**changes)


def test_relaxation_grows_with_the_field_and_knows_its_table() -> None:
    low, middle, high = (relaxation("white matter", f)[1] for f in (1.5, 2.1, 3.0))
    assert (low, high) == (646.0, 838.0)
    assert low < middle < high
    for name in HEAD:
        assert relaxation(name, 3.0)[2] <= relaxation(name, 1.5)[2], name
    with pytest.raises(ValueError, match="brain"):
        relaxation("brain", 3.0)
    with pytest.raises(ValueError, match="7"):
        relaxation("fat", 7.0)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0, 3.0, 20.0])
def test_rician_noise_has_its_moments(ratio: float) -> None:
    """Second moment A^2 + 2 s^2; mean against SciPy's distribution (of another origin)."""
    from scipy.stats import rice

    sigma, n = 0.7, 400_000
    noise = torch.randn(2, n, generator=torch.Generator().manual_seed(1))
    image = rician(torch.full((n,), ratio * sigma), sigma, noise).double()
    assert float(image.mean()) == pytest.approx(rice.mean(ratio, scale=sigma), rel=4e-3)
    assert float(image.std()) == pytest.approx(rice.std(ratio, scale=sigma), rel=8e-3)
    assert float((image**2).mean()) == pytest.approx(sigma**2 * (ratio**2 + 2), rel=8e-3)


def test_noise_without_signal_is_rayleigh_and_without_sigma_nothing() -> None:
    noise = torch.randn(2, 100_000, generator=torch.Generator().manual_seed(2))
    still = rician(torch.zeros(100_000), 2.0, noise)
    assert float(still.mean()) == pytest.approx(2 * math.sqrt(math.pi / 2), rel=0.01)
    signal = torch.linspace(-1, 1, 7)
    assert torch.equal(rician(signal, 0.0, torch.zeros(2, 7)), signal.abs())
    with pytest.raises(ValueError, match="noise"):
        rician(signal, 1.0, torch.zeros(7))


def test_fields_are_polynomials_of_second_order() -> None:
    generator = torch.Generator().manual_seed(3)
    a, (x, y, z) = torch.randn(TERMS, generator=generator), torch.randn(3, 50, generator=generator)
    terms = torch.stack([x, y, z, x * x, y * y, z * z, x * y, x * z, y * z])
    torch.testing.assert_close(polynomial(a, x, y, z), a @ terms)
    torch.testing.assert_close(receive(0.1 * a, x, y, z), torch.exp(0.1 * a @ terms))
    with pytest.raises(ValueError, match="coefficients"):
        polynomial(a[:3], x, y, z)


def test_transmit_peaks_in_the_middle() -> None:
    zero, edge = torch.zeros(1), torch.ones(1)
    assert float(transmit(0.15, 0.0, zero, zero, zero)) == pytest.approx(1.15)
    assert float(transmit(0.15, 0.0, edge, zero, zero)) == pytest.approx(0.85)
    assert float(transmit(0.0, 0.05, -edge, zero, zero)) == pytest.approx(0.95)


def test_point_spread_is_a_gaussian_of_its_width() -> None:
    image = torch.zeros(1, 65, 65)
    image[0, 32, 32] = 1
    spread = point_spread(image, (4.0, 6.0))[0]
    assert float(spread.sum()) == pytest.approx(1, abs=1e-4)
    at = torch.arange(65.0) - 32
    for profile, fwhm in ((spread.sum(1), 4.0), (spread.sum(0), 6.0)):
        variance = float((profile * at**2).sum())
        # a Gaussian's variance, and that of one pixel, over which it is integrated
        assert variance == pytest.approx(fwhm**2 / (8 * math.log(2)) + 1 / 12, rel=1e-3)
    assert torch.equal(blur_matrix(9, 0.0), torch.eye(9))


def test_slices_are_means_over_their_thickness() -> None:
    assert torch.equal(slice_matrix(9, 0.5), torch.eye(9))
    line = torch.rand(1, 1, 30, generator=torch.Generator().manual_seed(4))
    three = slice_profile(line, 3.0)[0, 0, 1:-1]
    torch.testing.assert_close(three, line[0, 0].unfold(0, 3, 1).mean(1))
    two = slice_profile(line, 2.0)[0, 0, 1:-1]  # half of each neighbour
    weights = torch.tensor([0.25, 0.5, 0.25])
    torch.testing.assert_close(two, line[0, 0].unfold(0, 3, 1) @ weights)
    with pytest.raises(ValueError, match="thickness"):
        slice_matrix(9, -1.0)


@pytest.mark.parametrize("fov", [64, 50, 41, 33])
def test_wrap_folds_everything_into_the_field_of_view(fov: int) -> None:
    image = torch.rand(2, 64, 5, generator=torch.Generator().manual_seed(fov))
    wrapped = wrap(image, fov, 1)
    first = (64 - fov) // 2
    expected = torch.zeros_like(image)
    for row in range(64):  # row r is seen where r - first, modulo the field of view, is
        expected[:, first + (row - first) % fov] += image[:, row]
    torch.testing.assert_close(wrapped, expected)
    torch.testing.assert_close(wrapped.sum(1), image.sum(1))


def test_wrap_refuses_to_fold_twice() -> None:
    with pytest.raises(ValueError, match="fov"):
        wrap(torch.zeros(1, 64, 64), 20, 1)


def test_ghost_is_half_a_field_of_view_away() -> None:
    image = torch.zeros(1, 32, 32)
    image[0, 5, 7] = 1
    haunted = ghost(image, 0.1, 1, 20)
    assert float(haunted[0, 5, 7]) == pytest.approx(0.9)
    assert float(haunted[0, 15, 7]) == pytest.approx(0.1)
    assert ghost(image, 0.0, 1) is image
