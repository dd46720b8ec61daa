"""What each continual method costs beside plain sequential training; the paper's Figure 3 (right).

A stage is timed from the last training step of one stage to the last of the next: what is remembered of
the first (Fisher information, statistics, copies), what is prepared for the second, and its steps. Scans
are random: the numbers in an image do not change the time. A few steps are enough, since all steps cost
the same; `stage_s` is the time around the steps, plus the steps of a whole stage at this book's `demo`
profile, whose sizes are used. Every second stage follows an announced boundary, so that each method does
all that it does.

All systems run in turn, over and over in one order and its reverse, so that whatever else the machine
does meets them alike; the table holds medians over the rounds. On a processor each run is a process of
its own, forked from this one, and its memory is how far the resident size rose at most. On a GPU it is
the peak of what was allocated.

    python benchmarks/odex_overhead.py --rounds 6 --write
    python benchmarks/odex_overhead.py --device cuda --label "one H200" --write
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch.nn import functional as F

from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.training import with_recipe
from medda_lib.papers.costs import replace_rows
from medda_lib.papers.odex.study import BUDGETS, systems
from medda_lib.studies import artefacts
from medda_lib.studies.method import Method, Run
from medda_lib.studies.setting import Role
from medda_lib.studies.stream import StreamTask
from medda_lib.studies.task import Pool, Slot

FILE = Path(__file__).parents[1] / "medda_lib" / "papers" / "odex" / "overhead.csv"
SYSTEMS = ("Sequential", "EWC", "MiB", "RW", "PLOP", "LwF", "ODEx")
SHAPE = (32, 40, 32)
SCANS = 20
HEADS = (
    "system device scans shape batch step_s around_s stage_s memory_mb time_ratio memory_ratio"
).split()


@dataclass
class Clock:
    """The moments at which training steps ended, stage by stage; a `Run`'s progress callback."""

    device: torch.device
    moments: list[list[float]] = field(default_factory=list)

    def __call__(self, step: int, steps: int, losses: dict[str, float]) -> None:
        """A step has ended: its loss has been read back, but the GPU may still be at work."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        if step == 1:
            self.moments.append([])
        self.moments[-1].append(time.perf_counter())

    def cost(self) -> tuple[float, float]:
        """Seconds of a step of the last stage, and of all that was done around its steps."""
        before, last = self.moments[-2:]
        step = (last[-1] - last[0]) / (len(last) - 1)
        return step, last[-1] - before[-1] - len(last) * step


def random_stream(scans: int, shape: tuple[int, int, int]) -> StreamTask:
    """Two stages of smooth random scans, with a boundary between them."""
    generator = torch.Generator().manual_seed(0)
    pools = {}
    for k in (1, 2):
        coarse = torch.rand(scans, 1, *(side // 4 for side in shape), generator=generator)
        slices = F.interpolate(coarse, size=shape, mode="trilinear")[:, 0].flatten(0, 1)[:, None]
        names = tuple(f"scan {k} {i // shape[0]}" for i in range(len(slices)))
        spacing = (1.5, 1.5, 1.5)
        pool = Pool(slices, names, masks=slices > 0.6, spacing=spacing)
        pools[Slot(Role.STAGE, "segmentation", f"stage {k}")] = pool
    return StreamTask("random scans", pools, (True, True))


def measure(method: Method, task: StreamTask, device: str) -> dict[str, float]:
    """Seconds of a step and around the steps, and memory in MB, of one fit."""
    clock = Clock(torch.device(device))
    run = Run(0, clock.device, clock)
    cuda = clock.device.type == "cuda"
    if cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        start = torch.cuda.memory_allocated()
    else:
        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    artefacts.forget()  # a stage that another system has trained would cost nothing
    method.fit(task.view(method.setting), run)
    if cuda:
        memory = (torch.cuda.max_memory_allocated() - start) / 1e6
    else:
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) * 1024 / 1e6
    step, around = clock.cost()
    return {"step_s": step, "around_s": around, "memory_mb": memory}


def one_run(name: str, trainer: Trainer, task: StreamTask, device: str) -> dict[str, float]:
    """`measure` for a system of the study; on a processor in a process of its own."""
    method = systems(trainer)[name]
    if torch.device(device).type == "cuda":
        return measure(method, task, device)
    with multiprocessing.get_context("fork").Pool(1) as fresh:
        return fresh.apply(measure, (method, task, device))


def table(rounds: list[dict[str, dict[str, float]]], steps: int) -> dict[str, dict[str, float]]:
    """Medians over rounds, a whole stage of so many steps, and ratios to sequential training."""
    rows = {}
    for name in rounds[0]:
        row = {
            key: statistics.median(found[name][key] for found in rounds) for key in rounds[0][name]
        }
        row["stage_s"] = row["around_s"] + steps * row["step_s"]
        rows[name] = row
    plain = rows["Sequential"]
    for row in rows.values():
        row["time_ratio"] = row["stage_s"] / plain["stage_s"]
        row["memory_ratio"] = row["memory_mb"] / plain["memory_mb"]
    return rows


def main() -> None:
    """Reads the options; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--label", default="one core", help="what the device is, for the table")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=20, help="steps of a stage that are timed")
    parser.add_argument("--write", action="store_true", help=f"put the rows into {FILE.name}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trainer = BUDGETS["demo"].trainer
    task, timed = random_stream(SCANS, SHAPE), with_recipe(trainer, steps=options.steps)
    rounds = []
    for number in range(options.rounds):
        order = SYSTEMS if number % 2 == 0 else SYSTEMS[::-1]
        found = {name: one_run(name, timed, task, options.device) for name in order}
        rounds.append({name: found[name] for name in SYSTEMS})
        print(f"round {number + 1} of {options.rounds}", flush=True)
    rows = []
    for name, values in table(rounds, trainer.recipe.steps).items():
        fixed = {
            "system": name,
            "device": options.label,
            "scans": SCANS,
            "shape": "x".join(map(str, SHAPE)),
            "batch": trainer.recipe.batch,
        }
        row = {**fixed, **{key: float(f"{value:.4g}") for key, value in values.items()}}
        print(row, flush=True)
        rows.append({key: str(row[key]) for key in HEADS})
    if options.write:
        write(rows)


def write(rows: list[dict[str, str]]) -> None:
    """Replace the rows of the same systems and devices, keep the others."""
    replace_rows(FILE, HEADS, rows, ("system", "device"))


if __name__ == "__main__":
    main()
