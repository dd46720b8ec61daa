"""What tells the scanners' spectra apart, and whether that is what the network trips over."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from medda_lib.figures.labelled_scatter import labelled_scatter
from medda_lib.figures.spectra import radial
from medda_lib.methods.fda.spectrum import window
from medda_lib.papers.fda.pairs import PHANTOM_PAIRS, declines
from medda_lib.papers.fda.results import matrix
from medda_lib.papers.fda.study import BUDGETS
from medda_lib.papers.results import Results
from medda_lib.studies.task import volumes
from medda_lib.tasks.brain_phantoms import phantom_scans

Drawn = tuple[Figure, str]
SCANS = 2
WIDEST = 0.12
"""The disc that distances are taken over, as a beta."""


@cache
def mean_log_amplitude(site: str, profile: str) -> Tensor:
    """Mean log(1 + |F|) (h, w) of the middle third of the slices of some phantoms of a site."""
    phantoms = BUDGETS[profile].phantoms
    count = min(SCANS, phantoms.train)
    pool = phantom_scans(site, "train", phantoms.train, phantoms.size, phantoms.step)
    scans = volumes(pool.images, pool.depth)[:count]
    third = max(pool.depth // 3, 1)
    middle = scans[:, third : 2 * third].flatten(0, 1)
    spectra: Tensor = torch.fft.fft2(middle)
    return spectra.abs().log1p().mean(dim=0)


def profile_of(site: str, profile: str) -> Tensor:
    """The spectrum of a site averaged over rings of one frequency pixel, (radii,)."""
    spectrum = mean_log_amplitude(site, profile)
    h, w = spectrum.shape
    rows, columns = torch.fft.fftfreq(h) * h, torch.fft.fftfreq(w) * w
    ring = torch.hypot(rows[:, None], columns[None, :]).round().long().flatten()
    total = torch.zeros(int(ring.max()) + 1).index_add(0, ring, spectrum.flatten())
    return (total / torch.bincount(ring))[: min(h, w) // 2]


def profiles(profile: str, betas: tuple[float, ...]) -> Drawn:
    """The spectra of the profile's sites by distance from zero frequency, with windows marked."""
    budget = BUDGETS[profile]
    lines = {site: profile_of(site, profile).numpy() for site in budget.sites}
    marks = {f"beta {beta:g}": beta * budget.phantoms.size for beta in betas}
    low = {
        site: line[: max(round(WIDEST * budget.phantoms.size), 1)] for site, line in lines.items()
    }
    spread = np.ptp(np.stack(list(low.values())), axis=0).mean()
    high = {site: line[len(low[site]) :] for site, line in lines.items()}
    rest = np.ptp(np.stack(list(high.values())), axis=0).mean()
    return radial(lines, marks), (
        f"Mean log amplitude of {', '.join(lines)} against frequency. Between sites it spreads by "
        f"{spread:.2f} on average inside of beta {WIDEST:g} and by {rest:.2f} outside."
    )


def distance(one: str, other: str, profile: str) -> float:
    """Root mean square difference of two sites' mean log amplitudes inside the widest disc."""
    a, b = mean_log_amplitude(one, profile), mean_log_amplitude(other, profile)
    inside = window(a.shape[0], a.shape[1], WIDEST)
    return float((a - b)[inside].square().mean().sqrt())


def distances(measured: Results) -> Drawn:
    """Does a pair whose low frequencies differ more lose more? Every pair of the matrix."""
    found = declines(matrix(measured))
    far = [
        distance(str(s), str(t), measured.profile)
        for s, t in zip(found["source"], found["target"], strict=True)
    ]
    names = {tuple(pair): name for name, pair in PHANTOM_PAIRS.items()}
    marked = {
        i: names[s, t]
        for i, (s, t) in enumerate(zip(found["source"], found["target"], strict=True))
        if (s, t) in names
    }
    figure = labelled_scatter(
        far,
        found["decline"].to_numpy(),
        "distance of the spectra inside the window",
        "surface Dice lost",
        marked,
    )
    distance_and_loss = pd.DataFrame({"far": far, "lost": found["decline"]})
    varies = (distance_and_loss.nunique() > 1).all()
    rank = distance_and_loss.corr(method="spearman").loc["far", "lost"] if varies else np.nan
    return figure, (
        f"Surface Dice lost against the distance of the sites' low frequencies, {len(far)} pairs; "
        f"rank correlation {rank:.2f}."
    )
