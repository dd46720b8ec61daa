"""The ledger: finished runs as one tidy frame, and the summary of it that is committed.

A committed summary is a CSV of values, the same text whenever the same runs are committed, and beside
it a JSON with everything that varies or explains: seconds, dates, and for each run the identity of its
specification, the files that it read and its origin (commit, versions, hardware, hashes of the code).
Whether a summary still holds is decided by identities and fingerprints (`committed`, `fingerprint`);
the hashes of the code only tell where a number comes from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.content import settled
from medda_lib.studies.finished import Finished
from medda_lib.studies.identity import canonical_json
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.store import RunStore

FIRST = ("paper", "profile", "data")
LAST = ("evaluation", "domain", "problem", "metric", "value")
STORE = "run store"
ORIGIN = ("versions", "hardware", "device", "threads")
"""What a run's origin says besides the hashes of the modules."""


def frame(
    store: RunStore, specs: Iterable[RunSpec], committed: Finished | None = None
) -> pd.DataFrame:
    """Rows of all finished runs, in the order of `specs`; runs that are missing give no rows.

    committed: where runs count as finished that the store does not have. Columns: paper, profile, data,
    the condition's columns, seed, evaluation, domain, problem, metric, value (float), seconds (of the
    whole run) and key.
    """
    specs = list(specs)
    columns = dict.fromkeys(name for spec in specs for name, _ in spec.condition)
    rows: list[dict[str, Any]] = []
    with settled():
        for spec in specs:
            found = _finished(store, spec, committed)
            if found is None:
                continue
            measured, tail = found
            head = {"paper": spec.paper, "profile": spec.profile, "data": spec.data}
            start = head | dict.fromkeys(columns, "-") | dict(spec.condition) | {"seed": spec.seed}
            rows += [start | {name: row[name] for name in LAST} | tail for row in measured]
    names = [*FIRST, *columns, "seed", *LAST, "seconds", "key"]
    table = pd.DataFrame(rows, columns=names)
    table.attrs[STORE] = str(store.root)
    return table


def stored(store: RunStore, spec: RunSpec) -> str | None:
    """The key of a run that the store has; None when it has not, or the run's data are not here."""
    try:
        key = spec.key
    except DatasetError:
        return None
    return key if store.has(key) else None


def origin(table: pd.DataFrame) -> str:
    """The run store that `frame` read; `ValueError` when the table does not say."""
    if STORE not in table.attrs:
        raise ValueError("these rows do not say which run store they come from; pass store=")
    return str(table.attrs[STORE])


def commit(table: pd.DataFrame, folder: Path, store: RunStore | str | Path | None = None) -> Path:
    """Write ``<profile>-<data>.csv`` and ``.json`` into `folder` (one paper's); the CSV's path.

    Rows of runs that the store does not have must be those of the ledger that is replaced. The CSV holds
    no time and no date: equal runs give equal bytes. Values have 6 significant digits.
    """
    kinds = table[["profile", "data"]].drop_duplicates()
    if len(kinds) != 1:
        raise ValueError(f"commit: expected rows of one profile and one data, got {len(kinds)}")
    store = RunStore(store.root if isinstance(store, RunStore) else store or origin(table))
    file = Path(folder) / f"{kinds['profile'].iloc[0]}-{kinds['data'].iloc[0]}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    summary = _summary(table, store, file.with_suffix(".json"))
    values = table.drop(columns=["seconds", "key"])
    values = values.sort_values([c for c in values.columns if c != "value"], kind="stable")
    written = values.assign(value=[f"{value:.6g}" for value in values["value"]])
    file.write_text(written.to_csv(index=False, lineterminator="\n"), encoding="utf-8")
    file.with_suffix(".json").write_text(summary, encoding="utf-8")
    return file


def read(folder: Path, profile: str, data: str) -> pd.DataFrame:
    """The committed rows with the columns of `frame`; `FileNotFoundError` names the file."""
    file = Path(folder) / f"{profile}-{data}.csv"
    texts = pd.read_csv(file, dtype=str, keep_default_na=False)
    runs = provenance(folder, profile, data)["runs"]
    conditions = [c for c in texts.columns if c not in {*FIRST, *LAST, "seed"}]
    by_place = {(*(run["condition"][c] for c in conditions), run["seed"]): run for run in runs}
    seeds = texts["seed"].astype(int)
    places = zip(*(texts[c] for c in conditions), seeds, strict=True)
    found = [by_place[place] for place in places]
    return texts.assign(
        seed=seeds,
        value=texts["value"].astype(float),
        seconds=[float(run["seconds"]) for run in found],
        key=[run["key"] for run in found],
    )


def provenance(folder: Path, profile: str, data: str) -> dict[str, Any]:
    """What stands in the JSON beside the CSV: commits, versions, hardware, origins, runs."""
    file = Path(folder) / f"{profile}-{data}.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def place(condition: Iterable[tuple[str, str]], seed: int) -> str:
    """One text for a table row and a repetition; a column that a run does not have reads "-"."""
    return canonical_json([sorted(list(c) for c in condition if c[1] != "-"), seed])


def _finished(
    store: RunStore, spec: RunSpec, committed: Finished | None
) -> tuple[list[dict[str, Any]], dict[str, Any]] | None:
    """Rows of a run, and its seconds and key; None when it is nowhere finished."""
    if key := stored(store, spec):
        run = store.read(key, images=False)
        return run.rows, {"seconds": run.provenance["seconds"], "key": key}
    if committed is not None and committed.has(spec):
        line = committed.runs[spec.identity]
        return committed.rows(spec), {"seconds": float(line["seconds"]), "key": line["key"]}
    return None


def _summary(table: pd.DataFrame, store: RunStore, before: Path) -> str:
    """The JSON beside the CSV: what runs share once, then one line per run.

    before: the summary that is replaced, where lines of runs stand that the store does not have.
    """
    known = json.loads(before.read_text("utf-8")) if before.is_file() else {"runs": []}
    lines = {run["key"]: run for run in known["runs"]}
    conditions = [c for c in table.columns if c not in {*FIRST, *LAST, "seed", "seconds", "key"}]
    places = (
        table[[*conditions, "seed", "key"]].drop_duplicates().sort_values([*conditions, "seed"])
    )
    origins: dict[str, dict[str, Any]] = {}
    runs, dates = [], []
    for at in places.to_dict("records"):
        if store.has(at["key"]):
            made = store.read(at["key"], images=False).provenance
            facts = {n: made[n] for n in ("key", "identity", "seconds", "commit")}
            source = {"modules": made["code"]} | {name: made[name] for name in ORIGIN}
            content = made.get("content", {})
            dates.append(made["date"])
        elif at["key"] in lines:
            line = lines[at["key"]]
            facts = {n: line[n] for n in ("key", "identity", "seconds", "commit")}
            source, content = known["origins"][line["origin"]], line.get("content", {})
            dates += [known["first"], known["last"]]
        else:
            raise ValueError(
                f"commit: the run {at['key']} is neither in {store.root} nor committed"
            )
        name = _digest(source)
        origins[name] = source
        run = {"condition": {c: at[c] for c in conditions}, "seed": int(at["seed"]), **facts}
        runs.append({**run, "origin": name} | ({"content": content} if content else {}))
    shared = {name: _one(source[name] for source in origins.values()) for name in ORIGIN}
    told = {
        "commit": _one(run["commit"] for run in runs),
        **shared,
        "seconds": round(sum(run["seconds"] for run in runs), 1),
        "first": min(dates),
        "last": max(dates),
        "origins": origins,
    }
    return spelled(told | {"runs": runs})


def spelled(known: Mapping[str, Any]) -> str:
    """A summary as JSON: indented, but one line per run."""
    lines = ",\n".join("  " + json.dumps(run) for run in known["runs"])
    head = json.dumps({name: value for name, value in known.items() if name != "runs"}, indent=1)
    return head.removesuffix("\n}") + f',\n "runs": [\n{lines}\n ]\n}}\n'


def _digest(source: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(source).encode()).hexdigest()[:12]


def _one(values: Iterable[Any]) -> Any:
    """The common value of all runs, or the list of those that occur."""
    distinct = {canonical_json(value): value for value in values}
    found = [distinct[name] for name in sorted(distinct)]
    return found[0] if len(found) == 1 else found
