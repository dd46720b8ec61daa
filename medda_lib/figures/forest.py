"""Effects with their intervals, one below the other, and the word that follows from each.

Colour and shape of the marker say the verdict; a line (or two, for an equivalence) says what the
interval is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from medda_lib.figures.style import FAINT, INK, PALETTE, canvas, styled

LOOKS = {
    "reproduced": (PALETTE[2], "o"),
    "supported": (PALETTE[0], "^"),
    "contradicted": (PALETTE[1], "v"),
    "undecided": (PALETTE[6], "D"),
    "same system here": (INK, "s"),
}
"""Colour and marker of each verdict."""


@dataclass(frozen=True)
class Effect:
    """One line: a name, the effect with its interval, and the verdict (a key of `LOOKS`)."""

    name: str
    effect: float
    low: float
    high: float
    verdict: str


@styled
def forest(
    effects: Sequence[Effect],
    x_label: str,
    *,
    bars: Sequence[float] = (0.0,),
    truth: float | None = None,
    row: float = 0.3,
) -> Figure:
    """`effects` from top to bottom; `bars` are the margins that intervals are compared with.

    truth: the effect that was put into a simulation. row: height of a line in inches.
    """
    if not effects:
        raise ValueError("effects: there is nothing to draw")
    figure, axes = canvas(width=6.6, height=row * len(effects) + 1.15)
    draw(axes[0, 0], effects, bars, truth)
    axes[0, 0].set_xlabel(x_label)
    axes[0, 0].set_yticks(range(len(effects)), [e.name for e in effects])
    used = [word for word in LOOKS if word in {e.verdict for e in effects}]
    figure.legend(handles=handles(used), loc="outside upper center", ncols=min(len(used), 4))
    return figure


def draw(axis: Axes, effects: Sequence[Effect], bars: Sequence[float], truth: float | None) -> None:
    """Intervals and markers on `axis`, the first at the top."""
    for y, e in enumerate(effects):
        if e.verdict not in LOOKS:
            raise ValueError(f"{e.name}: verdict {e.verdict!r} is none of {', '.join(LOOKS)}")
        colour, marker = LOOKS[e.verdict]
        axis.plot([e.low, e.high], [y, y], color=colour, lw=1.8)
        axis.plot(e.effect, y, marker, color=colour, ms=5.5)
    if len(bars) == 2:
        axis.axvspan(min(bars), max(bars), color=FAINT, alpha=0.5, lw=0)
    for bar in bars:
        axis.axvline(bar, color=INK, lw=1)
    if truth is not None:
        axis.axvline(truth, color=INK, lw=1, ls=":")
    axis.set_ylim(len(effects) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def handles(words: Sequence[str]) -> list[Line2D]:
    """Entries of a legend for verdicts."""
    return [
        Line2D([], [], color=LOOKS[w][0], marker=LOOKS[w][1], lw=1.8, ms=5.5, label=w)
        for w in words
    ]
