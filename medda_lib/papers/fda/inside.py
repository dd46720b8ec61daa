"""Looking inside a live pair: the swap in both worlds, the donors, three outlines, and the widget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from ipywidgets import VBox
from matplotlib.figure import Figure
from torch import Tensor

from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.fourier_frame import Frame, fourier_frame
from medda_lib.figures.outlines import Outlined, outlines
from medda_lib.figures.spectra import spectra
from medda_lib.figures.two_sliders import two_sliders
from medda_lib.methods.fda import srsim
from medda_lib.methods.fda.donors import CHOICES, Choice
from medda_lib.papers.fda.live import Live

Drawn = tuple[Figure, str]
SHOWN: tuple[tuple[str, Choice, int], ...] = (
    ("FDA", "random", 1),
    ("FDA + MST", "random", 0),
    ("FDA + MST + SR-SIM 3D", "3D", 0),
)
"""Name, choice and number of donors of Figure 3's columns; 0 is the profile's own number."""


def swap_in_both_worlds(live: Live, beta: float) -> Drawn:
    """Figure 1: target, donor and adapted slice, each above its spectrum, and what has changed."""
    predictor, at = live.adaptation("3D", 1, beta), live.middle()
    images = live.scan().images
    donor = int(predictor.donors_of(images)[at, 0])
    target, style = images[at, 0], live.sources.images[donor, 0]
    adapted = predictor.adapted(images, predictor.donors_of(images))[at, 0]
    radius = beta * min(target.shape)
    panels = {
        f"target, {live.pair.target}": target.numpy(),
        f"style donor, {live.pair.source}": style.numpy(),
        "adapted": adapted.numpy(),
        "change (grey: none)": (0.5 + (adapted - target)).numpy(),
    }
    figure = spectra(panels, radius, zoom=max(round(4 * radius), 16))
    change = float((adapted - target).abs().mean())
    return figure, (
        f"A slice of {live.pair.target}, its donor of {live.pair.source}, the adapted slice and the "
        f"change (mean {change:.3f} of the grey scale), above their spectra, in which a circle of "
        f"radius {radius:.1f} marks the swapped amplitudes."
    )


def donors(live: Live, shown: int = 3) -> Drawn:
    """Figure 2: the donors of a middle slice by each choice, with their SR-SIM."""
    images, at = live.scan().images, live.middle()
    count = min(shown, live.budget.donors)
    known = srsim.features(images[at : at + 1])
    pictures, titles, means = [], [], []
    for choice in CHOICES:
        chosen = live.adaptation(choice, count, 0.0).donors_of(images)[at]
        found = live.sources.images[chosen]
        scores = srsim.pairwise(known, srsim.features(found))[0]
        pictures += [images[at, 0], *found[:, 0]]
        titles += [f"{choice}: target", *(f"SR-SIM {s:.3f}" for s in scores.tolist())]
        means.append(f"{choice} {float(scores.mean()):.3f}")
    figure = contact_sheet(torch.stack(pictures).numpy(), titles, columns=count + 1)
    return figure, (
        f"A slice of {live.pair.target} with {count} donors of {live.pair.source} by five ways of "
        f"choosing. Mean SR-SIM: {', '.join(means)}."
    )


def severity(lives: Sequence[Live], beta: float) -> Drawn:
    """Figure 3: middle slices of a severe and a subtle pair, unadapted and adapted, with outlines.

    Under multi-source transfer the picture is the first donor's version; the outline is the vote's.
    """
    rows, words = [], []
    for live in lives:
        row = _columns(live, beta)
        rows.append(row)
        words.append(f"{live.name}: " + ", ".join(f"{o.title} {o.note}" for o in row))
    return outlines(rows), f"Brain outlines on a middle slice. {'; '.join(words)}."


def _columns(live: Live, beta: float) -> list[Outlined]:
    scan, at = live.scan(), live.middle()
    truth = scan.need_masks()[at, 0].numpy()

    def column(title: str, image: Tensor, probabilities: Tensor) -> Outlined:
        found = (probabilities[at, 0] >= 0.5).numpy()
        score = f"surface Dice {live.score(probabilities):.2f}"
        return Outlined(image.clamp(0, 1).numpy(), truth, found, title, score)

    plain = live.network.segment(scan.images)
    row = [column(f"No DA ({live.name})", scan.images[at, 0], plain)]
    for title, choice, count in SHOWN:
        predictor = live.adaptation(choice, count or live.budget.donors, beta)
        chosen = predictor.donors_of(scan.images)
        picture = predictor.adapted(scan.images[at : at + 1], chosen[at : at + 1])[0, 0]
        votes = predictor.votes(scan.images, chosen)
        row.append(column(title, picture, votes.mean(dim=1, keepdim=True)))
    return row


def widget(live: Live, counts: Sequence[int] = (1, 3, 7), total: int = 125_000) -> VBox:
    """Sliders for beta and the number of donors: spectrum, adapted slice, prediction, score.

    Donors are those of the 3D choice. The score is that of the whole scan, the picture a middle slice
    in the style of the first donor.
    """
    scan, at, betas = live.scan(), live.middle(), live.budget.betas
    counts = [n for n in counts if n <= live.budget.donors]
    truth = scan.need_masks()[at, 0].numpy()
    level = live.score(live.network.segment(scan.images))
    pictures, found = [], []
    for beta in betas:
        predictor = live.adaptation("3D", max(counts), beta)
        chosen = predictor.donors_of(scan.images)
        pictures.append(predictor.adapted(scan.images[at : at + 1], chosen[at : at + 1])[0, 0])
        votes = predictor.votes(scan.images, chosen)
        found.append([votes[:, :n].mean(dim=1, keepdim=True) for n in counts])
    scores = np.array([[live.score(p) for p in row] for row in found])

    def draw(i: int, j: int) -> tuple[Figure, str]:
        frame = Frame(
            image=pictures[i].clamp(0, 1).numpy(),
            truth=truth,
            predicted=(found[i][j][at, 0] >= 0.5).numpy(),
            radius=betas[i] * min(pictures[i].shape),
            x=np.array(betas),
            scores=scores[:, j],
            at=i,
            level=level,
        )
        words = f"beta {betas[i]:g}, {counts[j]} donors: surface Dice {scores[i, j]:.3f}"
        alt = f"Spectrum and adapted slice with outlines at {words}; unadapted {level:.3f}."
        return fourier_frame(frame), alt

    labels = ([f"{b:g}" for b in betas], [str(n) for n in counts])
    return two_sliders(draw, labels, ("beta", "donors"), total)
