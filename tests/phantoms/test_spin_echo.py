"""The turbo spin echo's signal against limits in closed form and a simulation of spins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from medda_lib.phantoms.mr.spin_echo import SpinEcho

Array = NDArray[np.float64]


def rotation(angle: float, axis: str) -> Array:
    c, s = math.cos(angle), math.sin(angle)
    if axis == "x":
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def relax(m: Array, t: float, t1: float, t2: float) -> Array:
    e1, e2 = math.exp(-t / t1), math.exp(-t / t2)
    return np.array([m[0] * e2, m[1] * e2, 1 + (m[2] - 1) * e1])


def simulated_train(echo: SpinEcho, spacing: float, t1: float, t2: float) -> float:
    """Transverse magnetisation at the effective echo of a steady train of perfect pulses."""
    m, seen = np.array([0.0, 0.0, 1.0]), 0.0
    for _ in range(12):  # repetitions, until the state is steady
        m = rotation(math.pi / 2, "x") @ np.array([0.0, 0.0, m[2]])  # spoiled before
        for number in range(1, round(echo.train / spacing) + 1):
            m = relax(m, spacing / 2, t1, t2)
            m = rotation(math.pi, "y") @ m
            m = relax(m, spacing / 2, t1, t2)
            if number == round(echo.te / spacing):
                seen = float(np.hypot(m[0], m[1]))
        m = relax(m, echo.tr - echo.train, t1, t2)
    return seen


def hahn(excitation: float, refocusing: float) -> float:
    """Echo of spins that dephase by every angle alike, averaged after refocusing."""
    phases = np.arange(720) / 720 * 2 * np.pi
    start = rotation(excitation, "x") @ np.array([0.0, 0.0, 1.0])
    total = np.zeros(3)
    for phase in phases:
        c, s = math.cos(phase), math.sin(phase)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        total += turn @ rotation(refocusing, "y") @ turn @ start
    return float(np.hypot(*(total / len(phases))[:2]))


def test_without_relaxation_the_signal_is_the_density() -> None:
    long = SpinEcho(tr=1e9, te=0.0, train=0.0)
    assert long.signal(0.7, 1000.0, 50.0) == pytest.approx(0.7)


def test_signal_falls_by_e_in_a_t2_and_recovers_by_1_minus_1_over_e_in_a_t1() -> None:
    t1, t2 = 900.0, 80.0
    assert SpinEcho(1e9, t2, t2).signal(1.0, t1, t2) == pytest.approx(math.exp(-1))
    assert SpinEcho(t1, 0.0, 0.0).signal(1.0, t1, t2) == pytest.approx(1 - math.exp(-1))
    train = SpinEcho(t1 + 200, 0.0, 200.0).signal(1.0, t1, t2)
    assert train == pytest.approx(1 - math.exp(-1))


@pytest.mark.parametrize(("t1", "t2"), [(1450.0, 165.0), (856.0, 50.0), (3200.0, 1200.0)])
def test_train_agrees_with_a_simulation_of_the_bloch_equations(t1: float, t2: float) -> None:
    echo = SpinEcho(tr=4000.0, te=100.0, train=160.0)
    expected = simulated_train(echo, spacing=10.0, t1=t1, t2=t2)
    # The pulses turn over what recovers between them: a remainder of half a spacing over T1.
    assert echo.signal(1.0, t1, t2) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("b", [0.7, 0.9, 1.0, 1.15])
def test_transmit_factor_is_the_echo_of_dephased_spins(b: float) -> None:
    nominal = math.radians(180)
    expected = hahn(b * math.pi / 2, b * nominal) / hahn(math.pi / 2, nominal)
    assert SpinEcho(4000.0, 100.0, 160.0).transmit_factor(b) == pytest.approx(expected, abs=1e-9)
    lower = math.radians(140)
    expected = hahn(b * math.pi / 2, b * lower) / hahn(math.pi / 2, lower)
    got = SpinEcho(4000.0, 100.0, 160.0, refocusing=140.0).transmit_factor(b)
    assert got == pytest.approx(expected, abs=1e-9)


def test_arrays_broadcast_and_keep_single_precision() -> None:
    t2 = np.linspace(30, 300, 7, dtype=np.float32)
    signal = SpinEcho(4000.0, 100.0, 160.0).signal(np.ones(7, np.float32), 1000 + 0 * t2, t2)
    assert signal.dtype == np.float32
    assert (np.diff(signal) > 0).all()


@pytest.mark.parametrize(
    ("tr", "te", "train", "message"),
    [
        (100.0, 50.0, 120.0, "train 120"),
        (4000.0, 170.0, 160.0, "te 170"),
        (9.0, -1.0, 5.0, "te -1"),
    ],
)
def test_impossible_timing_is_refused(tr: float, te: float, train: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpinEcho(tr, te, train)


@pytest.mark.parametrize("angle", [0.0, 181.0])
def test_impossible_refocusing_angle_is_refused(angle: float) -> None:
    with pytest.raises(ValueError, match="refocusing"):
        SpinEcho(4000.0, 100.0, 160.0, refocusing=angle)
