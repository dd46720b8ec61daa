"""How fast the brain phantom is on one core: whole scans, and every fourth slice.

By the clock and by the processor time used; other work on the machine slows the first down a lot and
the second a little. Aim: 2 s of the processor for a whole scan.

    python benchmarks/phantom_brain_mr.py --heads 4
"""

from __future__ import annotations

import argparse
import time

import torch

from medda_lib.phantoms.brain_mr import SITES, Site, render


def seconds_per_head(
    site: Site, heads: int, size: int, step: int, repeats: int = 3
) -> tuple[float, float]:
    """By the clock and by the processor, best of `repeats` after a warm-up."""
    render(site, [0], size=size, step=step)
    wall, used = [], []
    for repeat in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        render(site, range(repeat * heads, (repeat + 1) * heads), size=size, step=step)
        wall.append(time.perf_counter() - start)
        used.append(time.process_time() - busy)
    return min(wall) / heads, min(used) / heads


def main() -> None:
    """Print one line per size, step and site."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heads", type=int, default=4, help="heads per timing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for size, step in ((128, 1), (128, 4), (64, 4)):
        for name, site in SITES.items():
            clock, processor = seconds_per_head(site, arguments.heads, size, step)
            slices = len(range(0, 96, step))
            print(
                f"{name:5s} {slices} slices of {size} x {size}: {clock:.2f} s a head by the clock, "
                f"{processor:.2f} s of the processor"
            )


if __name__ == "__main__":
    main()
