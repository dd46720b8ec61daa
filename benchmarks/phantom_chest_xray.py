"""How fast the chest X-ray phantom is on one core, and how much memory a large set needs.

Two questions: images of 128x128 per second for each domain, and the peak memory of going through
many images of 256x256 that are made when they are asked for and then let go.

    python benchmarks/phantom_chest_xray.py --images 512 --lazy 5000
"""

from __future__ import annotations

import argparse
import resource
import time

import torch

from medda_lib.phantoms.chest_xray import DOMAINS, Domain, render


def images_per_second(
    domain: Domain, images: int, size: int, repeats: int = 3
) -> tuple[float, float]:
    """By the clock and by the processor time used, best of `repeats` after a warm-up.

    Other work on the machine slows the first down a lot and the second a little.
    """
    render(domain, range(16), size)
    wall, used = [], []
    for repeat in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        render(domain, range(repeat * images, (repeat + 1) * images), size)
        wall.append(time.perf_counter() - start)
        used.append(time.process_time() - busy)
    return images / min(wall), images / min(used)


def peak_mebibytes() -> float:
    """Largest resident memory of this process so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def walk(domain: Domain, images: int, size: int, block: int = 50) -> float:
    """Seconds to make `images` pictures in blocks that are dropped at once."""
    start = time.perf_counter()
    for first in range(0, images, block):
        render(domain, range(first, min(first + block, images)), size)
    return time.perf_counter() - start


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=512, help="images per timing at 128x128")
    parser.add_argument("--lazy", type=int, default=5000, help="images of 256x256 made lazily")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name, domain in DOMAINS.items():
        clock, processor = images_per_second(domain, arguments.images, 128)
        print(f"{name:5s} 128x128: {clock:4.0f} images/s, {processor:4.0f} per processor second")
    before = peak_mebibytes()
    seconds = walk(DOMAINS["nihx"], arguments.lazy, 256)
    print(
        f"nihx  256x256: {arguments.lazy} images in {seconds:.0f} s "
        f"({arguments.lazy / seconds:.0f} images/s); peak memory {peak_mebibytes():.0f} MiB, "
        f"{before:.0f} MiB of it before"
    )


if __name__ == "__main__":
    main()
