"""Confirming committed results after the code behind them moved on.

A run's key hashes the code that the run uses, so any edit of that code calls its results into question,
also one that changes no number: a new argument with its old value as the default, a helper that moved.
Repeating all runs would settle it, at the price of hours. Since runs are deterministic, a sample settles
it nearly as well: the sampled runs are repeated with the present code, and only if each value equals the
committed one, digit for digit, the summary notes which code confirmed it, when, and by how many runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from medda_lib.studies import ledger
from medda_lib.studies.method import Run
from medda_lib.studies.progress import Progress
from medda_lib.studies.provenance import commit
from medda_lib.studies.run import built
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.stream_trial import stream_trial


class ConfirmError(RuntimeError):
    """A repeated run gave other values than the committed ones, or there is nothing to confirm."""


@dataclass(frozen=True)
class Confirmation:
    """Which runs were repeated with equal values, of how many."""

    repeated: tuple[str, ...]
    total: int


def confirm(
    folder: Path, profile: str, data: str, specs: Sequence[RunSpec], runs: int, threads: int = 1
) -> Confirmation:
    """Repeat `runs` of the committed runs of a study and note in the summary that they agree.

    The sample is spread evenly over the study; systems stand on different code, so it grows until each
    set of modules has a run in it. Runs that are confirmed already are left out, unless all are.
    Raises `ConfirmError` naming the first value that differs; the summary is then left as it was.
    """
    known = ledger.provenance(folder, profile, data)
    committed = {run["identity"]: run for run in known["runs"]}
    present = [spec for spec in specs if spec.identity in committed]
    if not present or runs < 1:
        raise ConfirmError(f"no run of {profile} on {data} is both committed and in the study")
    waiting = [s for s in present if not ledger.is_confirmed(s, committed[s.identity], known)]
    closures = {spec: committed[spec.identity]["closure"] for spec in waiting or present}
    chosen = sample(closures, runs)
    frame = ledger.read(folder, profile, data)
    bar = Progress("confirm", len(chosen), True)
    for spec in chosen:
        _repeat(spec, frame, threads)
        bar.step()
    bar.close()
    _note(folder / f"{profile}-{data}.json", known, chosen, committed)
    return Confirmation(tuple(spec.label for spec in chosen), len(present))


def sample(closures: Mapping[RunSpec, str], wanted: int) -> list[RunSpec]:
    """`spread` over the specs, and the first of each closure that has none in it yet."""
    chosen = spread(list(closures), wanted)
    for spec, closure in closures.items():
        if closure not in {closures[one] for one in chosen}:
            chosen.append(spec)
    return chosen


def spread(specs: Sequence[RunSpec], wanted: int) -> list[RunSpec]:
    """`wanted` specs at even distances, the first and the last among them."""
    if wanted >= len(specs):
        return list(specs)
    if wanted == 1:
        return [specs[0]]
    return [specs[round(i * (len(specs) - 1) / (wanted - 1))] for i in range(wanted)]


def _repeat(spec: RunSpec, frame: pd.DataFrame, threads: int) -> None:
    """Do one run again and compare its values with the committed ones, as they are written."""
    task = built(spec.task, spec.seed)
    run = Run(spec.random_seed, repetition=spec.seed)
    rows, _ = stream_trial(spec.method, spec.task, task, run, threads)
    own = frame[frame["seed"] == spec.seed]
    for name, value in spec.condition:
        own = own[own[name] == value]
    place = ["evaluation", "domain", "problem", "metric"]
    before = {tuple(row[c] for c in place): row["value"] for row in own.to_dict("records")}
    after = {tuple(row[c] for c in place): float(f"{row['value']:.6g}") for row in rows}
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            raise ConfirmError(
                f"{spec.label}, {'/'.join(key)}: committed {before.get(key)}, now {after.get(key)}; "
                "the code changed the numbers (or this is another kind of machine): run the study again"
            )


def _note(
    file: Path, known: dict[str, Any], chosen: Sequence[RunSpec], committed: dict[str, Any]
) -> None:
    """Add the confirmation to the summary; a newer one of the same code takes its place."""
    codes = {
        committed[spec.identity]["closure"]: ledger.code_digest(spec.closure()) for spec in chosen
    }
    entry = {
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "repeated": [spec.label for spec in chosen],
        "code": codes,
    }
    others = [one for one in known.get("confirmed", []) if one["code"] != codes]
    ledger.write_summary(file, known | {"confirmed": [*others, entry]})
