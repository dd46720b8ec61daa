"""From an image file to a small square array: decode, make grey, shrink with area averaging.

The whole frame is kept and squeezed to size x size; the aspect ratio is not (Haque et al. resize to
256 x 256, section 3.1). Shrinking averages over exactly the area that a new pixel covers, which
keeps noise and thin structures from aliasing; enlarging is bilinear. A mask is made binary first,
averaged like the image, and binary again at one half, so that its area and outline follow the
image's. Pillow decodes; its errors come out as `DatasetError` with the file's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medda_lib.datasets import parallel
from medda_lib.datasets.card import DatasetError

Pixels = NDArray[np.float32]
T = TypeVar("T")
R = TypeVar("R")

BILINEAR = Image.Resampling.BILINEAR
MANY = 200  # files; more than this and a progress bar is shown
THREADS = 8


def frame(path: Path) -> tuple[int, int]:
    """(width, height) from the file's header, without decoding it."""
    with _opened(path) as image:
        return image.size


def read_image(path: Path, size: int) -> Pixels:
    """The image as (size, size) float32 in [0, 1]. Raises DatasetError when it cannot be decoded.

    8-bit files are divided by 255; 16-bit ones by 4095 when no value is larger (12-bit detectors),
    else by 65535. Colour becomes luma, transparency is ignored.
    """
    with _opened(path) as image:
        # JPEG can decode at 1/2, 1/4 or 1/8 directly; twice the wanted size leaves the last
        # step to the area average.
        image.draft("L", (2 * size, 2 * size))
        return resize(_grey(image), size)


def read_mask(paths: Iterable[Path], size: int) -> NDArray[np.bool_]:
    """The union of mask files as (size, size) bool; inside is what is brighter than 127 of 255.

    Raises DatasetError when a file cannot be decoded, the files differ in size, or none of them
    marks any pixel (a lung mask is never empty; masks of 0 and 1 show up here).
    """
    files = tuple(paths)
    union: NDArray[np.bool_] | None = None
    for path in files:
        with _opened(path) as image:
            inside = np.asarray(image.convert("L")) > 127
        if union is not None and union.shape != inside.shape:
            raise DatasetError(
                f"{path}: {_size(inside)} pixels, but {files[0].name} of {files[0].parent} has "
                f"{_size(union)}; get both files again"
            )
        union = inside if union is None else union | inside
    if union is None or not union.any():
        names = " and ".join(map(str, files)) or "no mask file"
        raise DatasetError(f"{names}: the mask is empty; expected 0 outside and 255 inside")
    return resize(union.astype(np.float32), size) >= 0.5


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


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An opened image; everything that Pillow may raise inside becomes a DatasetError."""
    try:
        with Image.open(path) as image:
            yield image
    except DatasetError:
        raise
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: the file is missing; extract the data set again") from error
    # Broken PNG chunks raise SyntaxError, other damage OSError or ValueError.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(
            f"{path}: cannot be decoded ({error}); it is truncated or no image: get it again"
        ) from error


def _grey(image: Image.Image) -> Pixels:
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.float32)
        return values / np.float32(4095 if values.max(initial=0) <= 4095 else 65535)
    return np.asarray(image.convert("L"), dtype=np.float32) / np.float32(255)


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


def _size(pixels: NDArray[np.bool_]) -> str:
    return f"{pixels.shape[1]} x {pixels.shape[0]}"
