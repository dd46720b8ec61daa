"""Pictures that are not as they should be: what is read, what is refused and what is warned of.

Each row is an input made in a tiny set and what a check says: "" for nothing, "warning: words", or the
words of a problem. Whatever the row, check and load agree: a load raises where there is a problem.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from medda_lib.datasets.registry import CHEST_XRAYS
from tests.datasets.contract import agreed
from tests.datasets.layouts import TINY, lungs, picture

GREY = (picture(96, 80, 0) * 255).round().astype(np.uint8)
LEFT, RIGHT = lungs(96, 80)
MASK = ((LEFT | RIGHT) * 255).astype(np.uint8)
NOISE = np.random.default_rng(0)


def stacked(*parts: NDArray[Any]) -> Image.Image:
    return Image.fromarray(np.stack(parts, -1))


def of(values: NDArray[Any], mode: str) -> Image.Image:
    return Image.fromarray(values).convert(mode)


def deep(bits: int, kind: str = "<u2") -> Image.Image:
    values = NOISE.integers(0, 2**bits, (96, 80))
    values[0, :2] = 0, 2**bits - 1
    return Image.fromarray(values.astype(kind))


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def turned(image: Image.Image, turn: int, kind: str = "PNG") -> bytes:
    exif = image.getexif()
    exif[0x0112] = turn
    return saved(image, kind, exif=exif)


def tagged(image: Image.Image, *transparent: int) -> bytes:
    return saved(image, transparency=transparent[0])


def sixteen_bits_per_colour() -> bytes:
    """An RGB PNG of 16 bits per channel, which Pillow does not write."""
    import zlib

    rows = NOISE.integers(0, 1024, (96, 80, 3)).astype(">u2")
    body = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + crc

    head = struct.pack(">2I5B", 80, 96, 16, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def soft(values: NDArray[Any]) -> NDArray[Any]:
    """The edges of a mask softened over three pixels."""
    wide = np.pad(values.astype(float), 1, mode="edge")
    return np.asarray((wide[:-2, 1:-1] + wide[1:-1, 1:-1] + wide[2:, 1:-1]) / 3, dtype=np.uint8)


FULL = np.full((96, 80), 255, np.uint8)
HALF = np.where(np.arange(80) < 40, 255, 128)[None].repeat(96, 0).astype(np.uint8)
RED = stacked(GREY, GREY // 3, GREY // 4)
SMOOTH = (np.hypot(*(np.mgrid[-48:48, -40:40])) * 4).clip(0, 255).astype(np.uint8)

IMAGES: dict[str, tuple[bytes, str]] = {
    "grey": (saved(of(GREY, "L")), ""),
    "grey as RGB": (saved(of(GREY, "RGB")), ""),
    "grey in a palette": (saved(of(GREY, "P")), ""),
    "colour": (saved(RED), "warning: in colour"),
    "opaque": (saved(stacked(GREY, GREY, GREY, FULL)), ""),
    "transparent": (saved(stacked(GREY, GREY, GREY, HALF)), "parts are transparent"),
    "transparent grey": (saved(stacked(GREY, HALF)), "parts are transparent"),
    "transparent palette": (tagged(of(GREY, "P"), 190), "parts are transparent"),
    "CMYK": (saved(of(GREY, "CMYK"), "JPEG"), "pixels of kind 'CMYK'"),
    "1 bit": (saved(of(GREY, "1")), "pixels of kind '1'"),
    "10 bits": (saved(deep(10)), "more than 8 bits per pixel"),
    "12 bits": (saved(deep(12)), "more than 8 bits per pixel"),
    "8 bits in 16": (saved(deep(8)), "more than 8 bits per pixel"),
    "16 bits, big-endian TIFF": (saved(deep(16, ">u2"), "TIFF"), "more than 8 bits per pixel"),
    "32 bits": (saved(deep(20, "<i4"), "TIFF"), "more than 8 bits per pixel"),
    "floating point": (saved(Image.fromarray(GREY / np.float32(255)), "TIFF"), "kind 'F'"),
    "16 bits per colour": (sixteen_bits_per_colour(), "16 bits per colour"),
    "constant": (saved(of(FULL, "L")), "every pixel has one value"),
    "0 and 1": (saved(of(MASK // 255, "L")), "values 0 and 1 alone"),
    "its own mask": (saved(of(MASK, "L")), "warning: two values alone"),
    "nearly black": (saved(of(GREY // 8, "L")), "warning: nearly black"),
    "two frames": (
        saved(of(GREY, "L"), "GIF", save_all=True, append_images=[of(GREY[::-1], "L")]),
        "several pictures in one file",
    ),
    "two pages": (
        saved(of(GREY, "L"), "TIFF", save_all=True, append_images=[of(GREY[::-1], "L")]),
        "several pictures in one file",
    ),
    "upside down, the mask not": (turned(of(GREY, "L"), 3), "states another turn"),
    "on its side, the mask not": (turned(of(GREY, "L"), 6), "mask of 80 x 96 pixels"),
    "a turn of nonsense": (turned(of(GREY, "L"), 9), ""),
    "text": (b"no picture", "get it again"),
    "damaged": (saved(of(GREY, "L"))[:200] + bytes(400), "get it again"),
}  # fmt: skip

MASKS: dict[str, tuple[bytes, str]] = {
    "0 and 255": (saved(of(MASK, "L")), ""),
    "1 bit": (saved(of(MASK, "1")), ""),
    "RGB": (saved(of(MASK, "RGB")), ""),
    "palette": (saved(of(MASK, "P")), ""),
    "RGBA": (saved(stacked(MASK, MASK, MASK, FULL)), ""),
    "16 bits": (saved(Image.fromarray(MASK.astype(np.uint16) * 257)), ""),
    "8 bits in 16": (saved(Image.fromarray(MASK.astype(np.uint16))), ""),
    "JPEG noise": (saved(of(MASK, "L"), "JPEG", quality=60), ""),
    "soft edges": (saved(of(soft(MASK), "L")), ""),
    "0 and 200": (saved(of(MASK // 255 * 200, "L")), "warning: levels 0 and 200"),
    "0 and 1": (saved(of(MASK // 255, "L")), "the mask is empty: values from 0 to 1"),
    "0, 1, 2": (saved(of((LEFT + 2 * RIGHT).astype(np.uint8), "L")), "the mask is empty"),
    "two greys": (saved(of((100 * LEFT + 200 * RIGHT).astype(np.uint8), "L")), "several levels"),
    "two greys, JPEG": (
        saved(of((100 * LEFT + 200 * RIGHT).astype(np.uint8), "L"), "JPEG", quality=50), "mask",
    ),
    "two bright greys": (saved(of((200 * LEFT + 255 * RIGHT).astype(np.uint8), "L")), "(0, 200, 255)"),
    "a faint part": (saved(of((5 * LEFT + 255 * RIGHT).astype(np.uint8), "L")), "(0, 5, 255)"),
    "three levels in 16 bits": (
        saved(Image.fromarray((300 * LEFT + 65535 * RIGHT).astype(np.uint16))), "more than 8 bits",
    ),
    "colours": (saved(stacked(MASK * LEFT, MASK * RIGHT, MASK * 0)), "a mask in colour"),
    "transparent": (saved(stacked(MASK, MASK, MASK, MASK)), "parts are transparent"),
    "smooth": (saved(of(SMOOTH, "L")), "mask"),
    "an image": (saved(of(GREY, "L")), "mask"),
    "empty": (saved(of(MASK * 0, "L")), "the mask is empty"),
    "full": (saved(of(FULL, "L")), "the mask is full"),
    "inverted": (saved(of(255 - MASK, "L")), "the mask is inverted"),
    "a speck": (saved(of(np.pad(FULL[:4, :4], ((40, 52), (30, 46))), "L")), "warning: only 16 pixels"),
    "turned, the image not": (turned(of(MASK, "L"), 2), "states another turn"),
    "floating point": (saved(Image.fromarray(MASK / np.float32(255)), "TIFF"), "a mask in colour"),
}  # fmt: skip


def pictures_of(
    root: Path, image: bytes, mask: bytes
) -> tuple[Callable[[], Any], Callable[[], object]]:
    for part, data in (("images", image), ("masks", mask)):
        (root / part).mkdir(parents=True)
        (root / part / "x.png").write_bytes(data)
    entry = CHEST_XRAYS["lung_xray_b"]
    return lambda: entry.check(root, counts={}), lambda: entry.load(root, size=32)


@pytest.mark.parametrize("name", IMAGES)
def test_images(name: str, tmp_path: Path) -> None:
    image, expected = IMAGES[name]
    agreed(*pictures_of(tmp_path, image, saved(of(MASK, "L"))), expected)


@pytest.mark.parametrize("name", MASKS)
def test_masks(name: str, tmp_path: Path) -> None:
    mask, expected = MASKS[name]
    agreed(*pictures_of(tmp_path, saved(of(GREY, "L")), mask), expected)


@pytest.mark.parametrize("turn", range(2, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_an_image_and_its_mask_turn_together(turn: int, kind: str, tmp_path: Path) -> None:
    """As stored: bright at the top. As seen: wherever the turn puts it, and the mask with it."""
    values = np.zeros((64, 48), np.uint8)
    values[8:20, 5:43] = 255
    pair = turned(of(values, "L"), turn, kind), turned(of(values, "L"), turn)
    check, load = pictures_of(tmp_path, *pair)
    agreed(
        check, load, "warning: " + ("two values" if kind == "TIFF" else "turned as its EXIF states")
    )
    found: Any = load()
    assert found.images[found.masks].mean() > 0.9
    rows = found.masks[0, 0].any(1).nonzero().squeeze(1)
    middle = {1: 14 / 64, 2: 14 / 64, 3: 50 / 64, 4: 50 / 64}.get(turn, 0.5)
    assert float(rows.float().mean()) / 31 == pytest.approx(middle, abs=0.06)


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        (8, "warning: nearly black"),
        (10, "warning: nearly black"),
        (12, ""),
        (14, "warning: nearly black"),
        (16, ""),
    ],
)
def test_a_set_that_declares_its_white(bits: int, expected: str, tmp_path: Path) -> None:
    TINY["montgomery"](tmp_path)
    image = tmp_path / "CXR_png" / "MCUCXR_0001_0.png"
    with Image.open(image) as old:
        size = old.size
    deep(bits).crop((0, 0, *size)).save(image)
    entry = CHEST_XRAYS["montgomery"]
    agreed(
        lambda: entry.check(tmp_path, counts={}), lambda: entry.load(tmp_path, size=16), expected
    )
