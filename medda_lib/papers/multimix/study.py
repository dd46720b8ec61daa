"""The experiment of MultiMix: nine systems, 57 conditions, in and across domains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from medda_lib.methods.multimix import Settings, system
from medda_lib.methods.training import EachSteps, Precision, with_recipe
from medda_lib.papers.planning import Kinds, Place, by_profile, studies
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.task import CLASSIFICATION, SEGMENTATION
from medda_lib.tasks.chest_xray import (
    ChestXrayTask,
    Counts,
    PhantomSources,
    RealSources,
)
from medda_lib.tasks.chest_xray_shift import RealismTask, RealReferenceTask, ShiftTask

PAPER = "multimix"
LABELS, MASKS = ("100", "1000", "Full"), ("10", "50", "Full")
ENCODERS = ("Enc", "Enc-MM", "Enc-SSL")
MULTI_TASK = ("UMTL", "UMTL-S", "UMTL-SSL", "UMTL-SSL-S", "MultiMix")
SYSTEMS = ("U-Net", *ENCODERS, *MULTI_TASK)
DOMAIN_NAMES = ("chex", "jsrt", "mcu", "nihx")
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
DIAL_ENDS = {SEGMENTATION: ("jsrt", "nihx"), CLASSIFICATION: ("chex", "nihx")}
Names = tuple[str, ...]


@dataclass(frozen=True)
class Budget:
    """What a profile spends; `shift` are the images of a domain in the studies of shift and realism.

    `long`: settings of their few, longer trainings; a classifier needs `longest` to learn a domain.
    `labels` and `masks` are the columns |D_l| that are run; `scale` divides the counts behind them
    where a profile has fewer images (a "100" at `smoke` is 12).
    """

    size: int
    seeds: int
    settings: Settings
    sources: PhantomSources
    shift: Counts
    long: Settings
    longest: Settings
    labels: Names
    masks: Names
    scale: int

    def count(self, name: str) -> int | None:
        """Images behind a column entry: "100" -> 100 / scale, "Full" and "-" -> all (None)."""
        return int(name) // self.scale if name.isdigit() else None


_TINY = with_recipe(Settings(width=4), batch=4, steps=4, learning_rate=1e-3, validate_every=2)
_SMALL = with_recipe(Settings(width=8), steps=300, learning_rate=1e-3, validate_every=50)
_WIDE = replace(_SMALL, width=16)
_LONG = with_recipe(_WIDE, steps=600, schedule=EachSteps(400), validate_every=100)
_LONGEST = with_recipe(_LONG, steps=1200, schedule=EachSteps(800))

BUDGETS = by_profile(
    Budget,
    size=(32, 64, 256),
    seeds=(1, 3, 5),
    settings=(_TINY, _SMALL, Settings()),
    sources=(
        PhantomSources(Counts(48, 16, 24), Counts(16, 8, 12), 24, 12),
        PhantomSources(Counts(5216, 128, 624), Counts(111, 32, 123), 624, 138),
        PhantomSources(Counts(5216, 16, 624), Counts(111, 13, 123), 4185, 35),
    ),
    shift=(Counts(24, 8, 12), Counts(2000, 128, 200), Counts(5000, 128, 500)),
    long=(_TINY, _LONG, Settings()),
    longest=(with_recipe(_TINY, steps=6), _LONGEST, Settings()),
    labels=(("100",), LABELS, LABELS),
    masks=(("50",), MASKS, MASKS),
    scale=(8, 1, 1),
)


def conditions(labels: Names = LABELS, masks: Names = MASKS) -> Iterator[tuple[str, str, str]]:
    """Rows of Tables 2 and 3 as (system, labels, masks), in the paper's order; 57 by default."""
    yield from (("U-Net", "-", m) for m in masks)
    yield from ((name, n, "-") for name, n in product(ENCODERS, labels))
    yield from product(MULTI_TASK, labels, masks)


def _tables(
    at: Place,
    b: Budget,
    sources: PhantomSources | RealSources,
    rows: Iterator[tuple[str, str, str]],
) -> Iterator[RunSpec]:
    for name, labels, masks in rows:
        task = ChestXrayTask(sources, b.size, b.count(labels), b.count(masks))
        yield at.spec(system(name, b.settings), task, system=name, labels=labels, masks=masks)


def _real(at: Place, b: Budget) -> Iterator[RunSpec]:
    """Labels {100, all} and masks {10, 50}: the real sets have no 1,000 labels."""
    smoke = at.profile == "smoke"
    rows = conditions(("100",) if smoke else ("100", "Full"), ("50",) if smoke else ("10", "50"))
    yield from _tables(at, b, RealSources(), rows)


def _realism(at: Place, b: Budget) -> Iterator[RunSpec]:
    """A U-Net from phantoms to both real sets, and the same network trained on real masks."""
    method, name = system("U-Net", b.long), {"system": "U-Net"}
    for test, rule in (("lung_xray_a", "lungs"), ("lung_xray_b", "lungs_and_heart")):
        task = RealismTask(("jsrt", "mcu", "nihx"), b.shift, b.size, rule, test)
        yield at.spec(method, task, **name, **{"trained on": f"phantoms, {rule}", "masks": "-"})
    for masks in MASKS:
        reference = RealReferenceTask(b.count(masks), b.size)
        yield at.spec(method, reference, **name, **{"trained on": "lung_xray_a", "masks": masks})


def _shift(at: Place, b: Budget) -> Iterator[RunSpec]:
    """Every domain against every other, and a dial from one to another."""
    plan = ((SEGMENTATION, "U-Net", b.long), (CLASSIFICATION, "Enc", b.longest))
    for problem, name, settings in plan:
        method = system(name, settings)
        for domain in DOMAIN_NAMES:
            start, end = DIAL_ENDS[problem]
            dial = tuple(f"{start}>{end}@{s}" for s in STRENGTHS) if domain == start else ()
            task = ShiftTask(problem, domain, (*DOMAIN_NAMES, *dial), b.shift, b.size)
            yield at.spec(method, task, **{"system": name, "trained on": domain, "masks": "-"})


def _precision(at: Place, b: Budget) -> Iterator[RunSpec]:
    """MultiMix in single precision and in bfloat16: does the faster one change the result?"""
    labels, masks = b.labels[0], b.masks[0]
    task = ChestXrayTask(b.sources, b.size, b.count(labels), b.count(masks))
    for precision in PRECISIONS:
        method = system("MultiMix", with_recipe(b.settings, precision=precision))
        yield at.spec(method, task, system="MultiMix", precision=precision, masks=masks)


DATA: Kinds[Budget] = {
    "phantom": lambda at, b: _tables(at, b, b.sources, conditions(b.labels, b.masks)),
    "real": _real,
    "realism": _realism,
    "shift": _shift,
    "precision": _precision,
}

study = studies(PAPER, BUDGETS, DATA)
