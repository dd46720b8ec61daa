"""The paper's figures and a few more, remade from the study's rows; what was not run says so.

Each function that draws returns the figure and its alt text, from a study's results alone. Pictures of
scans come from live runs (`inside`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medda_lib.figures.bland_altman import agreement, bland_altman
from medda_lib.figures.boxes import boxes
from medda_lib.figures.cost_bars import cost_bars
from medda_lib.figures.display import show_figure
from medda_lib.figures.labelled_scatter import labelled_scatter
from medda_lib.figures.stage_curves import stage_curves
from medda_lib.figures.stage_distances import stage_distances
from medda_lib.papers.costs import read
from medda_lib.papers.odex.results import by_scan, by_system, facts, own_table, pool_of, scores
from medda_lib.papers.odex.study import BUDGETS, PAPER
from medda_lib.papers.odex.transfer import MODELS
from medda_lib.papers.results import Results
from medda_lib.papers.scoreboard import kind_of

Drawn = tuple[Figure, str]
JOINT, PLAIN, OURS = "Joint training", "Sequential", "ODEx"
EXTREMES = (PLAIN, "EWC", "MiB", OURS)
"""The systems of the paper's Figure 3, with sequential training before them."""
POOLS = (OURS, "ODEx without history", "ODEx with Gram distance")
NOT_RUN = "Not run at this profile."
MM3_PER_ML = 1000.0


def shown(
    draw: Callable[..., Drawn],
    measured: Results | None,
    caption: str,
    name: str,
    **options: object,
) -> None:
    """Show `draw(measured, **options)`, with what it was measured on; or say that it was not run."""
    if measured is None:
        print(NOT_RUN)
        return
    figure, alt = draw(measured, **options)
    show_figure(figure, f"{caption} {measured.measured_on}", alt, name=name)


def curves(measured: Results, systems: Sequence[str] = EXTREMES) -> Drawn:
    """Figure 3, left: Dice on each stage's test data after each stage, and the level of the bound."""
    panels = {name: scores(measured, name) for name in systems}
    bound = float(scores(measured, JOINT)[-1].mean())
    words = "; ".join(
        f"{name}: first stage's data {found[0, 0]:.2f} when learned, {found[-1, 0]:.2f} at the end"
        for name, found in panels.items()
    )
    columns = 2 if len(panels) == 4 else 3  # four look best as a square
    figure = stage_curves(panels, "Dice", bound, columns)
    return figure, f"Dice by stage. {words}. Joint training, mean {bound:.2f}."


def balance(measured: Results) -> Drawn:
    """What systems keep (BWT) against what they learn (FWT): rigid ones lie at the lower right."""
    mean = by_system(measured.frame)[0].dropna(subset=["BWT", "FWT"])
    names: dict[int, str] = {}
    for i, (system, row) in enumerate(mean.iterrows()):
        # Systems that walked one way are one point: its label is the first one's.
        same = [k for k in names if np.allclose(row[["BWT", "FWT"]], mean.iloc[k][["BWT", "FWT"]])]
        if same:
            names[same[0]] += " *"
        else:
            names[i] = str(system)
    words = "; ".join(f"{s} {r['BWT']:.2f}, {r['FWT']:.2f}" for s, r in mean.iterrows())
    figure = labelled_scatter(
        mean["BWT"], mean["FWT"], "BWT (below 0: forgotten)", "FWT (near 0: too rigid)", names
    )
    return figure, f"Backward and forward transfer of each system: {words}."


def distances(measured: Results, seed: int = 0, systems: Sequence[str] = POOLS) -> Drawn:
    """Normalised distance of each stage's scans to each model, with the threshold, in one repetition."""
    panels = {name: pool_of(measured, name, seed) for name in systems}
    words = "; ".join(
        f"{name} begins a model at stage {', '.join(map(str, pool.added))}"
        for name, pool in panels.items()
    )
    return stage_distances(panels), f"Distances stage by stage, repetition {seed}. {words}."


def scan_scores(measured: Results, systems: Sequence[str] = (PLAIN, "EWC", OURS, JOINT)) -> Drawn:
    """Dice of every test scan at the end of the stream, by stage."""
    last = _stages(measured)
    groups = {
        f"stage {k}": {s: by_scan(measured, s, last, k, "dice").ravel() for s in systems}
        for k in range(1, last + 1)
    }
    words = "; ".join(
        f"{name} {', '.join(f'{s} {np.median(v):.2f}' for s, v in found.items())}"
        for name, found in groups.items()
    )
    return boxes(groups), f"Dice of each test scan at the end. Medians: {words}."


def volumes(measured: Results, stage: int = 1) -> Drawn:
    """Bland-Altman plots of the volume in a stage's test scans: just learned, and at the end."""
    last = _stages(measured)
    moments = {
        f"{PLAIN}, after stage {stage}": (PLAIN, stage),
        f"{PLAIN}, after stage {last}": (PLAIN, last),
        f"{OURS}, after stage {last}": (OURS, last),
    }
    panels = {title: millilitres(measured, *where, stage) for title, where in moments.items()}
    words = []
    for title, pair in panels.items():
        found = agreement(*pair)
        words.append(
            f"{title}: bias {found.bias:+.2f} ml, limits {found.lower:+.2f} to {found.upper:+.2f} ml"
        )
    return bland_altman(panels, "ml"), f"Predicted against true volume. {'; '.join(words)}."


def millilitres(
    measured: Results, system: str, after: int, stage: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """True and predicted volumes (repetitions * scans,) of a stage's test scans in ml."""
    budget = BUDGETS[measured.profile]
    data = budget.phantoms if kind_of(PAPER, measured.data) == "phantom" else budget.real
    voxel = data.spacing**3 / MM3_PER_ML
    truth, found = (
        by_scan(measured, system, after, stage, f"pixels_{which}").ravel() * voxel
        for which in ("true", "predicted")
    )
    return truth, found


def expanded(studies: Mapping[str, Results]) -> pd.DataFrame:
    """Of each stream, what sequential training forgot and how often ODEx began a second model.

    Where it never did, ODEx is sequential training, bit for bit.
    """
    rows = {}
    for name, measured in studies.items():
        plain = own_table(measured).loc[PLAIN]
        models = facts(measured, MODELS).loc[OURS].iloc[:, -1]
        rows[name] = {
            f"BWT of {PLAIN}": plain["BWT"],
            "repetitions": len(models),
            "of them with a second model": int((models > 1).sum()),
            "models at the end, mean": round(float(models.mean()), 2),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def overhead() -> pd.DataFrame | None:
    """What `benchmarks/odex_overhead.py` measured, a row per system and device; None if it did not."""
    return read(PAPER, "overhead.csv")


def steps(kind: str) -> pd.DataFrame | None:
    """What `benchmarks/odex_steps.py` measured of "part", "beside" or "step"; None if it did not."""
    rows = read(PAPER, "steps.csv")
    if rows is None:
        return None
    ratio = "times as fast" if kind == "step" else "share of a step"
    chosen = rows[rows["kind"] == kind].drop(columns="kind").set_index("what")
    return chosen.rename(columns={"ratio": ratio}).round(2)


def costs(measured: pd.DataFrame) -> Drawn:
    """Figure 3, right: time of a stage and peak memory, as multiples of sequential training."""
    quantities: dict[str, Mapping[str, list[float]]] = {}
    words = []
    for device, rows in measured.groupby("device", sort=False):
        for what, column in (("time", "stage_s"), ("memory", "memory_mb")):
            quantities[f"{what}, {device}"] = {
                str(system): [float(value)]
                for system, value in zip(rows["system"], rows[column], strict=True)
            }
        ours = rows.set_index("system").loc[OURS]
        words.append(f"{device}: time {ours['time_ratio']:.2f}, memory {ours['memory_ratio']:.2f}")
    figure = cost_bars(quantities, PLAIN)
    return figure, f"Cost of each system. {OURS} as a multiple of {PLAIN}, {'; '.join(words)}."


def recipes() -> pd.DataFrame:
    """How a network is trained at each profile, setting by setting."""
    found = {name: dataclasses.asdict(budget.trainer) for name, budget in BUDGETS.items()}
    rows = {name: {key: str(value) for key, value in all_.items()} for name, all_ in found.items()}
    return pd.DataFrame(rows)


def _stages(measured: Results) -> int:
    return len(scores(measured, PLAIN))
