"""What tells scanners' spectra apart, and whether that is what a network trips over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
from torch import Tensor

from medda_lib.figures.labelled_scatter import labelled_scatter
from medda_lib.figures.spectra import radial
from medda_lib.methods.fda.spectrum import window
from medda_lib.metrics.spectra import distance, mean_log_amplitude, over_rings
from medda_lib.papers.pairs import Pair, declines
from medda_lib.papers.pictures import Drawn
from medda_lib.studies.task import volumes
from medda_lib.tasks.brain_phantoms import PhantomBrains

SCANS = 2
WIDEST = 0.12
"""The disc that distances are taken over, as a beta."""


@cache
def site_spectrum(site: str, phantoms: PhantomBrains) -> Tensor:
    """Mean log amplitude (h, w) of the middle third of the slices of some phantoms of a site."""
    pool = phantoms.pool(site, "train")
    third = max(pool.depth // 3, 1)
    middle = volumes(pool.images, pool.depth)[:SCANS, third : 2 * third]
    return mean_log_amplitude(middle.flatten(0, 1))


def profiles(phantoms: PhantomBrains, sites: Sequence[str], betas: Sequence[float]) -> Drawn:
    """The spectra of sites by distance from zero frequency, with windows marked."""
    lines = {site: over_rings(site_spectrum(site, phantoms)).numpy() for site in sites}
    apart = np.ptp(np.stack(list(lines.values())), axis=0)
    edge = max(round(WIDEST * phantoms.size), 1)
    figure = radial(lines, {f"beta {beta:g}": beta * phantoms.size for beta in betas})
    return figure, (
        f"Mean log amplitude of {', '.join(lines)} against frequency. Between sites it spreads by "
        f"{apart[:edge].mean():.2f} on average inside of beta {WIDEST:g} and by "
        f"{apart[edge:].mean():.2f} outside."
    )


def distances(phantoms: PhantomBrains, matrix: pd.DataFrame, named: Mapping[str, Pair]) -> Drawn:
    """Does a pair whose low frequencies differ more lose more? Every pair of a matrix of surface Dice.

    named: pairs that get their name in the picture.
    """
    found = declines(matrix)
    places = [Pair(str(s), str(t)) for s, t in zip(found["source"], found["target"], strict=True)]
    known = {site: site_spectrum(site, phantoms) for pair in places for site in pair}
    h, w = known[places[0].source].shape
    far = [distance(known[s], known[t], window(h, w, WIDEST)) for s, t in places]
    names = {pair: name for name, pair in named.items()}
    marked = {i: names[pair] for i, pair in enumerate(places) if pair in names}
    heads = ("distance of the spectra inside the window", "surface Dice lost")
    figure = labelled_scatter(far, found["decline"].to_numpy(), *heads, marked)
    both = pd.DataFrame({"far": far, "lost": found["decline"]})
    varies = (both.nunique() > 1).all()
    rank = both.corr(method="spearman").loc["far", "lost"] if varies else np.nan
    return figure, (
        f"Surface Dice lost against the distance of the sites' low frequencies, {len(far)} pairs; "
        f"rank correlation {rank:.2f}."
    )
