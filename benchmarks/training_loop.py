"""Seconds of a training step of each kind, against another checkout of the project, in one run.

    python benchmarks/training_loop.py --before ../medda-before

Each measurement is a process of its own with one thread: it trains twice, briefly and longer, and
divides the difference of processor time by that of steps, so that set-up does not count. The two
checkouts take turns, and the medians are compared. The other one has to know settings with a recipe.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
TASKS = """
import sys, time
from medda_lib.methods.adaptsegnet import AdaptSegNet
from medda_lib.methods.continual.sequential import Sequential
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.multimix import Settings, system
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.training import Recipe, with_recipe
from medda_lib.studies.method import Run
from medda_lib.studies.trial import fixed_chance
from medda_lib.tasks.brain import BrainTask
from medda_lib.tasks.brain_phantoms import PhantomBrains
from medda_lib.tasks.chest_xray import ChestXrayTask, Counts, PhantomSources
from medda_lib.tasks.hippocampus import HippocampusTask
from medda_lib.tasks.hippocampus_phantoms import PhantomHippocampi
from medda_lib.tasks.hippocampus_transform import Transformed

heads = BrainTask(PhantomBrains(2, 1, 1, 1, size=64, step=8), "sm3", ("ge15",), adapt="ge15")
chests = ChestXrayTask(PhantomSources(Counts(64, 8, 8), Counts(32, 8, 8), 8, 8), 64, 32, 16)
crops = HippocampusTask(PhantomHippocampi(2, 1, spacing=1.5), Transformed())
def segmenter(n):
    return Segmenter(Recipe(n, batch=8), width=8, levels=4)

KINDS = {
    "source network": (heads, lambda n: SourceModel(segmenter(n))),
    "adaptation": (heads, lambda n: AdaptSegNet(segmenter(1), Recipe(n, batch=8), width=8)),
    "multi-task": (
        chests,
        lambda n: system("MultiMix", with_recipe(Settings(width=8), steps=n, validate_every=10**6)),
    ),
    "stage of a stream": (crops, lambda n: Sequential(with_recipe(Trainer(), steps=n // 5))),
}
task, method = KINDS[sys.argv[1]]
built = task.build(0)
spent = []
with fixed_chance(1, 1):
    for number, steps in enumerate((10, 10, int(sys.argv[2]))):
        made = method(steps)
        start = time.process_time()
        made.fit(built.view(made.setting), Run(1, repetition=number))  # another one: nothing kept
        spent.append(time.process_time() - start)
print((spent[2] - spent[1]) / (int(sys.argv[2]) - 10))
"""
KINDS = ("source network", "adaptation", "multi-task", "stage of a stream")


def seconds(checkout: Path, kind: str, steps: int) -> float:
    """Seconds of a step in a process that knows this checkout only."""
    done = subprocess.run(
        [sys.executable, "-c", TASKS, kind, str(steps)],
        env={**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main() -> None:
    """Reads the options; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, required=True, help="the other checkout")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    for kind in KINDS:
        sides: dict[Path, list[float]] = {options.before.resolve(): [], HERE: []}
        for repeat in range(options.repeats):
            for side in list(sides)[:: -1 if repeat % 2 else 1]:  # whoever goes second takes turns
                sides[side].append(seconds(side, kind, options.steps))
        pairs = list(zip(*sides.values(), strict=True))
        before, now = map(statistics.median, sides.values())
        ratios = sorted(b / n for b, n in pairs)
        print(
            f"{kind}: {1000 * before:.1f} ms before, {1000 * now:.1f} ms now, "
            f"steps per second {before / now:.3f} times (pairs {ratios[0]:.3f} to {ratios[-1]:.3f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
