"""How fast the hippocampus phantom is on one core, per source and spacing.

By the clock and by the processor time used; other work on the machine slows the first down a lot and
the second a little.

    python benchmarks/phantom_hippocampus_mr.py --crops 8
"""

from __future__ import annotations

import argparse
import time

import torch

from medda_lib.phantoms.hippocampus_mr import SOURCES, Source, render


def seconds_per_crop(
    source: Source, crops: int, spacing: float, repeats: int = 3
) -> tuple[float, float]:
    """By the clock and by the processor, best of `repeats` after a warm-up."""
    render(source, [0], spacing)
    wall, used = [], []
    for repeat in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        render(source, range(repeat * crops, (repeat + 1) * crops), spacing)
        wall.append(time.perf_counter() - start)
        used.append(time.process_time() - busy)
    return min(wall) / crops, min(used) / crops


def main() -> None:
    """Print one line per source and spacing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crops", type=int, default=8, help="crops per timing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for spacing in (1.0, 1.5, 3.0):
        for name, source in SOURCES.items():
            clock, processor = seconds_per_crop(source, arguments.crops, spacing)
            print(
                f"{name:9s} {spacing} mm: {clock:.3f} s a crop by the clock, "
                f"{processor:.3f} s of the processor"
            )


if __name__ == "__main__":
    main()
