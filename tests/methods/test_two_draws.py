"""The released code's strong views: each change against PIL, and how often which is made."""

from __future__ import annotations

import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from medda_lib.methods.augment import two_draws as module
from medda_lib.methods.augment.two_draws import CHANGES, two_draws
from tests.methods.test_augment import SIZE, bytes_images, pil, unit

MAGNITUDE = torch.tensor([1, 3, 5, 7, 9, 9])
NEAREST = Image.Resampling.NEAREST
SIGN = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])


def moved(
    image: Image.Image, *row: float, by: Image.Resampling = Image.Resampling.BILINEAR
) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, row, by)


def theirs(name: str, image: Image.Image, v: int, sign: float) -> Image.Image:
    """What the released code makes of an image; turned and sheared bilinearly."""
    factor, part = 0.9 * v / 10 + 0.05, sign * 0.3 * v / 10
    shift = int(part * SIZE)
    made = {
        "autocontrast": lambda: ImageOps.autocontrast(image),
        "brightness": lambda: ImageEnhance.Brightness(image).enhance(factor),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(factor),
        "equalize": lambda: ImageOps.equalize(image),
        "identity": lambda: image,
        "posterize": lambda: ImageOps.posterize(image, int(4 * v / 10) + 4),
        "rotate": lambda: image.rotate(sign * int(30 * v / 10), Image.Resampling.BILINEAR),
        "sharpness": lambda: ImageEnhance.Sharpness(image).enhance(factor),
        "shear x": lambda: moved(image, 1, part, 0, 0, 1, 0),
        "shear y": lambda: moved(image, 1, 0, 0, part, 1, 0),
        "solarize": lambda: ImageOps.solarize(image, 256 - int(256 * v / 10)),
        "translate x": lambda: moved(image, 1, 0, shift, 0, 1, 0, by=NEAREST),
        "translate y": lambda: moved(image, 1, 0, 0, 0, 1, shift, by=NEAREST),
    }
    return made[name]()


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_is_that_of_the_released_code(name: str) -> None:
    images = bytes_images()
    found = CHANGES[name](images, MAGNITUDE, SIGN)
    for i, (v, sign) in enumerate(zip(MAGNITUDE.tolist(), SIGN.tolist(), strict=True)):
        expected = unit(theirs(name, pil(images[i]), v, sign))
        off = (found[i] - expected).abs()
        # Bilinearly, PIL leaves out what is next to the edge, where ours fades to black.
        edge = name in {"rotate", "shear x", "shear y"}
        assert float(off.quantile(0.9 if edge else 1.0)) <= 2 / 255


def test_one_change_on_average_and_none_in_a_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change adds one to images of zeros, so that they tell how many were made."""
    made = torch.zeros(len(CHANGES))

    def counted(number: int) -> module.Change:
        def change(images: Tensor, _m: Tensor, _s: Tensor) -> Tensor:
            made[number] += len(images)
            return images + 1

        return change

    monkeypatch.setattr(module, "CHANGES", {n: counted(i) for i, n in enumerate(CHANGES)})
    n = 6000
    views = two_draws(torch.zeros(n, 1, 4, 4), torch.Generator().manual_seed(0))
    number = views[:, 0, 0, 0]
    assert float(number.mean()) == pytest.approx(1.0, abs=0.05)
    assert float((number == 0).float().mean()) == pytest.approx(0.25, abs=0.03)
    torch.testing.assert_close(made / n, torch.full_like(made, 1 / 13), rtol=0, atol=0.015)


def test_flips_half_and_shifts_by_four_of_256() -> None:
    places = torch.arange(256.0).expand(300, 1, 1, 256).repeat(1, 1, 4, 1) / 256
    views = two_draws(places, torch.Generator().manual_seed(0), draws=0)
    columns = views[:, 0, 0] * 256
    flipped = columns[:, 100] > columns[:, 101]
    assert 0.4 < float(flipped.float().mean()) < 0.6
    across = torch.where(flipped, 255 - columns[:, 128], columns[:, 128]) - 128
    assert (int(across.min()), int(across.max())) == (-4, 4)


def test_a_function_of_the_generator_that_leaves_its_input_alone() -> None:
    images = bytes_images()
    before = images.clone()
    first, again = (two_draws(images, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(images, before)
    assert first.shape == images.shape
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1 + 1e-6
