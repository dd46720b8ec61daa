"""How fast the heads of brain_sites are read, on one grid or several: seconds for all of them.

By the clock and by the processor time used; other work on the machine slows the first down a lot and
the second a little. Needs the set below `MEDDA_DATA`. Aim: 63 heads of 128 x 128, every fourth slice, in
30 s of processor time.

    MEDDA_DATA=~/data python benchmarks/loading_brain_sites.py --size 64 128
"""

from __future__ import annotations

import argparse
import time

from medda_lib.datasets.brain_mr.brain_sites import load
from medda_lib.datasets.registry import find


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs="+", default=[64, 128], help="side of a slice")
    parser.add_argument("--step", type=int, default=4, help="every how many slices")
    arguments = parser.parse_args()
    root = find("brain_sites")
    for size in arguments.size:
        start, busy = time.perf_counter(), time.process_time()
        heads = load(root, size=size, step=arguments.step)
        clock, used = time.perf_counter() - start, time.process_time() - busy
        shape = "x".join(map(str, heads.images.shape))
        print(f"{shape}: {clock:.1f} s by the clock, {used:.1f} s of the processor")


if __name__ == "__main__":
    main()
