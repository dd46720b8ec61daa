"""Studies: many runs, each done once, through any executor.

A study asks the store, and the committed ledger where there is one, which of its runs are finished and
submits the others. Every worker writes its own result, so there is nothing to collect and nothing to
lose: interrupt a study, kill it, start it twice, commit half of it and go on elsewhere, and the same
command goes on with what is missing. A run that fails does not stop the others; the failures are
reported together at the end.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections import Counter, OrderedDict
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, as_completed
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pandas as pd
import torch

from medda_lib.datasets.content import only, settled
from medda_lib.studies import ledger, per_image
from medda_lib.studies.executors import executor as named_executor
from medda_lib.studies.identity import canonical, canonical_json
from medda_lib.studies.method import Run
from medda_lib.studies.progress import Progress
from medda_lib.studies.provenance import provenance
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.store import RunResult, RunStore
from medda_lib.studies.task import Task
from medda_lib.studies.trial import trial

if TYPE_CHECKING:
    from medda_lib.studies.committed import Committed

_TASKS: OrderedDict[str, Task] = OrderedDict()
_TASKS_KEPT = 2
T = TypeVar("T")


class StudyError(RuntimeError):
    """Some runs of a study failed; the message lists them, the others are kept."""


@dataclass(frozen=True)
class Outcome:
    """How one run ended, in words that any process can send to any other."""

    key: str
    error: str = ""
    trace: str = ""


def execute(spec: RunSpec, store_root: str | Path, device: str = "cpu", threads: int = 1) -> str:
    """Do one run and store it, unless it is stored already. Returns its key."""
    store, key = RunStore(store_root), spec.key
    if store.has(key):
        return key
    start = time.perf_counter()
    task = built(spec)
    run = Run(
        spec.random_seed, torch.device(device), repetition=spec.seed, artefacts=store.artefacts
    )
    try:
        rows, images = trial(spec.method, spec.task, task, run, threads)
    except BaseException:
        _TASKS.clear()  # whatever went wrong, the next run gets a task that nobody has touched
        raise
    seconds = time.perf_counter() - start
    origin = provenance(spec, device, threads, seconds)
    store.write(key, RunResult([dict(row) for row in rows], images, origin))
    return key


def attempt(spec: RunSpec, store_root: str, device: str, threads: int) -> Outcome:
    """`execute`, with an error turned into text: not every exception survives the way home."""
    try:
        return Outcome(execute(spec, store_root, device, threads))
    except Exception as error:  # noqa: BLE001 - whatever a method raises, the other runs go on
        return Outcome("", f"{type(error).__name__}: {error}", traceback.format_exc())


def built(spec: RunSpec) -> Task:
    """The task of a run; the last few are kept, since conditions share them.

    Raises DatasetError when the task reads a data set that its `reads` does not name.
    """
    # Not lru_cache: 1, 1.0 and True would be the same argument there.
    files = {name: found.digest for name, found in spec.content().items()}
    name = canonical_json([canonical(spec.task, "task"), spec.seed, files])
    if name not in _TASKS:
        while len(_TASKS) >= _TASKS_KEPT:
            _TASKS.popitem(last=False)
        with only(spec.reads, spec.task.name):
            _TASKS[name] = spec.task.build(spec.seed)
    _TASKS.move_to_end(name)
    return _TASKS[name]


@dataclass(frozen=True)
class Study:
    """Named runs. Two runs may not claim the same condition, seed, profile and data."""

    name: str
    specs: tuple[RunSpec, ...]

    def __post_init__(self) -> None:
        if not self.specs:
            raise ValueError(f"study {self.name!r} has no runs")
        places = Counter((s.paper, s.profile, s.data, s.condition, s.seed) for s in self.specs)
        if twice := [place for place, n in places.items() if n > 1]:
            raise ValueError(f"study {self.name!r} has two runs for {twice[0]}")

    def missing(self, store: RunStore, committed: Committed | None = None) -> dict[str, RunSpec]:
        """Runs that are not finished, by key, in the order in which they are best done.

        Two tasks at a time, in turn: a process keeps both, and two workers do not begin by training the
        network that all runs of a task share, each for itself. committed: a ledger whose runs count as
        finished. Raises DatasetError when the data of a missing run are not here.
        """
        with settled():
            waiting = (s for s in self.specs if committed is None or not committed.has(s))
            specs = {spec.key: spec for spec in waiting}
        tasks: dict[str, list[tuple[str, RunSpec]]] = {}
        for key, spec in specs.items():
            if not store.has(key):
                tasks.setdefault(_task_of(spec), []).append((key, spec))
        return dict(_in_turn(list(tasks.values()), _TASKS_KEPT))

    def run(
        self,
        store: RunStore | str | Path,
        executor: Executor | str | None = None,
        device: str = "cpu",
        threads: int = 1,
        progress: bool = True,
        committed: Committed | None = None,
        most: int | None = None,
    ) -> pd.DataFrame:
        """Do the missing runs and return the rows of all that are finished (see `ledger.frame`).

        executor: an executor, which the caller closes; or a name for `executors.executor`; None runs
        here. threads: per run; the numbers may depend on it in the last bits, so it is recorded.
        committed: a ledger whose runs count as finished. most: how many runs to do at most.
        Raises `StudyError` after the last run when some failed.
        """
        store = store if isinstance(store, RunStore) else RunStore(store)
        store.sweep()
        todo = dict(islice(self.missing(store, committed).items(), most))
        bar = Progress(self.name, len(todo), progress and bool(todo))
        failures: list[tuple[RunSpec, Outcome]] = []
        try:
            with _opened(executor, threads) as pool:
                for key, outcome in _outcomes(pool, todo, str(store.root), device, threads):
                    if outcome.error:
                        failures.append((todo[key], outcome))
                    bar.step()
        except KeyboardInterrupt:
            print(self._interrupted(store), file=sys.stderr)
            raise
        finally:
            bar.close()
        if failures:
            raise StudyError(self._failed(failures))
        return ledger.frame(store, self.specs, committed)

    def commit(
        self,
        frame: pd.DataFrame,
        results: Path,
        store: RunStore | str | Path | None = None,
        committed: Committed | None = None,
    ) -> Path:
        """Write the study's rows, provenance and per-image summary below `results`; the CSV's path.

        store: the run store behind `frame`; by default the one that `run` used. committed: the ledger
        that counted as finished then.
        """
        origin = RunStore(
            store.root if isinstance(store, RunStore) else store or ledger.origin(frame)
        )
        images = per_image.collect(origin, self.specs, committed)
        file = ledger.commit(frame, results / self.specs[0].paper, origin)
        per_image.save(images, file.with_suffix(".npz"))
        return file

    def _interrupted(self, store: RunStore) -> str:
        done = sum(store.has(spec.key) for spec in self.specs)
        return (
            f"\n{self.name}: interrupted. {done} of {len(self.specs)} runs are finished and kept in "
            f"{store.root}; the same command goes on with the others."
        )

    def _failed(self, failures: list[tuple[RunSpec, Outcome]]) -> str:
        lines = [f"  {spec.label}: {outcome.error}" for spec, outcome in failures]
        head = (
            f"{self.name}: {len(failures)} of {len(self.specs)} runs failed, the others are kept; "
            "the same command tries the failed ones again"
        )
        trace = failures[0][1].trace or "  (the worker left no trace)"
        return "\n".join([head, *lines, "where the first one failed:", trace])


def _outcomes(
    pool: Executor, todo: dict[str, RunSpec], root: str, device: str, threads: int
) -> Iterator[tuple[str, Outcome]]:
    """Submit everything and yield (key, outcome) as runs end, some of them while submitting."""
    waiting: dict[Future[Outcome], str] = {}
    try:
        for key, spec in todo.items():
            future = pool.submit(attempt, spec, root, device, threads)
            if future.done():  # the in-process executor works while we submit
                yield key, _outcome(future, key)
            else:
                waiting[future] = key
        for future in as_completed(waiting):
            yield waiting[future], _outcome(future, waiting[future])
    except KeyboardInterrupt:
        for future in waiting:
            with suppress(NotImplementedError):  # Parsl's futures cannot be cancelled
                future.cancel()
        # Closing the pool later would wait for all that could not be cancelled.
        pool.shutdown(wait=False)
        raise


def _outcome(future: Future[Outcome], key: str) -> Outcome:
    """The outcome of a future; a worker that died or runs other code is a failure in words."""
    try:
        outcome = future.result()
    except (CancelledError, Exception) as error:  # noqa: BLE001 - each executor has its own errors
        return Outcome("", f"{type(error).__name__}: {error}")
    if not outcome.error and outcome.key != key:
        return Outcome("", "the code or the data changed while the study was running; run it again")
    return outcome


def _opened(executor: Executor | str | None, threads: int) -> AbstractContextManager[Executor]:
    """An executor of our own to be closed, or the caller's to be left open."""
    if isinstance(executor, Executor):
        return nullcontext(executor)
    return named_executor(executor or "in-process", threads=threads)


def _in_turn(groups: list[list[T]], width: int) -> Iterator[T]:
    """The members of `width` groups in turn, then of the next ones."""
    for at in range(0, len(groups), width):
        for turn in zip_longest(*groups[at : at + width]):
            yield from (one for one in turn if one is not None)


def _task_of(spec: RunSpec) -> str:
    return canonical_json([canonical(spec.task, "task"), spec.seed])
