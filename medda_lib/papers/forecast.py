"""What a study would cost, before anything is run: runs, steps, seconds, memory, and what is done.

Seconds are those that committed ledgers of the paper took: of the same condition where it was run, else
of the same system, scaled by the steps of training where they differ. Larger images, networks and
batches take longer than that, and another machine takes another time; a system that was never run has
no seconds. Memory is what a benchmark measured of the systems at `demo`, if one did.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from medda_lib import _paths
from medda_lib.datasets.card import DatasetError
from medda_lib.methods.training import Recipe
from medda_lib.papers import costs
from medda_lib.papers.catalogue import study_module
from medda_lib.papers.standing import finished, system_of
from medda_lib.studies import ledger
from medda_lib.studies.committed import Committed
from medda_lib.studies.identity import own_fields, parts
from medda_lib.studies.run import Study
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.store import RunStore


@dataclass(frozen=True)
class Spent:
    """A committed run: what it was of, its steps of training and its seconds."""

    ledger: str
    system: str
    condition: tuple[tuple[str, str], ...]
    steps: int
    seconds: float


def forecast(
    study: Study, store: RunStore, results: Path | None = None, again: bool = False
) -> pd.DataFrame:
    """One row per system, in the study's order. again: committed runs do not count as finished.

    Columns: system; runs; committed and stored, how many of them are finished there (committed ones as
    long as the code does what it did, which nothing is run for here); left; steps, of one run; seconds,
    of those left, one after another (NaN: unknown); by, the ledgers that tell; memory_mb, of a run at
    `demo` (NaN: unknown). attrs["absent"]: why nobody can tell what is stored, "" where one can.
    """
    first = study.specs[0]
    known = list(spent(first.paper, results or _paths.RESULTS))
    committed = None if again else finished(first.paper, first.profile, first.data, {}, results)
    memory = _memory(first.paper)
    rows: dict[str, dict[str, object]] = {}
    waiting, absent = _waiting(study, store, committed)
    for system, specs in _by_system(study.specs).items():
        told = [spec for spec in specs if committed is not None and committed.has(spec)]
        left = [spec for spec in specs if spec.identity in waiting]
        guesses = [guess(spec, known) for spec in left]
        rows[system] = {
            "runs": len(specs),
            "committed": len(told),
            "stored": len(specs) - len(told) - len(left),
            "left": len(left),
            "steps": max(map(steps, specs)),
            "seconds": sum(seconds for seconds, _ in guesses),
            "by": ", ".join(dict.fromkeys(by for _, by in guesses if by)),
            "memory_mb": memory.get(system, float("nan")),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("system").reset_index()
    table.attrs["absent"] = absent
    return table


def steps(spec: RunSpec) -> int:
    """Steps of training that a run's settings name; along a stream those of each stage.

    A source network's are counted with every system that adapts it, though they share the training.
    """
    held = parts(spec.method, own_fields)
    return sum(part.steps for part in held if isinstance(part, Recipe))


def guess(spec: RunSpec, known: list[Spent]) -> tuple[float, str]:
    """Seconds of a run and the ledgers that tell; (NaN, "") for a system that was never run."""
    mine = [run for run in known if run.system == system_of(spec)]
    here = [run for run in mine if run.ledger == f"{spec.profile}-{spec.data}"]
    same = [run for run in here if run.condition == spec.condition]
    chosen = same or here or mine
    if not chosen:
        return float("nan"), ""
    share = statistics.median(run.seconds / max(run.steps, 1) for run in chosen)
    return share * steps(spec), ", ".join(dict.fromkeys(run.ledger for run in chosen))


def spent(paper: str, results: Path) -> Iterator[Spent]:
    """Every committed run of the present studies of a paper."""
    for file in sorted((results / paper).glob("*-*.csv")):
        profile, _, data = file.stem.partition("-")
        runs = ledger.provenance(file.parent, profile, data)["runs"]
        seconds = {run["identity"]: float(run["seconds"]) for run in runs}
        for spec in _specs(paper, profile, data):
            if spec.identity in seconds:
                found = seconds[spec.identity]
                yield Spent(file.stem, system_of(spec), spec.condition, steps(spec), found)


@cache
def _specs(paper: str, profile: str, data: str) -> tuple[RunSpec, ...]:
    """The runs of a committed ledger's study today; none where the study no longer has such."""
    try:
        return study_module(paper).study(profile, data).specs
    except ValueError:
        return ()


def _by_system(specs: tuple[RunSpec, ...]) -> dict[str, list[RunSpec]]:
    found: dict[str, list[RunSpec]] = {}
    for spec in specs:
        found.setdefault(system_of(spec), []).append(spec)
    return found


def _waiting(study: Study, store: RunStore, committed: Committed | None) -> tuple[set[str], str]:
    """Identities of the runs that are not finished; all that are not committed without their data."""
    try:
        return {spec.identity for spec in study.missing(store, committed).values()}, ""
    except DatasetError as error:
        waiting = (s for s in study.specs if committed is None or not committed.has(s))
        return {spec.identity for spec in waiting}, str(error)


def _memory(paper: str) -> dict[str, float]:
    """Megabytes of a run by system, where a benchmark measured them."""
    table = costs.read(paper, "overhead.csv")
    if table is None or not {"system", "memory_mb"} <= set(table.columns):
        return {}
    most = table.groupby("system")["memory_mb"].max()
    return {str(name): float(value) for name, value in most.items()}
