"""A committed ledger as finished runs, on any machine.

What is committed needs no second computation: a run that stands in the ledger under the identity of the
present specification is finished, wherever the study goes on, and however few of its runs are there.
What a ledger does not vouch for: runs whose specification changed, runs on files that hold other things
today (where the files are here, so that one can tell), and runs that somebody doubts (`without`), since
a fingerprint says that the code behaves differently now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.content import settled
from medda_lib.studies import ledger, per_image
from medda_lib.studies.finished import Arrays
from medda_lib.studies.per_image import PerImage
from medda_lib.studies.spec import RunSpec


@dataclass(frozen=True)
class Committed:
    """One committed study: `known` is its summary (see `ledger.provenance`)."""

    folder: Path
    profile: str
    data: str
    known: Mapping[str, Any]
    doubted: Callable[[RunSpec], bool] = field(default=lambda _: False)

    @classmethod
    def read(cls, folder: Path, profile: str, data: str) -> Committed | None:
        """The ledger of a study in a paper's folder; None where nothing is committed."""
        try:
            return cls(folder, profile, data, ledger.provenance(folder, profile, data))
        except FileNotFoundError:
            return None

    def without(self, doubted: Callable[[RunSpec], bool]) -> Committed:
        """The same ledger, which does not count the runs that are doubted."""
        return replace(self, doubted=doubted)

    @cached_property
    def runs(self) -> dict[str, dict[str, Any]]:
        """The line of each run by its identity."""
        return {run["identity"]: run for run in self.known["runs"]}

    def has(self, spec: RunSpec) -> bool:
        """Whether this run is finished as far as the ledger can tell."""
        run = self.runs.get(spec.identity)
        return run is not None and not other_files(spec, run) and not self.doubted(spec)

    def rows(self, spec: RunSpec) -> list[dict[str, Any]]:
        """The run's rows: evaluation, domain, problem, metric, value."""
        run = self.runs[spec.identity]
        return self._rows[ledger.place(run["condition"].items(), run["seed"])]

    def arrays(self, spec: RunSpec) -> Arrays:
        """The run's values per image, as they were committed."""
        return {} if self._images is None else self._images.of(per_image.run_name(spec))

    @cached_property
    def _rows(self) -> dict[str, list[dict[str, Any]]]:
        table = ledger.read(self.folder, self.profile, self.data)
        columns = [c for c in table.columns if c in self.known["runs"][0]["condition"]]
        places = zip(*(table[c] for c in columns), table["seed"], strict=True)
        found: dict[str, list[dict[str, Any]]] = {}
        for (*values, seed), row in zip(places, table.to_dict("records"), strict=True):
            at = ledger.place(zip(columns, values, strict=True), int(seed))
            found.setdefault(at, []).append({name: row[name] for name in ledger.LAST})
        return found

    @cached_property
    def _images(self) -> PerImage | None:
        file = self.folder / f"{self.profile}-{self.data}.npz"
        return per_image.load(file) if file.is_file() else None


def outdated(folder: Path, profile: str, data: str, specs: Iterable[RunSpec]) -> list[str]:
    """Why committed rows are not those of the present study; empty when they are.

    Runs that the ledger does not have are no reason: they are not run yet.
    """
    found = Committed.read(folder, profile, data)
    if found is None:
        return [f"nothing is committed for {profile} on {data}"]
    runs = {ledger.place(run["condition"].items(), run["seed"]): run for run in found.known["runs"]}
    reasons: dict[str, list[str]] = {}
    with settled():
        for spec in (s for s in specs if (s.profile, s.data) == (profile, data)):
            run = runs.pop(ledger.place(spec.condition, spec.seed), None)
            for reason in _reasons(spec, run):
                reasons.setdefault(reason, []).append(spec.label)
    for run in runs.values():
        label = f"{'|'.join(run['condition'].values())} seed {run['seed']}"
        reasons.setdefault("no longer in the study", []).append(label)
    return [f"{reason}: {few(labels)}" for reason, labels in reasons.items()]


def other_files(spec: RunSpec, run: Mapping[str, Any]) -> list[str]:
    """How the files that a committed run was made on differ from those here; empty without them."""
    wanted: Mapping[str, Any] = run.get("content", {})
    if not wanted:
        return []
    try:
        present = {name: asdict(found) for name, found in spec.content().items()}
    except DatasetError:
        return []  # the data are not here: nobody can tell
    return [
        f"{name} holds {_amount(present[name])}, the result was made on {_amount(wanted[name])}"
        for name in wanted
        if name in present and present[name] != wanted[name]
    ]


def few(labels: Sequence[str]) -> str:
    """The first labels, and how many more there are."""
    shown = ", ".join(labels[:3])
    return shown if len(labels) <= 3 else f"{shown} and {len(labels) - 3} more"


def _reasons(spec: RunSpec, run: Mapping[str, Any] | None) -> list[str]:
    if run is None:
        return []
    if run["identity"] != spec.identity:
        return ["the specification changed"]
    return other_files(spec, run)


def _amount(found: Mapping[str, Any]) -> str:
    return f"{found['files']:,} files, {found['bytes']:,} bytes, content {found['digest']}"
