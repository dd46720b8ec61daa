"""What a picture has to be before it is read: one contract for depth, colour, turn and masks.

A picture file says less than it seems: how bright white is, what lies under transparency, which way is
up and which greys of a mask are inside are all read off it in silence, and wrongly. What cannot be known
is refused here, with the remedy; what is legitimate but suspicious is a warning.

Both kinds. One frame. Transparency nowhere. The turn in EXIF is applied, as viewers do; an image and its
mask have to state the same turn, because no one can tell whether the mask was drawn before or after it.

Images. 8 bits per channel; grey, a palette or RGB, which becomes luma (colour: a warning). More than 8
bits only where the set declares how bright white is (`whites`): a value above is refused, none above a
quarter of it is a warning, as for 8 bits; so are two values alone. Not: 1 bit, floating point, CMYK, one
value throughout, 0 and 1 alone.

Masks. Two levels, dark outside and bright (above 127 of 255) inside; edges may be soft by a few pixels
and compression may add noise. Several levels or colours, smooth maps, an empty, full or inverted mask
are refused; two levels other than 0 and 255, or next to nothing inside, are a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.folder import unreadable

Pixels = NDArray[np.float32]
Inside = NDArray[np.bool_]

COLOURS = ("RGB", "RGBA", "RGBX", "P", "PA", "LA", "YCbCr")
NEAR = 16  # of 255: channels that differ by less are grey with the noise of compression
THRESHOLD = 127
FLAT = 0.005  # of the frame: a level that fills more is a part of the mask, not an edge
SOFT = 0.001  # of the frame: that much may be grey with only grey around it
SPECK = 0.01  # of the frame: a mask of less is suspicious
EDGE = 0.9  # of the frame's edge: a mask that holds more is inverted


class Frame(NamedTuple):
    """Width and height as seen, after the turn that EXIF states (1: none)."""

    width: int
    height: int
    turn: int = 1


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An opened picture; everything that Pillow may raise inside becomes a DatasetError."""
    try:
        # Not by its path: Pillow maps such a file into memory, and mixes up the sides of a turned TIFF.
        with path.open("rb") as stream, Image.open(stream) as image:
            yield image
    except DatasetError:
        raise
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: the file is missing; extract the data set again") from error
    except (PermissionError, IsADirectoryError) as error:
        raise unreadable(path, error) from error
    # Broken PNG chunks raise SyntaxError, other damage nearly anything, depending on the format.
    except (
        ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
        SyntaxError, TypeError, ValueError, Image.DecompressionBombError,
    ) as error:  # fmt: skip
        what = "no known format" if isinstance(error, UnidentifiedImageError) else error
        raise DatasetError(
            f"{path}: cannot be decoded ({what}); it is truncated or no image: get it again"
        ) from error


def frame(path: Path) -> Frame:
    """The frame from the file's header, without decoding it."""
    with opened(path) as image:
        turn = _turn(image)
        # Pillow states the size of a TIFF as turned.
        width, height = image.size[:: -1 if turn >= 5 and image.format != "TIFF" else 1]
        return Frame(width, height, turn)


def grey(path: Path, image: Image.Image, whites: Sequence[int] = ()) -> Pixels:
    """An opened image as (h, w) float32 in [0, 1], turned. Raises DatasetError: see the contract."""
    values, white = levels(path, image, whites)
    return values.astype(np.float32) / np.float32(white)


def levels(path: Path, image: Image.Image, whites: Sequence[int]) -> tuple[NDArray[Any], int]:
    """The grey levels (h, w) of an opened image, turned, and how bright white is."""
    deep = image.mode.startswith("I")
    if not deep and image.mode != "L" and image.mode not in COLOURS:
        raise DatasetError(
            f"{path}: pixels of kind {image.mode!r}; expected grey or RGB of 8 bits: convert it"
        )
    image = _upright(path, image)
    values = np.asarray(image if deep else image.convert("L"))
    if not values.size or (low := values.min()) == (high := values.max()):
        raise DatasetError(f"{path}: every pixel has one value; get the file again")
    if high <= 1:
        raise DatasetError(
            f"{path}: values 0 and 1 alone; this is a mask, or an image stored without its scale: get "
            "the file again"
        )
    if not deep:
        return values, 255
    white = next((w for w in sorted(whites) if high <= w), None)
    if white is None or low < 0:
        expected = f"0 to {max(whites)}" if whites else "8 bits, and how bright white is is unknown"
        raise DatasetError(
            f"{path}: more than 8 bits per pixel with values from {low} to {high}, expected {expected}; "
            "convert it to 8 bits by its true white, or get the file again"
        )
    return values, white


def remarks(path: Path, image: Image.Image, values: NDArray[Any], white: int) -> Iterator[str]:
    """What is suspicious about an image that is read all the same."""
    if (high := int(values.max())) < white / 4:
        yield f"{path}: values up to {high} of {white}, nearly black; was its white another one?"
    if np.count_nonzero(np.bincount(values.ravel())) <= 2:
        yield f"{path}: two values alone; is it a mask instead of an image?"
    if image.mode in {"RGB", "P", "RGBA", "YCbCr"} and _coloured(image, share=0.01):
        yield f"{path}: in colour, read as its luma; is it a photograph, or annotated?"
    if _turn(image) != 1:
        yield f"{path}: turned as its EXIF states; is it the right way up?"


def inside(path: Path, image: Image.Image) -> Inside:
    """Where an opened mask marks something, (h, w) bool, turned. Raises DatasetError."""
    values = _mask_values(path, _upright(path, image))
    marked = values > THRESHOLD
    if not marked.any():
        raise DatasetError(
            f"{path}: the mask is empty: values from {values.min()} to {values.max()}, expected 0 "
            "outside and 255 inside; get it again, or multiply it up if 1 is inside"
        )
    if marked.all():
        raise DatasetError(f"{path}: the mask is full; expected 0 outside and 255 inside")
    _refuse_levels(path, values)
    edge = np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]])
    if edge.mean() > EDGE:
        raise DatasetError(f"{path}: the frame's edge is inside; the mask is inverted: invert it")
    return marked


def mask_remarks(path: Path, image: Image.Image, marked: Inside) -> Iterator[str]:
    """What is suspicious about a mask that is read all the same."""
    if marked.mean() < SPECK:
        yield f"{path}: only {int(marked.sum()):,} pixels are inside; is the mask whole?"
    low, high = image.convert("L").getextrema()
    if (low, high) != (0, 255):
        yield f"{path}: levels {low} and {high} instead of 0 and 255; is it the mask?"


def _upright(path: Path, image: Image.Image) -> Image.Image:
    """The decoded picture, turned as EXIF states. Refuses several frames, transparency, lost bits."""
    if getattr(image, "n_frames", 1) > 1:
        raise DatasetError(f"{path}: several pictures in one file; save the one that belongs here")
    # Pillow drops the lower half of 16 bits per colour, whatever is in it.
    tiles: list[Any] = getattr(image, "tile", [])
    if not image.mode.startswith("I") and any(";16" in str(tile[3]) for tile in tiles):
        raise DatasetError(
            f"{path}: 16 bits per colour; convert it to 8 bits by its true white, or to grey"
        )
    turn = _turn(image)
    image.load()
    if image.has_transparency_data and not image.mode.startswith("I"):
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            raise DatasetError(f"{path}: parts are transparent; save it without transparency")
    if turn == 1 or image.format == "TIFF":  # Pillow turns a TIFF as it loads it
        return image
    return ImageOps.exif_transpose(image)


def _turn(image: Image.Image) -> int:
    """The turn that the header states, 2 to 8, else 1."""
    # Not the format's own getexif: that of PNG decodes the whole file.
    turn = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    return turn if turn in range(2, 9) else 1


def _coloured(image: Image.Image, share: float) -> bool:
    """Whether more than a share of the pixels has channels that differ by more than noise."""
    r, g, b = np.moveaxis(np.asarray(image.convert("RGB")).astype(np.int16), -1, 0)
    return float(((abs(r - g) > NEAR) | (abs(g - b) > NEAR)).mean()) > share


def _mask_values(path: Path, image: Image.Image) -> NDArray[Any]:
    """(h, w) levels of 0 to 255. Raises DatasetError for kinds of pixels whose inside is unknown."""
    if image.mode in {"1", "L"}:
        return np.asarray(image.convert("L"))
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if set(np.unique(values).tolist()) in ({0, 255}, {0, 65535}):
            return np.asarray(values > THRESHOLD, dtype=np.uint8) * np.uint8(255)
        raise DatasetError(
            f"{path}: a mask of more than 8 bits with values from {values.min()} to {values.max()}; "
            "expected 0 outside and 255 inside: convert it"
        )
    if image.mode not in COLOURS or _coloured(image, share=0.0):
        raise DatasetError(
            f"{path}: a mask in colour; which colours are inside is not known: save it with 0 outside "
            "and 255 inside"
        )
    return np.asarray(image.convert("L"))


def _refuse_levels(path: Path, values: NDArray[Any]) -> None:
    """Raise DatasetError for a third level or a smooth map. Soft edges and noise are neither."""
    if np.count_nonzero(np.bincount(values.ravel())) <= 2:
        return
    flat = values[1:-1, 1:-1][_like_neighbours(values)]
    share = np.bincount(flat, minlength=256) / values.size
    parts = np.flatnonzero(share > FLAT)
    if (parts <= THRESHOLD).sum() > 1 or (parts > THRESHOLD).sum() > 1:
        raise DatasetError(
            f"{path}: a mask of several levels ({', '.join(map(str, parts))}); which are inside is not "
            "known: save it with 0 outside and 255 inside"
        )
    between = (values >= 32) & (values < 224)
    if _core(_core(between)).sum() > SOFT * values.size:
        raise DatasetError(
            f"{path}: parts of the mask are grey, between 0 and 255; is it an image or a probability? "
            "Expected 0 outside and 255 inside"
        )


def _like_neighbours(values: NDArray[Any]) -> Inside:
    """(h - 2, w - 2): where a pixel equals the four beside it."""
    middle = values[1:-1, 1:-1]
    beside = (values[:-2, 1:-1], values[2:, 1:-1], values[1:-1, :-2], values[1:-1, 2:])
    like: Inside = np.logical_and.reduce([middle == other for other in beside])
    return like


def _core(marked: Inside) -> Inside:
    """The marked pixels whose four neighbours are marked, the outermost row and column cut off."""
    return np.logical_and(marked[1:-1, 1:-1], _like_neighbours(marked))
