"""How fast the prostate phantom is on one core: seconds for a scan, site by site.

Aim: 0.2 s of processor time for 16 slices of 96 x 96.

    python benchmarks/phantom_prostate_mr.py --scans 12
"""

from __future__ import annotations

import argparse
import time

import torch

from medda_lib.phantoms.prostate_mr import SITES, Site, render


def seconds_per_scan(
    site: Site, scans: int, size: int, slices: int, repeats: int = 3
) -> tuple[float, float]:
    """By the clock and by the processor time used, best of `repeats` after a warm-up."""
    render(site, [0], size, slices)
    wall, used = [], []
    for repeat in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        render(site, range(repeat * scans, (repeat + 1) * scans), size, slices)
        wall.append(time.perf_counter() - start)
        used.append(time.process_time() - busy)
    return min(wall) / scans, min(used) / scans


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=12, help="scans per timing")
    parser.add_argument("--size", type=int, default=96, help="side of a slice in pixels")
    parser.add_argument("--slices", type=int, default=16, help="slices of a scan")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name, site in SITES.items():
        clock, processor = seconds_per_scan(site, arguments.scans, arguments.size, arguments.slices)
        shape = f"{arguments.slices}x{arguments.size}x{arguments.size}"
        print(f"{name} {shape}: {clock:.3f} s a scan, {processor:.3f} s of processor time")


if __name__ == "__main__":
    main()
