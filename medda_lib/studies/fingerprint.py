"""Fingerprints: what the code does, as numbers that are committed and compared.

A study at `smoke` takes seconds and runs the same code as its large brother, so its digits tell
whether that code still does what it did when the committed results were made. A fingerprint holds for
each condition the rows of its smoke run, the run's first steps (`first_steps`), and for the study every
metric on made input (`made`). On the instruction set and with the libraries that it was made with, every
digit must be equal. Elsewhere rounding differs, and only first steps and made input are compared, to
`TOLERANCES`: about ten times the largest difference that was measured between instruction sets.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from medda_lib.datasets.content import settled
from medda_lib.studies import artefacts
from medda_lib.studies.closure import versions
from medda_lib.studies.first_steps import PLACES, FirstSteps, of_data
from medda_lib.studies.machine import instruction_set
from medda_lib.studies.made import kinds_of, unit_rows
from medda_lib.studies.method import Run
from medda_lib.studies.progress import Progress
from medda_lib.studies.provenance import commit
from medda_lib.studies.run import built
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.trial import trial

ROW, FIRST, UNIT = "row", "first", "unit"
TOLERANCES = {1: 1e-4, 2: 1e-3, 3: 1e-2}
"""Relative, by the number of the step or pass (1 for data and made input): rounding grows with training.

Measured between AVX-512, AVX2 and SSE: at most 1.2e-5, 2.0e-4 and 1.1e-3 for all that is steady.
"""
SMALL = 0.01
"""A mean counts as at least this part of the spread beside it: near zero it has no digits."""
UNSTEADY = "unsteady"
THE_STUDY = "every condition"
"""What differences on made input concern."""

Place = tuple[str, str, str, str]
"""Condition ("MultiMix|100|10 seed 0"), part, place, quantity."""


@dataclass(frozen=True)
class Fingerprint:
    """Values by place, and where they were measured: instruction set, versions, files, commit."""

    values: Mapping[Place, float]
    where: Mapping[str, Any]

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions in order."""
        return tuple(dict.fromkeys(c for c, part, _, _ in self.values if part != UNIT))


@dataclass(frozen=True)
class Difference:
    """What one condition does differently, in words."""

    condition: str
    text: str


def measure(specs: Iterable[RunSpec], name: str, progress: bool = False) -> Fingerprint:
    """Run every condition of a small study, each from nothing, with one thread."""
    specs = list(specs)
    values: dict[Place, float] = {}
    kinds: set[str] = set()
    files: dict[str, Any] = {}
    bar = Progress(f"fingerprint of {name}", len(specs), progress)
    with settled():
        for spec in specs:
            values |= {(spec.label, *place): value for place, value in _one(spec, kinds).items()}
            files |= {name: asdict(found) for name, found in spec.content().items()}
            bar.step()
    bar.close()
    for row in unit_rows(kinds):
        values[THE_STUDY, UNIT, str(row["domain"]), str(row["metric"])] = float(row["value"])
    made_on = {"instructions": instruction_set(), "versions": versions()}
    return Fingerprint(values, {**made_on, "content": files, "commit": commit()})


def _one(spec: RunSpec, kinds: set[str]) -> dict[tuple[str, str, str], float]:
    """The values of one condition; what it is tested on is added to `kinds`."""
    artefacts.forget()
    task = built(spec)
    kinds |= kinds_of(task)
    with FirstSteps() as first:
        run = Run(spec.random_seed, progress=first.progress, repetition=spec.seed)
        rows, _ = trial(spec.method, spec.task, task, run, threads=1)
    values = {(FIRST, *place): value for place, value in (of_data(task) | first.values).items()}
    for row in rows:
        place = f"{row['evaluation']}/{row['domain']}/{row['problem']}"
        values[ROW, place, str(row["metric"])] = float(row["value"])
    return values


def comparable(known: Fingerprint) -> bool:
    """Whether bits can be expected to be equal here: same instruction set, same libraries."""
    here = {"instructions": instruction_set(), "versions": versions()}
    return all(known.where[name] == here[name] for name in here)


def differences(known: Fingerprint, now: Fingerprint, bits: bool) -> list[Difference]:
    """What `now` does differently, one entry per condition that both have; empty when nothing.

    bits: compare every digit (see `comparable`), or only first steps and made input, to `TOLERANCES` and
    without what is known to be unsteady. A condition that only one of them has is the caller's business.
    """
    both = set(known.conditions) & set(now.conditions) | {THE_STUDY}
    left_out = set() if bits else {tuple(place) for place in known.where.get(UNSTEADY, [])}
    found: dict[str, list[str]] = {}
    for place in _unequal(known, now, bits):
        condition, _, at, quantity = place
        if condition in both and place not in left_out:
            a, b = (_said(one.values.get(place)) for one in (known, now))
            found.setdefault(condition, []).append(f"{at} {quantity}: {a}, now {b}")
    return [Difference(condition, _told(texts)) for condition, texts in found.items()]


def steadied(found: Fingerprint, elsewhere: Fingerprint) -> Fingerprint:
    """The fingerprint with a note of what another instruction set does not reproduce.

    Some methods decide by what rounding decides (a clustering, a threshold that a value lies on), so
    that even their first losses differ. Such values are compared where bits are, and nowhere else.
    """
    unsteady = [list(place) for place in _unequal(found, elsewhere, bits=False)]
    return Fingerprint(found.values, {**found.where, UNSTEADY: unsteady})


def _unequal(known: Fingerprint, now: Fingerprint, bits: bool) -> Iterator[Place]:
    """Every place where the two do not agree; rows of results only where bits are compared."""
    spreads = {at: value for at, value in known.values.items() if at[3].endswith(" spread")}
    for place in dict.fromkeys([*known.values, *now.values]):
        if place[1] == ROW and not bits:
            continue
        a, b = known.values.get(place), now.values.get(place)
        allowed = 0.0 if bits else _tolerance(place[2])
        beside = spreads.get((*place[:3], place[3].replace(" mean", " spread")), 0.0)
        if a is None or b is None or not _equal(a, b, allowed, SMALL * beside):
            yield place


def save(found: Fingerprint, file: Path) -> Path:
    """Write a CSV, one line per condition, part and place, and a JSON that says where it was made."""
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for (condition, part, at, quantity), value in found.values.items():
        lines.setdefault((condition, part, at), {})[quantity] = repr(value)
    rows = [dict(zip(HEAD, head, strict=True)) | line for head, line in lines.items()]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"), encoding="utf-8")
    text = json.dumps(dict(found.where), indent=1, sort_keys=True)
    file.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    return file


HEAD = ("condition", "part", "place")


def load(file: Path) -> Fingerprint:
    """Read what `save` wrote; FileNotFoundError names the file."""
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    where = json.loads(file.with_suffix(".json").read_text("utf-8"))
    values: dict[Place, float] = {}
    for line in table.to_dict("records"):
        head = (str(line["condition"]), str(line["part"]), str(line["place"]))
        texts = {name: text for name, text in line.items() if name not in HEAD and text}
        values |= {(*head, str(name)): float(text) for name, text in texts.items()}
    return Fingerprint(values, where)


def _tolerance(at: str) -> float:
    kind, _, number = at.rpartition(" ")
    if kind not in PLACES:
        return TOLERANCES[1]
    return TOLERANCES[3 if kind == PLACES[-1] else int(number)]


def _equal(a: float, b: float, tolerance: float, least: float) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return abs(a - b) <= tolerance * (max(abs(a), abs(b)) + least)


def _said(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.9g}"


def _told(texts: list[str]) -> str:
    return texts[0] + (f" (and {len(texts) - 1} more values)" if len(texts) > 1 else "")
