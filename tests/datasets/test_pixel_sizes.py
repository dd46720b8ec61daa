"""Which sets know the size of their pixels, before and after squeezing to a square."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from medda_lib.datasets.chest_xray import jsrt, montgomery
from medda_lib.datasets.pictures import Frame
from medda_lib.datasets.registry import CHEST_XRAYS
from tests.datasets.layouts import TINY


def test_jsrt_is_the_same_film_on_every_grid() -> None:
    assert jsrt.pixel(Frame(2048, 2048)) == 0.175
    assert jsrt.pixel(Frame(1024, 1024)) == 0.35


def test_montgomery_knows_its_published_frames_only() -> None:
    for frame in (Frame(4020, 4892), Frame(4892, 4020)):
        assert montgomery.pixel(frame) == 0.0875
    assert montgomery.pixel(Frame(1024, 1024)) != montgomery.pixel(Frame(1024, 1024))


@pytest.mark.parametrize("name", TINY)
def test_sizes_come_with_the_images(name: str, tmp_path: Path) -> None:
    place = TINY[name](tmp_path)
    loaded = CHEST_XRAYS[name].load(tmp_path, size=16, progress=False, **place.load)
    assert loaded.pixel is not None
    assert loaded.pixel.shape == (len(loaded), 2)
    if name == "jsrt":
        film = torch.full((len(loaded), 2), 0.175 * 2048 / 16, dtype=torch.float64)
        torch.testing.assert_close(loaded.pixel, film)
    else:
        assert bool(loaded.pixel.isnan().all())
