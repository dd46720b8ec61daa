"""A domain's parameters: numbers that are checked, and a dial from one set of them to another.

Domain shift is a change of parameters, so every phantom describes who is imaged, and with what, by plain
numbers in a frozen dataclass. Such a class derives from `Parameters` and says in `ranges` what its
numbers may be. `towards` walks from one set to another: at strength 0 it is the first, at 1 the second,
and in between every number is interpolated. The walk gives names such as "A>B@0.25", and `named` finds
the parameters of such a name again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self, TypeVar


@dataclass(frozen=True)
class Ranges:
    """What numbers may be, by name. All are finite; spreads (`*_spread`, `*_sd`) are never negative.

    Attributes:
        logarithmic: positive, and interpolated on a logarithmic scale; all others linearly.
        positive: positive, but interpolated linearly.
        shares: in [0, 1].
        not_negative: 0 or more.
        keeps_equal: a number that both ends share stays as it is to the last bit, where interpolation
            would round it.
    """

    logarithmic: frozenset[str] = frozenset()
    positive: frozenset[str] = frozenset()
    shares: frozenset[str] = frozenset()
    not_negative: frozenset[str] = frozenset()
    keeps_equal: bool = False

    def check(self, name: str, value: float) -> None:
        """Raises ValueError that names the number when it is out of range."""
        if not math.isfinite(value):
            raise ValueError(f"{name}: {value!r} is not a finite number")
        if name in self.logarithmic | self.positive and value <= 0:
            raise ValueError(f"{name}: {value} must be positive")
        if name in self.shares and not 0 <= value <= 1:
            raise ValueError(f"{name}: {value} must lie in [0, 1]")
        if (name in self.not_negative or name.endswith(("_spread", "_sd"))) and value < 0:
            raise ValueError(f"{name}: {value} must not be negative")

    def between(self, name: str, a: float, b: float, strength: float) -> float:
        """The number a fraction `strength` of the way from `a` to `b`."""
        if self.keeps_equal and a == b:
            return a
        if name in self.logarithmic:
            return float(math.exp((1 - strength) * math.log(a) + strength * math.log(b)))
        return float((1 - strength) * a + strength * b)


@dataclass(frozen=True)
class Parameters:
    """Base of a frozen dataclass whose fields are numbers, words or other `Parameters`."""

    ranges: ClassVar[Ranges] = Ranges()

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, str | Parameters):
                self.ranges.check(field.name, value)

    def towards(self, other: Self, strength: float) -> Self:
        """The parameters a fraction `strength` (0 to 1) of the way to `other`; the ends are exact.

        The name tells both ends and the strength. Other words have no in-between: they change past
        one half.
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength: {strength} must lie in [0, 1]")
        if strength in (0, 1):
            return other if strength else self
        found = {f.name: self._between(f.name, other, strength) for f in fields(self)}
        return replace(self, **found)

    def _between(self, name: str, other: Self, strength: float) -> float | str | Parameters:
        a, b = getattr(self, name), getattr(other, name)
        if isinstance(a, Parameters):
            return a.towards(b, strength)
        if name == "name":
            return f"{a}>{b}@{strength:g}"
        if isinstance(a, str):
            return a if strength <= 0.5 else str(b)
        return self.ranges.between(name, a, b, strength)


P = TypeVar("P", bound=Parameters)


def named(name: str, presets: Mapping[str, P], what: str = "site") -> P:
    """A preset, or a point on the dial between two: "A", "A>B@0.25".

    what: the presets' noun, for messages. Raises ValueError that lists the presets when the name is not
    one of them, and one that shows the form when the strength is missing or no number.
    """
    start, _, rest = name.partition(">")
    end, _, strength = rest.partition("@")
    for preset in (start, end or start):
        if preset not in presets:
            raise ValueError(f"unknown {what} {preset!r}; there are {sorted(presets)}")
    if not end:
        return presets[start]
    try:
        part = float(strength)
    except ValueError:
        raise ValueError(
            f"{name!r} does not say how far; write for example '{start}>{end}@0.25'"
        ) from None
    return presets[start].towards(presets[end], part)
