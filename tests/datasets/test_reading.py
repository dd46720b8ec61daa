"""Decoding and resizing, against plain numpy."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from medda_lib.datasets import parallel, reading
from medda_lib.datasets.card import DatasetError
from tests.datasets.layouts import picture, save


def area_average(pixels: NDArray[Any], size: int) -> NDArray[Any]:
    """Exact area integral: overlap of each new row and column with each old one."""

    def weights(n: int) -> NDArray[Any]:
        edges = np.arange(size + 1) * n / size
        low = np.maximum(edges[:-1, None], np.arange(n)[None])
        high = np.minimum(edges[1:, None], np.arange(1, n + 1)[None])
        return np.asarray(np.maximum(high - low, 0) * size / n)

    return np.asarray(weights(pixels.shape[0]) @ pixels @ weights(pixels.shape[1]).T)


@pytest.mark.parametrize("shape", [(64, 64), (128, 32), (96, 160)])
def test_shrinking_by_whole_factors_is_the_block_mean(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).random(shape, dtype=np.float32)
    h, w = shape[0] // 16, shape[1] // 16
    expected = pixels.reshape(16, h, 16, w).mean((1, 3))
    np.testing.assert_allclose(reading.resize(pixels, 16), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(300, 410), (65, 127), (64, 97), (1000, 64), (64, 64)])
def test_shrinking_by_any_factor_is_the_area_integral(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).random(shape, dtype=np.float32)
    np.testing.assert_allclose(reading.resize(pixels, 64), area_average(pixels, 64), atol=1e-5)


def test_one_side_shrinks_and_the_other_grows() -> None:
    pixels = np.random.default_rng(2).random((100, 8), dtype=np.float32)
    tall = area_average(np.repeat(pixels, 4, axis=1), 32)  # rows averaged, columns repeated
    got = reading.resize(pixels, 32)
    assert got.shape == (32, 32)
    np.testing.assert_allclose(got.mean(1), tall.mean(1), atol=0.06)


def test_no_aliasing() -> None:
    """Stripes finer than the new pixels become grey, not coarse stripes."""
    stripes = np.tile(np.array([0, 1], np.float32), (512, 256))
    small = reading.resize(stripes, 32)
    np.testing.assert_allclose(small, 0.5, atol=1e-6)


def test_enlarging_is_smooth_and_stays_in_range() -> None:
    step = np.zeros((8, 8), np.float32)
    step[:, 4:] = 1
    large = reading.resize(step, 32)
    assert large.shape == (32, 32)
    assert len(np.unique(large[0])) > 4
    assert 0 <= large.min() <= large.max() <= 1


def test_whole_frame_is_kept(tmp_path: Path) -> None:
    """Corners stay corners whatever the aspect ratio."""
    corners = np.zeros((60, 200))
    corners[:15, :50] = corners[45:, 150:] = 1
    save(tmp_path / "a.png", corners)
    small = reading.read_image(tmp_path / "a.png", 4)
    expected = np.zeros((4, 4))
    expected[0, 0] = expected[3, 3] = 1
    np.testing.assert_allclose(small, expected, atol=1e-6)


def test_reduced_jpeg_decoding_agrees_with_full_decoding(tmp_path: Path) -> None:
    path = tmp_path / "a.jpeg"
    Image.fromarray((picture(1100, 1300, 0) * 255).astype(np.uint8)).save(path, quality=95)
    with Image.open(path) as image:
        full: NDArray[np.float32] = np.asarray(image.convert("L"), np.float32) / np.float32(255)
    difference = np.abs(reading.read_image(path, 128) - reading.resize(full, 128))
    assert difference.max() < 0.05  # at the outline, a step of 0.5
    assert difference.mean() < 0.003


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P"])
def test_colour_modes_become_grey(mode: str, tmp_path: Path) -> None:
    grey = (picture(32, 32, 0) * 255).round().astype(np.uint8)
    image = Image.fromarray(grey)
    image.convert(mode).save(tmp_path / "a.png")
    got = reading.read_image(tmp_path / "a.png", 32)
    np.testing.assert_allclose(got, grey / np.float32(255), atol=1e-6)


@pytest.mark.parametrize(("white", "scale"), [(4095, 4095), (65535, 65535)])
def test_sixteen_bits(white: int, scale: int, tmp_path: Path) -> None:
    values = picture(32, 32, 0)
    values[0, 0] = 1
    save(tmp_path / "a.png", values, white=white)
    got = reading.read_image(tmp_path / "a.png", 32, whites=(4095, 65535))
    np.testing.assert_allclose(got, values, atol=1.0 / scale)


def test_masks_are_united_thresholded_and_halved(tmp_path: Path) -> None:
    """Binary at 127 first, then the area average, then one half."""
    one, two = np.zeros((2, 32, 32), np.uint8)
    one[3:17, 5:13], two[6:29, 18:27] = 255, 255
    one[3:17, 13], two[29, 18:27] = 140, 100  # soft edges: inside and outside
    for name, values in (("one", one), ("two", two)):
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    binary = (one > 127) | (two > 127)
    expected = binary.reshape(8, 4, 8, 4).mean((1, 3)) >= 0.5
    got = reading.read_mask((tmp_path / "one.png", tmp_path / "two.png"), 8)
    assert got.dtype == np.bool_
    np.testing.assert_array_equal(got, expected)


def test_masks_of_one_image_have_one_size_and_differ(tmp_path: Path) -> None:
    for name, width in (("left", 8), ("copy", 8), ("right", 9)):
        save(tmp_path / f"{name}.png", np.pad(np.ones((4, width - 4)), 2))
    left, copy, right = (tmp_path / f"{name}.png" for name in ("left", "copy", "right"))
    with pytest.raises(DatasetError, match=r"right\.png: 9 x 8 pixels, but left\.png"):
        reading.read_mask([left, right], 4)
    with pytest.raises(DatasetError, match=r"copy\.png: the same mask as .*left\.png"):
        reading.read_mask([left, copy], 4)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nothing\.png: the file is missing"):
        reading.read_image(tmp_path / "nothing.png", 8)


def test_parallel_work_keeps_the_order_and_stops_at_the_first_error() -> None:
    assert list(reading.in_parallel(lambda i: i * i, range(500), "squares")) == [
        i * i for i in range(500)
    ]
    seen: list[int] = []

    def work(i: int) -> int:
        seen.append(i)
        if i in {3, 5}:
            raise DatasetError(f"file {i}")
        time.sleep(0.01)  # all of them would take many times what a busy machine needs to stop
        return i

    with pytest.raises(DatasetError, match="file 3"):
        list(reading.in_parallel(work, range(4000), "files", progress=False))
    assert len(seen) < 2000


def test_progress_is_shown_for_many_files(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "PATIENCE", 0.0)
    list(reading.in_parallel(str, range(reading.MANY + 1), "reading xyz"))
    assert "reading xyz" in capsys.readouterr().err
    list(reading.in_parallel(str, range(reading.MANY + 1), "silent", progress=False))
    assert capsys.readouterr().err == ""


def test_progress_only_for_many_slow_files(capsys: pytest.CaptureFixture[str]) -> None:
    list(reading.in_parallel(str, range(reading.MANY), "few files"))
    list(reading.in_parallel(str, range(reading.MANY + 1), "quick files"))
    assert capsys.readouterr().err == ""
