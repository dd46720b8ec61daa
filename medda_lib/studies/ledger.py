"""The ledger: finished runs as one tidy frame, and the summary of it that is committed.

A committed summary is a CSV of values, the same text whenever the same runs are committed, and beside
it a JSON with everything that varies or explains: commit, versions, hardware, seconds, date, and for
each run the key it had and the hashes of the code behind it. `stale` compares those with the present
specifications and says in words what has moved on since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from medda_lib.studies.spec import RunSpec, canonical_json, versions
from medda_lib.studies.store import RunStore

FIRST = ("paper", "profile", "data")
LAST = ("evaluation", "domain", "problem", "metric", "value")
STORE = "run store"


def frame(store: RunStore, specs: Iterable[RunSpec]) -> pd.DataFrame:
    """Rows of all finished runs, in the order of `specs`; runs that are missing give no rows.

    Columns: paper, profile, data, the condition's columns, seed, evaluation, domain, problem, metric,
    value (float), seconds (of the whole run) and key.
    """
    specs = list(specs)
    columns = dict.fromkeys(name for spec in specs for name, _ in spec.condition)
    rows: list[dict[str, Any]] = []
    for spec in specs:
        key = spec.key
        if not store.has(key):
            continue
        run = store.read(key, images=False)
        head = {"paper": spec.paper, "profile": spec.profile, "data": spec.data}
        tail = {"seconds": run.provenance["seconds"], "key": key}
        start = head | dict.fromkeys(columns, "-") | dict(spec.condition) | {"seed": spec.seed}
        rows += [start | {name: row[name] for name in LAST} | tail for row in run.rows]
    names = [*FIRST, *columns, "seed", *LAST, "seconds", "key"]
    table = pd.DataFrame(rows, columns=names)
    table.attrs[STORE] = str(store.root)
    return table


def origin(table: pd.DataFrame) -> str:
    """The run store that `frame` read; `ValueError` when the table does not say."""
    if STORE not in table.attrs:
        raise ValueError("these rows do not say which run store they come from; pass store=")
    return str(table.attrs[STORE])


def commit(table: pd.DataFrame, folder: Path, store: RunStore | str | Path | None = None) -> Path:
    """Write ``<profile>-<data>.csv`` and ``.json`` into `folder` (one paper's); the CSV's path.

    The CSV holds no time and no date: equal runs give equal bytes. Values have 6 significant digits.
    """
    kinds = table[["profile", "data"]].drop_duplicates()
    if len(kinds) != 1:
        raise ValueError(f"commit: expected rows of one profile and one data, got {len(kinds)}")
    store = RunStore(store.root if isinstance(store, RunStore) else store or origin(table))
    file = Path(folder) / f"{kinds['profile'].iloc[0]}-{kinds['data'].iloc[0]}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    values = table.drop(columns=["seconds", "key"])
    values = values.sort_values([c for c in values.columns if c != "value"], kind="stable")
    written = values.assign(value=[f"{value:.6g}" for value in values["value"]])
    file.write_text(written.to_csv(index=False, lineterminator="\n"), encoding="utf-8")
    file.with_suffix(".json").write_text(_summary(table, store), encoding="utf-8")
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
    """What stands in the JSON beside the CSV: commit, versions, hardware, runs, code."""
    file = Path(folder) / f"{profile}-{data}.json"
    loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return loaded


def stale(folder: Path, profile: str, data: str, specs: Iterable[RunSpec]) -> list[str]:
    """Why the committed rows are not those of the present study; empty when they are."""
    try:
        known = provenance(folder, profile, data)
    except FileNotFoundError:
        return [f"nothing is committed for {profile} on {data}"]
    specs = [s for s in specs if (s.profile, s.data) == (profile, data)]
    runs = {_place(run["condition"], run["seed"]): run for run in known["runs"]}
    reasons: dict[str, list[str]] = {}
    for spec in specs:
        run = runs.pop(_place(dict(spec.condition), spec.seed), None)
        for reason in _differences(spec, run, known):
            reasons.setdefault(reason, []).append(spec.label)
    for run in runs.values():
        reasons.setdefault("no longer in the study", []).append(_label(run))
    return [f"{reason}: {_few(labels)}" for reason, labels in reasons.items()]


def _differences(spec: RunSpec, run: dict[str, Any] | None, known: dict[str, Any]) -> list[str]:
    """What separates a committed run from the present specification."""
    if run is None:
        return ["not run"]
    if run["key"] == spec.key:
        return []
    if run["identity"] != spec.identity:
        return ["the specification changed"]
    made_with = known["closures"][run["closure"]]
    old, new = made_with["modules"], spec.closure()
    if is_confirmed(spec, run, known):
        old = new
    moved = sorted(m for m in {*old, *new} if old.get(m) != new.get(m))
    then, now = made_with["versions"], versions()
    newer = [
        f"{name} {then.get(name)} -> {now[name]}" for name in now if then.get(name) != now[name]
    ]
    reasons = [f"code moved on ({', '.join(moved)})"] if moved else []
    return reasons + ([f"versions differ ({', '.join(newer)})"] if newer else [])


def is_confirmed(spec: RunSpec, run: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """Whether runs made with the same code as a committed one gave equal values with the present code.

    run: its line in `known`, which is a study's `provenance`.
    """
    now = code_digest(spec.closure())
    return any(one["code"].get(run["closure"]) == now for one in known.get("confirmed", []))


def _summary(table: pd.DataFrame, store: RunStore) -> str:
    """The JSON beside the CSV: what all runs share once, then one line per run."""
    conditions = [c for c in table.columns if c not in {*FIRST, *LAST, "seed", "seconds", "key"}]
    places = (
        table[[*conditions, "seed", "key"]].drop_duplicates().sort_values([*conditions, "seed"])
    )
    closures: dict[str, dict[str, dict[str, str]]] = {}
    runs, origins = [], []
    for place in places.to_dict("records"):
        known = store.read(place["key"], images=False).provenance
        made_with = {"modules": known["code"], "versions": known["versions"]}
        name = hashlib.sha256(canonical_json(made_with).encode()).hexdigest()[:12]
        closures[name] = made_with
        origins.append(known)
        run = {"condition": {c: place[c] for c in conditions}, "seed": int(place["seed"])}
        facts = {n: known[n] for n in ("key", "identity", "seconds", "commit")}
        runs.append({**run, **facts, "closure": name})
    shared = _shared(origins) | {"closures": closures}
    return _spelled(shared | {"runs": runs})


def write_summary(file: Path, known: dict[str, Any]) -> None:
    """Write a summary (as `provenance` reads it) back to its JSON file."""
    file.write_text(_spelled(known), encoding="utf-8")


def code_digest(modules: dict[str, str]) -> str:
    """16 hex digits that stand for a code closure (module -> hash)."""
    return hashlib.sha256(canonical_json(modules).encode()).hexdigest()[:16]


def _spelled(known: dict[str, Any]) -> str:
    """A summary as JSON: indented, but one line per run."""
    lines = ",\n".join("  " + json.dumps(run) for run in known["runs"])
    head = json.dumps({name: value for name, value in known.items() if name != "runs"}, indent=1)
    return head.removesuffix("\n}") + f',\n "runs": [\n{lines}\n ]\n}}\n'


def _shared(origins: list[dict[str, Any]]) -> dict[str, Any]:
    """What can be said of all runs together."""
    names = ("commit", "versions", "hardware", "device", "threads")
    return {
        **{name: _one(known[name] for known in origins) for name in names},
        "seconds": round(sum(known["seconds"] for known in origins), 1),
        "first": min(known["date"] for known in origins),
        "last": max(known["date"] for known in origins),
    }


def _one(values: Iterable[Any]) -> Any:
    """The common value of all runs, or the list of those that occur."""
    distinct = {canonical_json(value): value for value in values}
    found = [distinct[name] for name in sorted(distinct)]
    return found[0] if len(found) == 1 else found


def _place(condition: dict[str, str], seed: int) -> str:
    # A column that a run does not have reads "-" in the table.
    return canonical_json([sorted(c for c in condition.items() if c[1] != "-"), seed])


def _label(run: dict[str, Any]) -> str:
    return f"{'|'.join(run['condition'].values())} seed {run['seed']}"


def _few(labels: list[str]) -> str:
    shown = ", ".join(labels[:3])
    return shown if len(labels) <= 3 else f"{shown} and {len(labels) - 3} more"
