"""Per-image results of a study in one small file, for box plots, Bland-Altman plots and ROC curves.

The run store keeps every run's arrays at full precision on the machine that made them. What is
committed beside a ledger's rows is this summary: one stacked array per quantity with a row per run,
scores at half precision (three decimals are what a figure shows) and counts as integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medda_lib.datasets.content import settled
from medda_lib.studies import ledger
from medda_lib.studies.finished import Arrays, Finished
from medda_lib.studies.spec import RunSpec
from medda_lib.studies.store import RunStore

RUNS = "runs"
KEPT = ("dice", "surface_dice", "pixels_true", "pixels_predicted", "probabilities", "labels")


@dataclass(frozen=True)
class PerImage:
    """`runs` are "system|labels|masks|seed"; `arrays` map a quantity's path to (runs, images)."""

    runs: tuple[str, ...]
    arrays: dict[str, NDArray[np.generic]]

    def get(self, row: str, path: str) -> NDArray[np.float64]:
        """Values (repetitions, images) of one table row, for example row "MultiMix|100|10".

        path: "evaluation/domain/problem/quantity". Raises KeyError that lists what there is.
        """
        chosen = [i for i, run in enumerate(self.runs) if run.rpartition("|")[0] == row]
        if not chosen or path not in self.arrays:
            rows = sorted({run.rpartition("|")[0] for run in self.runs})
            raise KeyError(f"no {path!r} of {row!r}; rows: {rows}; paths: {sorted(self.arrays)}")
        return np.asarray(self.arrays[path][chosen], dtype=np.float64)

    def of(self, run: str) -> Arrays:
        """The arrays of one run as `collect` stacked them, without what only fills up its row."""
        if run not in self.runs:
            return {}
        at = self.runs.index(run)
        kept = {path: row[_filled(row)] for path, row in self._rows(at)}
        return {path: row for path, row in kept.items() if len(row)}

    def _rows(self, at: int) -> Iterator[tuple[str, NDArray[np.generic]]]:
        return ((path, array[at]) for path, array in self.arrays.items())


def collect(
    store: RunStore, specs: Iterable[RunSpec], committed: Finished | None = None
) -> PerImage:
    """Stack the arrays of finished runs; runs without a quantity get NaN (counts and labels: -1).

    committed: where the arrays of runs are that the store does not have.
    """
    found: list[tuple[str, Arrays]] = []
    with settled():
        for spec in specs:
            if key := ledger.stored(store, spec):
                found.append((run_name(spec), _slim(store.read(key).images)))
            elif committed is not None and committed.has(spec):
                found.append((run_name(spec), committed.arrays(spec)))
    paths = sorted({path for _, arrays in found for path in arrays})
    stacked = {path: _stack([arrays.get(path) for _, arrays in found]) for path in paths}
    return PerImage(tuple(name for name, _ in found), stacked)


def run_name(spec: RunSpec) -> str:
    """How a run is called here: "system|labels|masks|seed"."""
    return "|".join((*(value for _, value in spec.condition), str(spec.seed)))


def save(summary: PerImage, file: Path) -> Path:
    """Write the summary as a compressed npz; equal content gives equal bytes."""
    arrays = {path.replace("/", ":"): array for path, array in sorted(summary.arrays.items())}
    with file.open("wb") as handle:
        np.savez_compressed(handle, allow_pickle=False, **{RUNS: np.array(summary.runs)}, **arrays)
    return file


def load(file: Path) -> PerImage:
    """Read what `save` wrote; FileNotFoundError names the file."""
    with np.load(file, allow_pickle=False) as stored:
        arrays = {n.replace(":", "/"): stored[n] for n in stored.files if n != RUNS}
        return PerImage(tuple(str(run) for run in stored[RUNS]), arrays)


def _slim(images: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    slim: dict[str, NDArray[np.generic]] = {}
    for path, array in images.items():
        quantity = path.rpartition("/")[2]
        if quantity not in KEPT:
            continue
        if quantity == "probabilities":
            array = array[:, 1]  # noqa: PLW2901 - two classes: the second one says it all
        kind = np.float16 if np.issubdtype(array.dtype, np.floating) else np.int32
        slim[path] = array.astype(np.int32 if quantity.startswith("pixels") else kind)
    return slim


def _filled(row: NDArray[np.generic]) -> slice:
    """The part of a row before what fills it up: NaN, or -1 for whole numbers."""
    filling = np.isnan(row) if np.issubdtype(row.dtype, np.floating) else row == -1
    return slice(int(np.nonzero(~filling)[0].max(initial=-1)) + 1)


def _stack(arrays: list[NDArray[np.generic] | None]) -> NDArray[np.generic]:
    """(runs, images); a run without the quantity, or tested on fewer images, is filled up."""
    known = [a for a in arrays if a is not None]
    empty = np.nan if np.issubdtype(known[0].dtype, np.floating) else -1
    stacked = np.full((len(arrays), max(len(a) for a in known)), empty, known[0].dtype)
    for row, array in zip(stacked, arrays, strict=True):
        if array is not None:
            row[: len(array)] = array
    return stacked
