"""Pictures of the studies: the matrices, the curves over beta, boxes, volumes, and the dial.

Each function returns the figure and its alt text. What is drawn comes from the arguments alone; the
drawing itself is done by `medda_lib.figures`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from medda_lib.figures.accuracy_curves import accuracy_curves
from medda_lib.figures.bland_altman import agreement
from medda_lib.figures.bland_altman import bland_altman as draw_bland_altman
from medda_lib.figures.boxes import boxes as draw_boxes
from medda_lib.figures.shift_matrix import shift_matrices
from medda_lib.figures.tuning import Panel, tuning
from medda_lib.papers.fda.pairs import Pair, declines, pairs_of, paper_matrix
from medda_lib.papers.fda.results import by_scan, matrix, picks
from medda_lib.papers.fda.rules import METRIC, RULES, curves
from medda_lib.papers.fda.study import BUDGETS, SITES
from medda_lib.papers.results import Results

Drawn = tuple[Figure, str]
FIELD = 192.0
"""Millimetres across a slice of a phantom."""
BEST = "FDA + MST + SR-SIM 3D"
SHOWN = ("FDA", "FDA + MST", BEST)
AVERAGED = "averaged"


def matrices(measured: Results) -> Drawn:
    """Table 1 as two pictures: the paper's matrix and ours, trained on the row."""
    ours = matrix(measured).T
    order = [site for site in SITES if site in ours.index]
    ours = ours.loc[order, order]
    paper = paper_matrix().T.loc[ours.index, ours.columns]
    panels = {"paper: CC359": paper.to_numpy(), "here: phantoms": ours.to_numpy()}
    figure = shift_matrices(
        panels, list(ours.index), list(ours.columns), "surface Dice at 1 mm", limits=(0.0, 1.0)
    )
    words = []
    for name, found in (("paper", paper.T), ("here", ours.T)):
        worst = declines(found).iloc[0]
        home = np.diag(found.to_numpy()).mean()
        words.append(
            f"{name}: mean at home {home:.2f}, worst {worst['source']} to {worst['target']} "
            f"{worst['score']:.2f}"
        )
    return figure, f"Two matrices of surface Dice without adaptation. {'; '.join(words)}."


def pair_table(measured: Results) -> pd.DataFrame:
    """The pairs that the rule picks, the paper's beside ours, with scores at home and away."""
    tables = {"paper": (paper_matrix(), pairs_of("own")), "here": (matrix(measured), None)}
    rows: dict[str, dict[str, object]] = {}
    for who, (found, known) in tables.items():
        for name, pair in (known or pairs_of("phantom")).items():
            row = rows.setdefault(name, {})
            row[f"{who}: pair"] = str(pair)
            held = pair.source in found.columns and pair.target in found.index
            row[f"{who}: home"] = found.loc[pair.source, pair.source] if held else np.nan
            row[f"{who}: away"] = found.loc[pair.target, pair.source] if held else np.nan
    return pd.DataFrame(rows).T.infer_objects().round(2)


def beta_curves(measured: Results, evaluation: str = "cross-domain") -> Drawn:
    """Surface Dice against beta for each pair, with the betas that both rules picked (3D)."""
    found = curves(measured.frame, evaluation)
    betas = sorted(found["beta"].unique())
    means = found.groupby(["pair", "system", "beta"])["value"].mean()
    picked = {rule.name: picks(measured, BEST, rule.name) for rule in RULES}
    panels, words = {}, []
    for name, pair in _run(measured).items():
        lines = {s: means.loc[name, s].reindex(betas).to_numpy() for s in SHOWN}
        plain = _unadapted(measured, pair)
        marks = {rule: float(chosen[name]) for rule, chosen in picked.items()}
        panels[f"{name}: {pair}"] = Panel(lines, plain, marks)
        words.append(
            f"{name}: unadapted {plain:.2f}, {BEST} {lines[BEST].min():.2f} to "
            f"{lines[BEST].max():.2f}"
        )
    figure = tuning(betas, panels, x_label="beta", y_label="surface Dice", level="No DA")
    return figure, f"Surface Dice against the size of the window, {'; '.join(words)}."


def boxes(measured: Results) -> Drawn:
    """Surface Dice of every test scan, by pair and system, beta averaged."""
    picked = {system: picks(measured, system, AVERAGED) for system in SHOWN}
    groups: dict[str, dict[str, np.ndarray]] = {}
    for name, pair in _run(measured).items():
        scores = {"No DA": by_scan(measured, "No DA", "-", pair, METRIC).ravel()}
        for system in SHOWN:
            beta = picked[system][name]
            scores[system] = by_scan(measured, system, beta, pair, METRIC).ravel()
        groups[name] = scores
    medians = "; ".join(
        f"{g}: " + ", ".join(f"{s} {np.median(v):.2f}" for s, v in scores.items())
        for g, scores in groups.items()
    )
    figure = draw_boxes(groups, "surface Dice at 1 mm")
    return figure, f"Box plots of surface Dice per scan. Medians {medians}."


def volumes(measured: Results, names: tuple[str, ...]) -> Drawn:
    """Bland-Altman plots of brain volume in millilitres, unadapted and adapted, for some pairs."""
    known = _run(measured)
    panels, words = {}, []
    for name in names:
        for system in ("No DA", BEST):
            beta = "-" if system == "No DA" else picks(measured, BEST, AVERAGED)[name]
            true, predicted = (
                by_scan(measured, system, beta, known[name], f"pixels_{which}").ravel()
                * voxel_ml(measured.profile)
                for which in ("true", "predicted")
            )
            panels[f"{name}, {system.removeprefix('FDA + MST + ')}"] = (true, predicted)
            found = agreement(true, predicted)
            words.append(f"{name}, {system}: bias {found.bias:.0f} ml, sd {found.deviation:.0f} ml")
    figure = draw_bland_altman(panels, "ml", columns=2)
    return figure, f"Bland-Altman plots of brain volume. {'; '.join(words)}."


def voxel_ml(profile: str) -> float:
    """Millilitres of a voxel of the phantoms of a profile."""
    phantoms = BUDGETS[profile].phantoms
    return 1.5 * phantoms.step * (FIELD / phantoms.size) ** 2 / 1000


def dial(measured: Results) -> Drawn:
    """Surface Dice along the dial between two scanners, unadapted and adapted."""
    rows = measured.frame[measured.frame["metric"] == METRIC]
    named = rows.assign(strength=rows["domain"].str.partition("@")[2].astype(float))
    wide = named.pivot_table(index="strength", columns=["system", "seed"], values="value")
    lines = {str(s): wide[s].to_numpy() for s in wide.columns.unique("system")}
    figure = accuracy_curves(wide.index.tolist(), lines, "strength of the shift", "surface Dice")
    words = "; ".join(f"{k}: {v.mean(axis=1).round(2).tolist()}" for k, v in lines.items())
    return figure, f"Surface Dice at strengths {wide.index.tolist()}: {words}."


def _run(measured: Results) -> dict[str, Pair]:
    """The pairs of the study, in order."""
    return BUDGETS[measured.profile].chosen(measured.data)


def _unadapted(measured: Results, pair: Pair) -> float:
    frame = measured.frame
    chosen = frame[
        (frame["system"] == "No DA")
        & (frame["source"] == pair.source)
        & (frame["domain"] == pair.target)
        & (frame["metric"] == METRIC)
    ]
    return float(chosen["value"].mean())
