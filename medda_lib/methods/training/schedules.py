"""How the learning rate changes: the factor on the first step's rate, from the number of steps done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol


class Schedule(Protocol):
    """A frozen dataclass with a `kind`."""

    def factor(self, done: int, steps: int) -> float:
        """The factor on the learning rate after `done` of `steps` steps; 1 before the first."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same rate throughout."""

    kind: ClassVar[str] = "Constant"

    def factor(self, done: int, steps: int) -> float:
        """1."""
        return 1.0


@dataclass(frozen=True)
class Poly:
    """(1 - done / steps) ** power: falls to 0."""

    kind: ClassVar[str] = "Poly"

    power: float = 0.9

    def factor(self, done: int, steps: int) -> float:
        """1 at the start, 0 after the last step."""
        return float(max(1 - done / steps, 0.0) ** self.power)


@dataclass(frozen=True)
class LastFifth:
    """A tenth of the rate in the last fifth of the training."""

    kind: ClassVar[str] = "LastFifth"

    def factor(self, done: int, steps: int) -> float:
        """1 or 0.1."""
        return 1.0 if done < 0.8 * steps else 0.1


@dataclass(frozen=True)
class EachSteps:
    """Multiplied by `decay` after each `every` steps."""

    kind: ClassVar[str] = "EachSteps"

    every: int
    decay: float = 0.1

    def factor(self, done: int, steps: int) -> float:
        """Decay ** (done // every)."""
        return float(self.decay ** (done // self.every))


@dataclass(frozen=True)
class Milestones:
    """Multiplied by `decay` where each of these shares of the steps is done."""

    kind: ClassVar[str] = "Milestones"

    at: tuple[float, ...]
    decay: float = 0.1

    def factor(self, done: int, steps: int) -> float:
        """Decay ** (milestones that are reached)."""
        return float(self.decay ** sum(done >= share * steps for share in self.at))
