from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from medda_lib.methods.fda.spectrum import amplitudes, swap, swap_amplitudes, window

CLOSE: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-5}


def images_of(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def reference(t: Any, s: Any, beta: float) -> Any:
    """The formula for one pair, in double precision, with shifted full spectra."""
    h, w = t.shape
    y, x = np.mgrid[:h, :w]
    inside = np.sqrt((y - h // 2) ** 2 + (x - w // 2) ** 2) < beta * min(h, w)
    target, source = (np.fft.fftshift(np.fft.fft2(a.astype(np.float64))) for a in (t, s))
    mixed = np.where(inside, abs(source), abs(target)) * np.exp(1j * np.angle(target))
    back = np.fft.ifft2(np.fft.ifftshift(mixed))
    np.testing.assert_allclose(back.imag, 0, atol=1e-9)
    return back.real


@settings(max_examples=40, deadline=None)
@given(
    h=st.integers(3, 20),
    w=st.integers(3, 20),
    beta=st.floats(0, 0.9),
    n=st.integers(1, 3),
    k=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_swap_is_the_formula(h: int, w: int, beta: float, n: int, k: int, seed: int) -> None:
    # Whole numbers on the rim could fall to either side by the square root's rounding.
    beta = round(beta * min(h, w)) / min(h, w) + 0.25 / min(h, w)
    target, donors = images_of(n, 1, h, w, seed=seed), images_of(n, k, h, w, seed=seed + 1)
    found = swap(target, donors, beta)
    assert found.shape == (n, k, h, w)
    for i in range(n):
        for j in range(k):
            wanted = reference(target[i, 0].numpy(), donors[i, j].numpy(), beta)
            np.testing.assert_allclose(found[i, j], wanted, **CLOSE)


@pytest.mark.parametrize(("h", "w"), [(16, 16), (15, 16), (12, 20), (9, 7)])
def test_window_is_a_disc(h: int, w: int) -> None:
    beta = 0.3
    found = torch.fft.fftshift(window(h, w, beta))
    for y in range(h):
        for x in range(w):
            far = (y - h // 2) ** 2 + (x - w // 2) ** 2
            assert bool(found[y, x]) == (far < (beta * min(h, w)) ** 2)


def test_window_of_known_sizes() -> None:
    assert window(128, 128, 0.0).sum() == 0
    assert window(128, 128, 1 / 128).nonzero().tolist() == [[0, 0]]  # the mean grey value alone
    assert window(128, 128, 0.01).sum() == 5  # radius 1.28: zero and its four neighbours
    assert window(128, 128, 0.71).all()
    assert not window(128, 128, 0.70).all()
    # the shorter side counts
    assert torch.equal(window(64, 128, 0.1)[:, 0], window(64, 64, 0.1)[:, 0])


def test_window_refuses_a_negative_size() -> None:
    with pytest.raises(ValueError, match="beta"):
        window(8, 8, -0.1)


def test_nothing_swapped_is_the_target() -> None:
    target, donors = images_of(2, 1, 16, 12), images_of(2, 3, 16, 12, seed=1)
    torch.testing.assert_close(swap(target, donors, 0.0), target.expand(-1, 3, -1, -1), **CLOSE)


def test_own_amplitudes_change_nothing() -> None:
    target = images_of(2, 1, 16, 16)
    torch.testing.assert_close(swap(target, target, 0.4), target, **CLOSE)


def test_whole_window_takes_the_donors_amplitude_and_keeps_the_phase() -> None:
    target, donor = images_of(1, 1, 15, 16), images_of(1, 1, 15, 16, seed=1)
    found = torch.fft.fft2(swap(target, donor, 2.0).double())
    torch.testing.assert_close(found.abs(), torch.fft.fft2(donor.double()).abs(), **CLOSE)
    phase = found * torch.fft.fft2(target.double()).conj()
    assert (phase.imag / phase.abs()).abs().max() < 1e-3
    assert (phase.real > 0).all()


def test_radius_of_one_swaps_the_mean_alone() -> None:
    target, donor = images_of(1, 1, 16, 16), images_of(1, 1, 16, 16, seed=1)
    wanted = target - target.mean() + donor.mean()
    torch.testing.assert_close(swap(target, donor, 1 / 16), wanted, **CLOSE)


def test_phases_outside_and_inside_are_the_targets() -> None:
    target, donor = images_of(1, 1, 32, 32), images_of(1, 1, 32, 32, seed=1)
    before, after = (torch.fft.fft2(x.double()) for x in (target, swap(target, donor, 0.2)))
    torch.testing.assert_close(torch.sgn(before), torch.sgn(after), rtol=1e-3, atol=1e-3)
    outside = ~window(32, 32, 0.2)
    torch.testing.assert_close(after[..., outside], before[..., outside], rtol=1e-3, atol=1e-4)


def test_black_target_has_a_defined_result() -> None:
    found = swap(torch.zeros(1, 1, 8, 8), images_of(1, 1, 8, 8), 0.3)
    assert found.isfinite().all()
    wanted = torch.zeros(8, 8)
    inside = window(8, 8, 0.3)
    wanted[inside] = torch.fft.fft2(images_of(8, 8)).abs()[inside]
    torch.testing.assert_close(found[0, 0], torch.fft.ifft2(wanted).real, **CLOSE)


def test_each_target_has_its_own_donors() -> None:
    target, donors = images_of(3, 1, 8, 8), images_of(3, 2, 8, 8, seed=1)
    whole = swap(target, donors, 0.3)
    for i in range(3):
        torch.testing.assert_close(swap(target[i : i + 1], donors[i : i + 1], 0.3)[0], whole[i])


def test_known_amplitudes_give_the_same_swap() -> None:
    target, donors = images_of(2, 1, 16, 16), images_of(2, 4, 16, 16, seed=1)
    found = swap_amplitudes(target, amplitudes(donors, 0.2), 0.2)
    torch.testing.assert_close(found, swap(target, donors, 0.2))


@pytest.mark.parametrize(
    ("target", "donors", "name"),
    [((2, 8, 8), (2, 1, 8, 8), "target"), ((2, 3, 8, 8), (2, 1, 8, 8), "target")]
    + [((2, 1, 8, 8), shape, "donors") for shape in ((3, 1, 8, 8), (2, 1, 8, 9), (2, 8, 8))],
)
def test_wrong_shapes_are_named(target: tuple[int], donors: tuple[int], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        swap(torch.zeros(target), torch.zeros(donors), 0.1)


# --- pitfalls of the released code ---------------------------------------------------------------


def test_the_sign_of_the_result_is_kept() -> None:
    """|ifft| would turn a dark ring beside a bright object into a bright one."""
    target = torch.zeros(1, 1, 16, 16)
    target[..., 6:10, 6:10] = 1
    found = swap(target, torch.zeros_like(target), 0.2)  # a black donor: low frequencies vanish
    assert found.min() < -0.1
    np.testing.assert_allclose(
        found[0, 0], reference(target[0, 0].numpy(), np.zeros((16, 16)), 0.2), **CLOSE
    )


def test_slices_are_not_rescaled_one_by_one() -> None:
    """Dividing each slice by its own maximum would make a dim slice as bright as a bright one."""
    target, donors = images_of(1, 1, 16, 16), images_of(1, 1, 16, 16, seed=1)
    bright, dim = swap(target, donors, 0.1), swap(target / 4, donors / 4, 0.1)
    torch.testing.assert_close(dim, bright / 4, **CLOSE)
    assert dim.max() < 0.5
