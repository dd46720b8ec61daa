"""Adapting one scan by Fourier swaps: all slices at once against a loop over slices.

One volume of 96 slices of 128 x 128 pixels takes the style of 7 source slices for each of its slices,
chosen by SR-SIM among 20 source scans. Measured apart: the choice of donors (SR-SIM of each slice with
its candidates) and the swap.

  loop   one pair of images at a time: full complex FFTs of both in each swap; SR-SIM from both images,
         saliency and gradients made anew for every pair
  ours   `medda_lib.methods.fda`: maps and spectra made once an image, real FFTs of the whole volume

Printed are the best wall seconds of the repeats and the ratio. The loop over SR-SIM pairs runs on a
part of them and is scaled up (`--pairs`), with one thread: on single images more only wait for each
other. Segmenting is not timed: it is the same in both.

    python benchmarks/fourier_adaptation.py --threads 2
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from medda_lib.methods.fda import donors, spectrum, srsim

DEPTH, SIZE, SCANS, DONORS, BETA = 96, 128, 20, 7, 0.03


def volume(scans: int, seed: int) -> Tensor:
    """Smooth random slices (scans * 96, 1, 128, 128): the numbers do not matter for the time."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(scans * DEPTH, 1, SIZE // 8, SIZE // 8, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")


def swap_loop(target: Tensor, sources: Tensor, chosen: Tensor) -> Tensor:
    """The swap as the formula reads, image by image, with NumPy."""
    middle = SIZE // 2
    rows, columns = np.ogrid[:SIZE, :SIZE]
    inside = np.hypot(rows - middle, columns - middle) < BETA * SIZE
    out = np.empty((DEPTH, DONORS, SIZE, SIZE), dtype=np.float32)
    for i in range(DEPTH):
        for j in range(DONORS):
            t = np.fft.fftshift(np.fft.fft2(target[i, 0].numpy()))
            s = np.fft.fftshift(np.fft.fft2(sources[chosen[i, j], 0].numpy()))
            amplitude = np.where(inside, np.abs(s), np.abs(t))
            mixed = amplitude * np.exp(1j * np.angle(t))
            out[i, j] = np.fft.ifft2(np.fft.ifftshift(mixed)).real
    return torch.from_numpy(out)


def choice_loop(target: Tensor, sources: Tensor, pairs: int) -> None:
    """SR-SIM of `pairs` single pairs, everything made anew for each."""
    for p in range(pairs):
        i, s = p % DEPTH, p // DEPTH % SCANS
        a, b = target[i : i + 1], sources[s * DEPTH + i][None]
        srsim.similarity(srsim.features(a), srsim.features(b))


def choose(target: Tensor, known: srsim.Features, choice: donors.Choice) -> Tensor:
    """Donors of a new scan; the maps of the source scans are there already."""
    reach = donors.reach_of(choice)
    similarity = donors.similarities(srsim.features(target), known, reach)
    return donors.similar_donors(choice, similarity, DONORS)


def seconds(function: Callable[[], object], repeats: int) -> float:
    """The best of some runs."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=200, help="SR-SIM pairs that the loop does")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    target, sources = volume(1, 0), volume(SCANS, 1)
    known = srsim.features(sources)
    amplitudes = spectrum.amplitudes(sources[:, 0], BETA)
    chosen = choose(target, known, "2D")

    def swap() -> Tensor:
        return spectrum.swap_amplitudes(target, amplitudes[chosen], BETA)

    difference = float((swap() - swap_loop(target, sources, chosen)).abs().max())
    print(f"{DEPTH} x {SIZE} x {SIZE}, {DONORS} donors, {SCANS} source scans, ", end="")
    print(f"{given.threads} threads; largest difference of the swaps {difference:.1e}")
    ours = seconds(swap, given.repeats)
    loop = seconds(lambda: swap_loop(target, sources, chosen), 1)
    print(f"swap          ours {ours:7.3f} s   loop {loop:8.2f} s   ratio {loop / ours:6.0f}")
    torch.set_num_threads(1)
    each = seconds(lambda: choice_loop(target, sources, given.pairs), 1) / given.pairs
    torch.set_num_threads(given.threads)
    once = seconds(lambda: srsim.features(sources), 1)
    for choice in ("3D", "2D", "2.5D"):
        found = donors.reach_of(choice) * 2 + 1
        took = seconds(lambda c=choice: choose(target, known, c), given.repeats)  # type: ignore[misc]
        slow = each * DEPTH * SCANS * found
        print(
            f"choice {choice:5}  ours {took:7.3f} s   loop {slow:8.2f} s   ratio {slow / took:6.0f}"
            f"   with the swap {took + ours:6.3f} s"
        )
    print(f"once for each source site: maps of {SCANS} scans {once:.2f} s")


if __name__ == "__main__":
    main()
