"""Parameters of a domain: their ranges, the dial between two sets, and its names."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest

from medda_lib.phantoms.brain_mr import SITES as HEADS
from medda_lib.phantoms.chest_xray import DOMAINS
from medda_lib.phantoms.parameters import Parameters, Ranges, named
from medda_lib.phantoms.prostate_mr import SITES as GLANDS


@dataclass(frozen=True)
class Inner(Parameters):
    """Part of another set; without ranges every finite number will do."""

    depth: float = -1.0


@dataclass(frozen=True)
class Toy(Parameters):
    """One number of each kind."""

    ranges: ClassVar[Ranges] = Ranges(
        logarithmic=frozenset({"dose"}),
        positive=frozenset({"age"}),
        shares=frozenset({"part"}),
        not_negative=frozenset({"ghost"}),
    )

    name: str
    dose: float = 1.0
    age: float = 1.0
    part: float = 0.0
    ghost: float = 0.0
    age_sd: float = 0.0
    rule: str = "first"
    inner: Inner = Inner()


A = Toy("A")
B = Toy("B", dose=100.0, age=3.0, part=1.0, ghost=0.5, rule="second", inner=Inner(3.0))
PRESETS = {"A": A, "B": B}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dose": 0.0}, "dose: 0.0 must be positive"),
        ({"age": -1.0}, "age: -1.0 must be positive"),
        ({"part": 1.5}, r"part: 1.5 must lie in \[0, 1\]"),
        ({"ghost": -0.1}, "ghost: -0.1 must not be negative"),
        ({"age_sd": -2.0}, "age_sd: -2.0 must not be negative"),
        ({"part": math.nan}, "part: nan is not a finite number"),
    ],
)
def test_a_number_out_of_range_is_named(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(A, **change)  # type: ignore[arg-type]


def test_the_middle_of_a_dial_number_by_number() -> None:
    half, later = A.towards(B, 0.5), A.towards(B, 0.75)
    assert half.dose == pytest.approx(10.0)
    assert (half.age, half.part, half.ghost, half.inner) == (2.0, 0.5, 0.25, Inner(1.0))
    assert (half.name, later.name) == ("A>B@0.5", "A>B@0.75")
    assert (half.rule, later.rule) == ("first", "second")


@pytest.mark.parametrize("strength", [-0.1, 1.1, math.nan])
def test_a_dial_has_two_ends(strength: float) -> None:
    assert A.towards(B, 0) is A
    assert A.towards(B, 1) is B
    with pytest.raises(ValueError, match="strength"):
        A.towards(B, strength)


def test_only_heads_keep_what_both_ends_share_to_the_last_bit() -> None:
    assert HEADS["sm3"].towards(HEADS["ge3"], 0.3).inversion == 0.96
    rounded = Ranges(logarithmic=frozenset({"noise"})).between("noise", 0.022, 0.022, 0.3)
    assert rounded == pytest.approx(0.022)
    walked = GLANDS["B"].towards(GLANDS["C"], 0.3)
    assert walked.noise == rounded


def test_a_name_finds_what_it_was_given_for() -> None:
    assert named("A", PRESETS) is A
    assert named("A>B@0.25", PRESETS) == A.towards(B, 0.25)
    assert named(A.towards(B, 0.25).name, PRESETS) == A.towards(B, 0.25)
    for strength, preset in (("0.0", "jsrt"), ("1.0", "nihx")):
        assert named(f"jsrt>nihx@{strength}", DOMAINS) is DOMAINS[preset]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("X", r"unknown site 'X'; there are \['A', 'B'\]"),
        ("A>X@0.5", "unknown site 'X'"),
        ("A@0.5", "unknown site 'A@0.5'"),
        ("A>B", "does not say how far; write for example 'A>B@0.25'"),
        ("A>B@half", "does not say how far"),
        ("A>B@2", "strength"),
    ],
)
def test_a_name_that_says_nothing_is_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        named(name, PRESETS)
