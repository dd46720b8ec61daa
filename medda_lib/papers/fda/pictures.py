"""What only the chapter on Fourier adaptation shows: pairs, curves over beta, spectra, swaps, donors.

Each function that draws returns the figure and its alt text; what is drawn comes from the arguments
alone. Live pairs are trained on phantoms whatever the page's data, so that anybody may see them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from ipywidgets import VBox
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.fourier_frame import Frame, fourier_frame
from medda_lib.figures.outlines import Outlined, outlines
from medda_lib.figures.shift_matrix import shift_matrices
from medda_lib.figures.spectra import spectra
from medda_lib.figures.tuning import Panel, tuning
from medda_lib.figures.two_sliders import two_sliders
from medda_lib.methods.fda import FourierAdaptation, FourierPredictor, srsim
from medda_lib.methods.fda.donors import CHOICES, Choice
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import with_recipe
from medda_lib.papers import live_pair
from medda_lib.papers.fda.study import BUDGETS, METRIC, PAIRS, PAPER, SITES, Budget
from medda_lib.papers.live_pair import LivePair
from medda_lib.papers.pairs import Pair, declines, matrix_of, printed_matrix
from medda_lib.papers.pictures import Drawn, agreements, spread
from medda_lib.papers.results import Results
from medda_lib.papers.tables import of_systems
from medda_lib.papers.tuned import RULES, curves, picks

BEST = "FDA + MST + SR-SIM 3D"
SHOWN: dict[str, tuple[Choice, int]] = {
    "FDA": ("random", 1),
    "FDA + MST": ("random", 0),
    BEST: ("3D", 0),
}
"""System -> choice and number of donors; 0 is the profile's own number."""
AVERAGED = "averaged"


# --- the studies ---------------------------------------------------------------------------------


def matrix(measured: Results) -> pd.DataFrame:
    """Our Table 1 as numbers: targets in rows, sources in columns, means over repetitions."""
    return matrix_of(measured.frame, "No DA", METRIC)


def matrices(measured: Results) -> Drawn:
    """Table 1 as two pictures: the paper's matrix and ours, trained on the row."""
    ours = matrix(measured).T
    order = [site for site in SITES if site in ours.index]
    ours = ours.loc[order, order]
    paper = printed_matrix(PAPER, "1").T.loc[ours.index, ours.columns]
    panels = {"paper: CC359": paper.to_numpy(), "here: phantoms": ours.to_numpy()}
    label = f"surface Dice (paper 1 mm, here {measured.tolerance})"
    figure = shift_matrices(panels, list(ours.index), list(ours.columns), label, limits=(0.0, 1.0))
    words = []
    for name, found in (("paper", paper.T), ("here", ours.T)):
        worst, home = declines(found).iloc[0], np.diag(found.to_numpy()).mean()
        lost = f"worst {worst['source']} to {worst['target']} {worst['score']:.2f}"
        words.append(f"{name}: mean at home {home:.2f}, {lost}")
    return figure, f"Two matrices of surface Dice without adaptation. {'; '.join(words)}."


def pair_table(measured: Results) -> pd.DataFrame:
    """The pairs that the rule picks, the paper's beside ours, with scores at home and away."""
    rows: dict[str, dict[str, object]] = {}
    tables = (("paper", printed_matrix(PAPER, "1"), "own"), ("here", matrix(measured), "phantom"))
    for who, found, data in tables:
        for name, (source, target) in PAIRS[data].items():
            row = rows.setdefault(name, {})
            held = source in found.columns and target in found.index
            row[f"{who}: pair"] = str(PAIRS[data][name])
            row[f"{who}: home"] = found.loc[source, source] if held else np.nan
            row[f"{who}: away"] = found.loc[target, source] if held else np.nan
    return pd.DataFrame(rows).T.infer_objects().round(2)


def own_table(measured: Results, metrics: tuple[str, ...] = (METRIC, "dice")) -> pd.DataFrame:
    """Means over repetitions of a study that has no table in the paper: systems by pair and metric.

    The last rows are the networks trained on the target itself: the upper bound.
    """
    home = measured.rows(evaluation="in-domain", system="No DA")
    bound = [
        home[home["source"] == pair.target].assign(pair=name, system="trained on the target")
        for name, pair in PAIRS[measured.data].items()
    ]
    both = pd.concat([measured.derived, *bound], ignore_index=True)
    names = both["system"] + np.where(both["beta"] == "-", "", ", beta " + both["beta"])
    return of_systems(both.assign(system=names), metrics, "pair")


def by_beta(measured: Results, metric: str) -> pd.DataFrame:
    """Test scores by pair and system (rows) and beta (columns), means over repetitions."""
    names = {tuple(pair): name for name, pair in PAIRS[measured.data].items()}
    chosen = measured.rows(evaluation="cross-domain", metric=metric)
    places = zip(chosen["source"], chosen["domain"], strict=True)
    named = chosen.assign(pair=[names.get(place) for place in places]).dropna(subset="pair")
    wide = named.pivot_table(index=["pair", "system"], columns="beta", values="value", sort=False)
    return wide[sorted(wide.columns, key=lambda b: -1.0 if b == "-" else float(b))].round(3)


def beta_curves(measured: Results, evaluation: str = "cross-domain") -> Drawn:
    """Surface Dice against beta for each pair, with the betas that both rules picked (3D)."""
    found = curves(measured.frame, PAIRS[measured.data], evaluation)
    betas = sorted(found["beta"].unique())
    means = found.groupby(["pair", "system", "beta"])["value"].mean()
    picked = {rule.name: picks(measured, BEST, rule.name) for rule in RULES}
    panels, words = {}, []
    for name, pair in _run(measured).items():
        lines = {s: means.loc[name, s].reindex(betas).to_numpy() for s in SHOWN}
        plain = measured.rows(system="No DA", source=pair.source, domain=pair.target, metric=METRIC)
        level, best = float(plain["value"].mean()), lines[BEST]
        marks = {rule: float(chosen[name]) for rule, chosen in picked.items()}
        panels[f"{name}: {pair}"] = Panel(lines, level, marks)
        words.append(f"{name}: unadapted {level:.2f}, {BEST} {best.min():.2f} to {best.max():.2f}")
    figure = tuning(betas, panels, x_label="beta", y_label="surface Dice", level="No DA")
    return figure, f"Surface Dice against the size of the window, {'; '.join(words)}."


def by_scan(
    measured: Results, system: str, beta: str, pair: Pair, quantity: str
) -> NDArray[np.float64]:
    """A quantity of the test scans of a pair, (repetitions, scans).

    beta: as in the rows, "-" for the source model. quantity: "surface_dice", "pixels_true" ...
    """
    row = f"{system}|{beta}|{pair.source}"
    return measured.images.get(row, f"cross-domain/{pair.target}/segmentation/{quantity}")


def boxes(measured: Results) -> Drawn:
    """Surface Dice of every test scan, by pair and system, beta averaged."""
    chosen = {"No DA": dict.fromkeys(_run(measured), "-")}
    chosen |= {system: picks(measured, system, AVERAGED) for system in SHOWN}
    groups = {
        name: {s: by_scan(measured, s, b[name], pair, METRIC).ravel() for s, b in chosen.items()}
        for name, pair in _run(measured).items()
    }
    return spread(groups, "surface Dice per scan", f"surface Dice at {measured.tolerance}")


def bland_altman(measured: Results, names: tuple[str, ...]) -> Drawn:
    """Bland-Altman plots of brain volume in millilitres, unadapted and adapted, for some pairs."""
    known, best = _run(measured), picks(measured, BEST, AVERAGED)
    size, panels = voxel_ml(measured.profile), {}
    for name in names:
        for system, beta in (("No DA", "-"), (BEST, best[name])):
            true, found = (
                by_scan(measured, system, beta, known[name], f"pixels_{which}").ravel() * size
                for which in ("true", "predicted")
            )
            panels[f"{name}, {system.removeprefix('FDA + MST + ')}"] = (true, found)
    return agreements(panels, "brain volume", "ml", columns=2)


def voxel_ml(profile: str) -> float:
    """Millilitres of a voxel of the phantoms of a profile."""
    return float(np.prod(BUDGETS[profile].phantoms.view.spacing)) / 1000


def _run(measured: Results) -> dict[str, Pair]:
    """The pairs of the study, in order."""
    return BUDGETS[measured.profile].chosen(measured.data)


# --- a live pair ---------------------------------------------------------------------------------


def train(profile: str, name: str, seed: int, device: str = "cpu") -> LivePair:
    """Train the source network of a pair ("Severe #1" ...), for fewer steps than the study."""
    b, known = BUDGETS[profile], BUDGETS[profile].chosen("phantom")
    recipe = with_recipe(b.segmenter, steps=b.live)
    return live_pair.train(PAPER, profile, recipe, b.phantoms, name, known, seed, device)


def adaptation(live: LivePair, choice: Choice, donors: int, beta: float) -> FourierPredictor:
    """The source network behind a swap; 0 donors are as many as the profile has."""
    network, pool = live.network, live.sources
    many = donors or _budget(live).donors
    method = FourierAdaptation(_segmenter(live), choice, many, beta)
    return FourierPredictor(method, network, pool.images, pool.depth, live.spec.seed)


def _segmenter(live: LivePair) -> Segmenter:
    """The settings of the pair's source network."""
    if not isinstance(live.spec.method, SourceModel):
        raise TypeError(f"{live.name}: expected a source model")
    return live.spec.method.segmenter


def _budget(live: LivePair) -> Budget:
    return BUDGETS[live.spec.profile]


def swap_in_both_worlds(live: LivePair, beta: float) -> Drawn:
    """Figure 1: target, donor and adapted slice, each above its spectrum, and what has changed."""
    predictor, at = adaptation(live, "3D", 1, beta), live.middle()
    images = live.scan().images
    chosen = predictor.donors_of(images)
    target, style = images[at, 0], live.sources.images[int(chosen[at, 0]), 0]
    adapted = predictor.adapted(images, chosen)[at, 0]
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


def donors(live: LivePair, shown: int = 2) -> Drawn:
    """Figure 2: the donors of a middle slice by each choice, with their SR-SIM."""
    images, at = live.scan().images, live.middle()
    count = min(shown, _budget(live).donors)
    known = srsim.features(images[at : at + 1])
    pictures, titles, means = [], [], []
    for choice in CHOICES:
        chosen = adaptation(live, choice, count, 0.0).donors_of(images)[at]
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


def severity(lives: Sequence[LivePair], beta: float) -> Drawn:
    """Figure 3: middle slices of a severe and a subtle pair, unadapted and adapted, with outlines.

    Under multi-source transfer the picture is the first donor's version; the outline is the vote's.
    """
    rows = {live.condition["shift"]: _columns(live, beta) for live in lives}
    words = (f"{n}: {', '.join(f'{o.title} {o.note}' for o in row)}" for n, row in rows.items())
    return outlines(list(rows.values())), f"Brain outlines on a middle slice. {'; '.join(words)}."


def _columns(live: LivePair, beta: float) -> list[Outlined]:
    scan, at = live.scan(), live.middle()
    truth = scan.need_masks()[at, 0].numpy()

    def column(title: str, image: Tensor, probabilities: Tensor) -> Outlined:
        found = (probabilities[at, 0] >= 0.5).numpy()
        score = f"surface Dice {live.score(probabilities):.2f}"
        return Outlined(image.clamp(0, 1).numpy(), truth, found, title, score)

    plain = live.segment(scan.images)
    row = [column(f"No DA ({live.condition['shift']})", scan.images[at, 0], plain)]
    for title, (choice, count) in SHOWN.items():
        predictor = adaptation(live, choice, count, beta)
        chosen = predictor.donors_of(scan.images)
        picture = predictor.adapted(scan.images[at : at + 1], chosen[at : at + 1])[0, 0]
        votes = predictor.votes(scan.images, chosen)
        row.append(column(title, picture, votes.mean(dim=1, keepdim=True)))
    return row


def widget(live: LivePair, counts: Sequence[int] = (1, 3, 7), total: int = 125_000) -> VBox:
    """Sliders for beta and the number of donors: spectrum, adapted slice, prediction, score.

    Donors are those of the 3D choice. The score is that of the whole scan, the picture a middle slice
    in the style of the first donor.
    """
    scan, at = live.scan(), live.middle()
    betas = [_budget(live).beta(one) for one in _budget(live).betas]
    counts = [n for n in counts if n <= _budget(live).donors]
    truth, level = scan.need_masks()[at, 0].numpy(), live.score(live.segment(scan.images))
    pictures, found = [], []
    for beta in betas:
        predictor = adaptation(live, "3D", max(counts), beta)
        chosen = predictor.donors_of(scan.images)
        pictures.append(predictor.adapted(scan.images[at : at + 1], chosen[at : at + 1])[0, 0])
        votes = predictor.votes(scan.images, chosen)
        found.append([votes[:, :n].mean(dim=1, keepdim=True) for n in counts])
    scores = np.array([[live.score(p) for p in row] for row in found])

    def draw(i: int, j: int) -> Drawn:
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
