"""From an image file to a small square array: decode, make grey, shrink with area averaging.

The whole frame is kept and squeezed to size x size; the aspect ratio is not (Haque et al. resize to
256 x 256, section 3.1). Shrinking averages over exactly the area that a new pixel covers, which
keeps noise and thin structures from aliasing; enlarging is bilinear. A mask is made binary first,
averaged like the image, and binary again at one half, so that its area and outline follow the
image's. What a file has to be before it is read is the contract of `pictures`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from medda_lib.datasets import parallel, pictures
from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.checking import Seen, content_of
from medda_lib.datasets.pictures import Frame, Inside, Pixels

T = TypeVar("T")
R = TypeVar("R")

BILINEAR = Image.Resampling.BILINEAR
MANY = 200  # files; more than this and a progress bar is shown
THREADS = 8


@dataclass(frozen=True)
class PictureForm:
    """Pictures as `pictures` describes them. whites: of files of more than 8 bits, () refuses those."""

    whites: tuple[int, ...] = ()

    def frame(self, path: Path) -> Frame:
        """Width, height and turn, from the header."""
        return pictures.frame(path)

    def read(self, path: Path, size: int) -> Pixels:
        """The image as (size, size) float32 in [0, 1]. Raises DatasetError."""
        return read_image(path, size, self.whites)

    def look(self, path: Path) -> Seen:
        """The whole image decoded: the hash of its levels, and what is suspicious about it."""
        with pictures.opened(path) as image:
            values, white = pictures.levels(path, image, self.whites)
            return Seen(content_of(values), tuple(pictures.remarks(path, image, values, white)))


def read_image(path: Path, size: int, whites: Sequence[int] = ()) -> Pixels:
    """The image as (size, size) float32 in [0, 1]. Raises DatasetError: see `pictures`.

    whites: how bright white is in files of more than 8 bits, where the set declares that; the smallest
    that no value of the file exceeds is taken. Colour becomes luma.
    """
    drafted = False
    try:
        with pictures.opened(path) as image:
            # JPEG can decode at 1/2, 1/4 or 1/8 directly; twice the wanted size leaves the last
            # step to the area average.
            drafted = image.draft("L", (2 * size, 2 * size)) is not None
            return resize(pictures.grey(path, image, whites), size)
    except DatasetError:
        if not drafted:
            raise
    with pictures.opened(path) as image:  # the whole image decides, as in a check
        return resize(pictures.grey(path, image, whites), size)


def read_mask(paths: Iterable[Path], size: int) -> Inside:
    """The union of mask files as (size, size) bool; inside is what is brighter than 127 of 255.

    Raises DatasetError for a file that is no mask (see `pictures`), files that differ in size, and for
    one mask under two names (a left lung's file copied as the right one's).
    """
    union, _ = united(paths)
    return resize(union.astype(np.float32), size) >= 0.5


def united(paths: Iterable[Path]) -> tuple[Inside, tuple[str, ...]]:
    """The union of mask files at full size, (h, w) bool, and what is suspicious about them."""
    parts: dict[Path, Inside] = {}
    warnings: list[str] = []
    for path in paths:
        with pictures.opened(path) as image:
            part = pictures.inside(path, image)
            warnings += pictures.mask_remarks(path, image, part)
        for other, before in parts.items():
            if before.shape != part.shape:
                raise DatasetError(
                    f"{path}: {_size(part)} pixels, but {other.name} of {other.parent} has "
                    f"{_size(before)}; get both files again"
                )
            if np.array_equal(before, part):
                raise DatasetError(f"{path}: the same mask as {other}; get both files again")
        parts[path] = part
    if not parts:
        raise DatasetError("no mask file; get the data set again")
    return np.logical_or.reduce(list(parts.values())), tuple(warnings)


def resize(pixels: Pixels, size: int) -> Pixels:
    """(h, w) float32 -> (size, size): area average when shrinking, bilinear when enlarging."""
    rows = _area_average(pixels, size)
    both = _area_average(rows.T, size).T
    if both.shape != (size, size):
        enlarged = Image.fromarray(np.ascontiguousarray(both)).resize((size, size), BILINEAR)
        both = np.asarray(enlarged, dtype=np.float32)
    return both.clip(0, 1)


def in_parallel(
    work: Callable[[T], R], items: Iterable[T], what: str, *, progress: bool = True
) -> Iterator[R]:
    """`work` over `items` in order, decoded by a few threads (Pillow releases the lock).

    Shows a progress bar for more than 200 items.
    """
    return parallel.in_parallel(
        work, items, what, unit="file", threads=THREADS, many=MANY, progress=progress
    )


def _area_average(pixels: Pixels, size: int) -> Pixels:
    """(n, w) -> (size, w): the exact mean over n / size old rows; unchanged when n <= size.

    New row i covers the interval [i, i + 1] n / size. Whole old rows are summed from the floor of
    one edge to the floor of the next; what that gives too much at the first edge and too little at
    the second is the fraction of the row in which the edge lies.
    """
    n = len(pixels)
    if n <= size:
        return pixels
    edges = np.arange(size + 1) * n / size
    whole = np.floor(edges).astype(np.int64)
    fraction = (edges - whole).astype(np.float32)
    border = pixels[np.minimum(whole, n - 1)] * fraction[:, None]
    sums = np.add.reduceat(pixels, whole[:-1], axis=0)
    average: Pixels = (sums + border[1:] - border[:-1]) * np.float32(size / n)
    return average


def _size(pixels: Inside) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
