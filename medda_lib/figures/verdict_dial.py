"""What a rule says when the truth is known: turn the effect and the number of seeds.

Left, some simulated studies with their intervals; right, how often each verdict falls in thousands of
them. Every position was computed beforehand, so the sliders work in a page without a kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ipywidgets import VBox
from matplotlib.figure import Figure

from medda_lib.figures.forest import LOOKS, Effect, draw
from medda_lib.figures.frames import TOTAL
from medda_lib.figures.style import canvas, styled
from medda_lib.figures.two_sliders import two_sliders


@dataclass(frozen=True)
class Simulation:
    """Studies of one true effect and one number of seeds.

    Attributes:
        truth: the effect that was put in.
        examples: some studies, with their verdicts.
        shares: verdict -> fraction of all studies.
        coverage: fraction of intervals that hold the truth.
    """

    truth: float
    examples: Sequence[Effect]
    shares: Mapping[str, float]
    coverage: float


@styled
def verdict_frame(
    simulation: Simulation,
    title: str,
    x_label: str,
    bars: Sequence[float] = (0.0,),
    limits: tuple[float, float] | None = None,
) -> Figure:
    """Intervals of the examples at the left, shares of the verdicts at the right."""
    figure, axes = canvas(1, 2, width=6.8, height=2.9, gridspec_kw={"width_ratios": (1.3, 1)})
    left, right = axes[0]
    draw(left, simulation.examples, bars, simulation.truth)
    left.set(xlabel=x_label, yticks=[], xlim=limits)
    left.set_title(f"{len(simulation.examples)} of these studies", fontsize=9)
    words = [word for word in LOOKS if word in simulation.shares]
    shares = [simulation.shares[word] for word in words]
    right.barh(range(len(words)), shares, color=[LOOKS[word][0] for word in words], height=0.6)
    for y, share in enumerate(shares):
        right.text(share + 0.02, y, f"{share:.0%}", va="center", fontsize=9)
    right.set_yticks(range(len(words)), words)
    right.set(xlim=(0, 1.2), xticks=[], ylim=(len(words) - 0.4, -0.6))
    right.tick_params(axis="y", length=0)
    right.spines["bottom"].set_visible(False)
    right.set_title(f"{simulation.coverage:.0%} of intervals hold the truth", fontsize=9)
    figure.suptitle(title, fontsize=10)
    return figure


def verdict_dial(
    simulate: Callable[[int, int], Simulation],
    labels: tuple[Sequence[str], Sequence[str]],
    descriptions: tuple[str, str],
    x_label: str,
    limits: tuple[float, float],
    total: int = TOTAL,
) -> VBox:
    """Sliders over the simulations `simulate(i, j)`.

    labels: readouts of both sliders. descriptions: their words. limits: of the effect's axis.
    """

    def picture(i: int, j: int) -> tuple[Figure, str]:
        found = simulate(i, j)
        title = f"{descriptions[0]} {labels[0][i]}, {descriptions[1]} {labels[1][j]}"
        shares = ", ".join(f"{word} {share:.0%}" for word, share in found.shares.items())
        alt = f"{title}: {shares}; {found.coverage:.0%} of the intervals hold the true effect."
        return verdict_frame(found, title, x_label, limits=limits), alt

    return two_sliders(picture, labels, descriptions, total)
