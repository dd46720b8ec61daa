"""What only the chapter on ODEx shows: half tables, pools of models, and how else the rule can be read.

Until a pool grows its weights are those of sequential training, so one sequential run tells for every
reading of the paper's rule when it would have begun its second model (`readings`). Each function that
draws returns the figure and its alt text; what is drawn comes from the arguments alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from medda_lib.figures.contact_sheet import contact_sheet
from medda_lib.figures.cost_bars import cost_bars
from medda_lib.figures.embedding import METHODS, project
from medda_lib.figures.side_by_side import NOT_RUN as CELL_NOT_RUN
from medda_lib.figures.stage_distances import Pool, stage_distances
from medda_lib.figures.stage_map import stage_map
from medda_lib.figures.tables import Table, cell
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import scans
from medda_lib.methods.odex import Gram, Mahalanobis, Measure, Model, ODEx, PoolPredictor
from medda_lib.methods.odex.statistics import scan_features
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.papers import costs, stream_numbers, tables
from medda_lib.papers.inventory import kind_of
from medda_lib.papers.live_stream import LiveStream
from medda_lib.papers.odex.study import BUDGETS, PAPER, systems
from medda_lib.papers.pictures import Drawn
from medda_lib.papers.results import Results
from medda_lib.papers.stream_numbers import Spread, by_system
from medda_lib.papers.stream_scans import MM3_PER_ML, SAGITTAL, middle, overlap
from medda_lib.papers.transfer import MODELS, facts, stages, told
from medda_lib.studies.task import volumes as as_volumes
from medda_lib.tasks.hippocampus_transform import Transformed, transformed

JOINT, PLAIN, OURS = "Joint training", "Sequential", "ODEx"
EXTREMES = (PLAIN, "EWC", "MiB", OURS)
"""The systems of the paper's Figure 3, with sequential training before them."""
POOLS = (OURS, "ODEx without history", "ODEx with Gram distance")
ORDER = list(systems(Trainer()))
SCENARIOS = {
    "shifting": "Shifting source",
    "transformed": "Transformed",
    "real": "Transformed",
    "own": "Shifting source",
}
"""Our data -> the scenario of the paper that it repeats; the ordered stream is ours alone."""
SOURCES = {"Shifting source": "HarP, Dryad and Decathlon", "Transformed": "Decathlon"}
CPU = torch.device("cpu")
READINGS = {
    "as here": Measure(Mahalanobis()),
    "range from the training scans themselves": Measure(Mahalanobis(), within="training"),
    "no history": Measure(Mahalanobis(), history=False),
    "no history, range from the training scans": Measure(
        Mahalanobis(), history=False, within="training"
    ),
    "Gram distance": Measure(Gram()),
}
"""Ways to read the rule for the pool; how models are compared plays no part while there is one."""
_UNDEFINED = cell("not applicable", "r x") + cell(CELL_NOT_RUN, "x") + cell("")
_EMPTY = cell("", "r") + cell("") + cell("")


# --- the studies ---------------------------------------------------------------------------------


def printed(table: str, data: str) -> dict[str, pd.DataFrame]:
    """The half of Table 1 or 2 that our data repeat: "mean", "std" and "mark", columns Dice, BWT ...

    Raises ValueError for data that the paper has no table for.
    """
    if data not in SCENARIOS:
        raise ValueError(f"no table of the paper is about {data!r}; use one of {list(SCENARIOS)}")
    start = f"{SCENARIOS[data]}|"
    return {
        part: values.filter(regex=f"^{start[:-1]}\\|").rename(
            columns=lambda n: n.removeprefix(start)
        )
        for part, values in tables.reported_table(PAPER, table, "column").items()
    }


def beside(measured: Results, table: str, over: Spread = "stages") -> Table:
    """Table 1 (systems) or 2 (ways to find a shift) beside ours, cell by cell.

    The spread behind a mean is one over the test data of the five stages, as in the paper (a spread of
    .32 at a Dice of .57 can be nothing else), or that over repetitions. The transfers of joint training
    exist on neither side; their cells stay empty.
    """
    paper, scenario = printed(table, measured.data), SCENARIOS[measured.data]
    caption = (
        f"Table {table}, {scenario.lower()}; {SOURCES[scenario]} in the paper, where ± is taken to "
        f"be over stages; ours is over {over}. {measured.measured_on}"
    )
    shown = tables.side(paper, by_system(measured, over), caption, digits=2)
    return replace(shown, html=shown.html.replace(_UNDEFINED, _EMPTY))


def own_table(measured: Results) -> pd.DataFrame:
    """All systems that were run, every number (see `stream_numbers.own_table`)."""
    return stream_numbers.own_table(measured, ORDER)


def run_seconds(measured: Results) -> pd.DataFrame:
    """Median wall seconds of a run by system, in the order of the paper's tables."""
    return stream_numbers.in_order(costs.run_seconds(measured), ORDER)


def curves(measured: Results, systems: Sequence[str] = EXTREMES) -> Drawn:
    """Figure 3, left: Dice on each stage's test data after each stage, and the level of the bound."""
    return stream_numbers.curves(measured, systems, JOINT)


def scan_scores(measured: Results, systems: Sequence[str] = (PLAIN, "EWC", OURS, JOINT)) -> Drawn:
    """Dice of every test scan at the end of the stream, by stage."""
    return stream_numbers.scan_scores(measured, systems)


def volumes(measured: Results, stage: int = 1) -> Drawn:
    """Bland-Altman plots of the volume in a stage's test scans: just learned, and at the end."""
    return stream_numbers.volumes(measured, PLAIN, OURS, voxel_ml(measured), stage)


def voxel_ml(measured: Results) -> float:
    """Millilitres of a voxel of the scans that a study was run on."""
    budget = BUDGETS[measured.profile]
    phantoms = kind_of(PAPER, measured.data) == "phantom"
    return (budget.phantoms if phantoms else budget.real).spacing ** 3 / MM3_PER_ML


def pool_of(measured: Results, system: str, seed: int) -> Pool:
    """What an expanding method met in one repetition: distances, threshold, stages with a new model.

    Distances are normalised, (stages, models). The threshold is that of the nearest model; NaN where
    something else decides. Raises ValueError for a system that keeps no pool.
    """
    said = measured.frame[(measured.frame["system"] == system) & (measured.frame["seed"] == seed)]
    size = facts(said, MODELS)
    if size.empty:
        raise ValueError(f"{system}, seed {seed}: no pool of models in its rows")
    every = range(1, stages(measured.frame) + 1)

    def column(name: str) -> NDArray[np.float64]:
        found = facts(said, name).set_index("after")["value"].reindex(every)
        return np.asarray(found, dtype=np.float64)

    models = range(1, int(size["value"].max()) + 1)
    distances = np.stack([column(f"distance to model {k}") for k in models], axis=1)
    added = (1, *(stage for stage, new in zip(every, column("expanded"), strict=True) if new == 1))
    return Pool(distances, column("threshold"), added)


def distances(measured: Results, seed: int = 0, systems: Sequence[str] = POOLS) -> Drawn:
    """Normalised distance of each stage's scans to each model, with the threshold, in one repetition."""
    panels = {name: pool_of(measured, name, seed) for name in systems}
    words = "; ".join(
        f"{name} begins a model at stage {', '.join(map(str, pool.added))}"
        for name, pool in panels.items()
    )
    return stage_distances(panels), f"Distances stage by stage, repetition {seed}. {words}."


def expanded(studies: Mapping[str, Results]) -> pd.DataFrame:
    """Of each stream, what sequential training forgot and how often ODEx began a second model.

    Where it never did, ODEx is sequential training, bit for bit.
    """
    rows = {}
    for name, measured in studies.items():
        models = told(measured, MODELS).loc[OURS].iloc[:, -1]
        rows[name] = {
            f"BWT of {PLAIN}": own_table(measured).loc[PLAIN, "BWT"],
            "repetitions": len(models),
            "of them with a second model": int((models > 1).sum()),
            "models at the end, mean": round(float(models.mean()), 2),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def steps(kind: str) -> pd.DataFrame | None:
    """What `benchmarks/odex_steps.py` measured of "part", "beside" or "step"; None if it did not."""
    rows = costs.read(PAPER, "steps.csv")
    if rows is None:
        return None
    ratio = "times as fast" if kind == "step" else "share of a step"
    chosen = rows[rows["kind"] == kind].drop(columns="kind").set_index("what")
    return chosen.rename(columns={"ratio": ratio}).round(2)


def overhead(measured: pd.DataFrame) -> Drawn:
    """Figure 3, right: time of a stage and peak memory, as multiples of sequential training."""
    quantities: dict[str, Mapping[str, list[float]]] = {}
    words = []
    for device, rows in measured.groupby("device", sort=False):
        for what, column in (("time", "stage_s"), ("memory", "memory_mb")):
            pairs = zip(rows["system"], rows[column], strict=True)
            quantities[f"{what}, {device}"] = {str(name): [float(value)] for name, value in pairs}
        ours = rows.set_index("system").loc[OURS]
        words.append(f"{device}: time {ours['time_ratio']:.2f}, memory {ours['memory_ratio']:.2f}")
    figure: Figure = cost_bars(quantities, PLAIN)
    return figure, f"Cost of each system. {OURS} as a multiple of {PLAIN}, {'; '.join(words)}."


def altered(profile: str) -> Drawn:
    """One phantom of the decathlon's kind at each strength of the stream "transformed"."""
    (scan,) = BUDGETS[profile].phantoms.parts("decathlon", (1,))
    strengths = Transformed().strengths
    cuts, outlines = [], []
    for strength in strengths:
        found = transformed(scan, strength)
        point = middle(found.masks[0].numpy())
        cuts.append(SAGITTAL.cut(found.images[0].numpy(), point))
        outlines.append(SAGITTAL.cut(found.masks[0].numpy(), point))
    titles = [f"strength {strength:g}" for strength in strengths]
    figure = contact_sheet(np.stack(cuts), titles, len(titles), np.stack(outlines))
    return figure, (
        "Sagittal cuts of one scan, altered more and more: it loses contrast, and is scaled, turned "
        "and shifted."
    )


# --- the pool of a live run ----------------------------------------------------------------------


def features(live: LiveStream, stage: int = 1) -> tuple[NDArray[np.float64], list[int], list[str]]:
    """The vectors z of all training scans of the stream, by the system as it was after a stage.

    Returns z (n, d), the stage (n,) and the source (n,) of each scan. A pool gives its first model's.
    """
    network = _networks(live.snapshots.after[stage])[0].network
    pools = {k: live.train(k) for k in live.stages}
    parts = [scan_features(network, scans(pool)[0], CPU) for pool in pools.values()]
    names = [(k, name.split()[0]) for k, pool in pools.items() for name in pool.scans]
    return torch.cat(parts).numpy(), [k for k, _ in names], [source for _, source in names]


def feature_map(
    live: LiveStream, seed: int, methods: Sequence[str] = METHODS, stage: int = 1
) -> Drawn:
    """Batch norm features of all training scans in the plane, by the network after a stage."""
    found, every, sources = features(live, stage)
    scaled = (found - found.mean(axis=0)) / (found.std(axis=0) + 1e-12)
    figure = stage_map({m: project(scaled, m, seed) for m in methods}, every, sources)
    return figure, (
        f"{len(found)} training scans of {max(every)} stages, {found.shape[1]} features each by "
        f"{live.name} after stage {stage}, laid out by {' and '.join(methods)}; colour is the stage, "
        "the marker the source."
    )


def readings(live: LiveStream) -> pd.DataFrame:
    """Distance of each stage's scans over the threshold, for each reading of the pool's rule.

    live: sequential training, which any pool follows until it grows. Where a row first reaches 1 its
    pool would begin a second model; what follows in that row is what would be if it had not.
    """
    multiple = ODEx().threshold
    rows = {}
    for name, measure in READINGS.items():
        model: Model | None = None
        found: dict[str, object] = {}
        for k in live.stages:
            images = scans(live.train(k))[0]
            if model is not None:
                seen = measure.arrival([model], images, CPU)
                found[f"stage {k}"] = round(seen.distances[0] / (multiple * seen.mu[0]), 2)
            network = _networks(live.snapshots.after[k])[0].network
            model = measure.trained(model or Model(network), network, images, CPU)
        first = next((stage for stage, ratio in found.items() if float(str(ratio)) >= 1), "none")
        rows[name] = found | {"second model at": first}
    return pd.DataFrame(rows).T


def routes(live: LiveStream) -> pd.DataFrame:
    """Where the last pool sends the test scans of each stage, and what that is worth.

    "Dice, chosen" is that of the model which the distance picks; "best model (oracle)" that of the
    model which labels would pick, scan by scan.
    """
    pool, rows = _pool(live), {}
    for k in live.stages:
        each, chosen = _by_model(live, pool, k), _chosen(live, pool, k)
        counts = {f"to model {m + 1}": int((chosen == m).sum()) for m in range(len(each))}
        alone = {f"Dice of model {m + 1}": found.mean() for m, found in enumerate(each)}
        picked = each[chosen, np.arange(each.shape[1])]
        ends = {"Dice, chosen": picked.mean(), "best model (oracle)": each.max(axis=0).mean()}
        rows[f"stage {k}"] = counts | {name: round(v, 3) for name, v in (alone | ends).items()}
    return pd.DataFrame(rows).T


def comparisons(live: LiveStream) -> pd.DataFrame:
    """The last pool with its models compared in three ways: scans per model by stage, and mean Dice."""
    pool, rows = _pool(live), {}
    each = {k: _by_model(live, pool, k) for k in live.stages}
    for compare in ("normalised", "sum", "mean"):
        other = replace(pool, measure=replace(pool.measure, compare=compare))
        found: dict[str, object] = {}
        values = []
        for k in live.stages:
            chosen = _chosen(live, other, k)
            counts = np.bincount(chosen, minlength=len(pool.models))
            found[f"stage {k}"] = " + ".join(map(str, counts))
            values.append(each[k][chosen, np.arange(len(chosen))].mean())
        rows[compare] = found | {"Dice": round(float(np.mean(values)), 3)}
    return pd.DataFrame(rows).T


def _networks(predictor: object) -> tuple[Model, ...]:
    """The models behind a snapshot: a pool's, or the one network as a model without a history."""
    if isinstance(predictor, PoolPredictor):
        return predictor.models
    if isinstance(predictor, NetworkPredictor):
        return (Model(predictor.network),)
    raise TypeError(f"{type(predictor).__name__}: expected a network or a pool of them")


def _pool(live: LiveStream) -> PoolPredictor:
    found = live.snapshots.after[live.stages[-1]]
    if not isinstance(found, PoolPredictor):
        raise TypeError(f"{live.name} keeps no pool of models: train ODEx")
    return found


def _chosen(live: LiveStream, pool: PoolPredictor, stage: int) -> NDArray[np.int64]:
    """The place (0 ...) of the model that each test scan of a stage goes to, (n,)."""
    tests = live.tests(stage)
    slices = as_volumes(tests.images, tests.depth)[:, :, None]
    return np.array([pool.chosen(scan) - 1 for scan in slices], dtype=np.int64)


def _by_model(live: LiveStream, pool: PoolPredictor, stage: int) -> NDArray[np.float64]:
    """Dice (models, scans) of each model alone on a stage's test scans."""
    tests = live.tests(stage)
    slices = as_volumes(tests.images, tests.depth)[:, :, None]
    masks = as_volumes(tests.need_masks(), tests.depth)
    found = [
        [
            overlap((pool.of_model(m).masks(scan)[:, 0] >= 0.5).numpy(), mask.numpy())
            for scan, mask in zip(slices, masks, strict=True)
        ]
        for m in range(1, len(pool.models) + 1)
    ]
    return np.array(found)
