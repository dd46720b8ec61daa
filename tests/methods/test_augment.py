"""The augmentations against PIL and torchvision, and the random subsets against their description."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

import medda_lib._torchvision  # noqa: F401 - must run before torchvision is imported
from medda_lib.methods.augment import geometry, intensity, strong, weak

reference = importlib.import_module("torchvision.transforms.functional")
N, SIZE = 6, 40


def bytes_images(seed: int = 0) -> Tensor:
    """Smooth images (6, 1, 40, 40) that are multiples of 1/255, with different ranges."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(N, 1, 6, 6, generator=rng)
    images = torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bicubic")
    low = torch.linspace(0, 0.3, N).view(-1, 1, 1, 1)
    images = low + (0.9 - low) * images.clamp(0, 1)
    return (images * 255).round() / 255


def pil(image: Tensor) -> Image.Image:
    return Image.fromarray((image[0] * 255).round().to(torch.uint8).numpy())


def unit(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(image).astype(np.float32) / 255)[None]


FACTORS = torch.tensor([0.1, 0.5, 0.9, 1.0, 1.5, 1.9])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (intensity.brightness, ImageEnhance.Brightness),
        (intensity.contrast, ImageEnhance.Contrast),
        (intensity.sharpness, ImageEnhance.Sharpness),
    ],
)
def test_enhancements_equal_pil_within_a_grey_level(ours: object, theirs: object) -> None:
    images = bytes_images()
    found = ours(images, FACTORS)  # type: ignore[operator]
    for i, factor in enumerate(FACTORS.tolist()):
        expected = unit(theirs(pil(images[i])).enhance(factor))  # type: ignore[operator]
        assert float((found[i] - expected).abs().max()) <= 2 / 255


def test_equalize_equals_pil_exactly() -> None:
    images = bytes_images()
    images[4] = 0.2  # flat
    images[5] = (images[5] > 0.5).float()  # two levels
    expected = torch.stack([unit(ImageOps.equalize(pil(x))) for x in images])
    torch.testing.assert_close(intensity.equalize(images), expected)


def test_autocontrast_solarize_posterize() -> None:
    images = bytes_images()
    stretched = torch.stack([unit(ImageOps.autocontrast(pil(x))) for x in images])
    assert float((intensity.autocontrast(images) - stretched).abs().max()) <= 1 / 255
    flat = torch.full((2, 1, 4, 4), 0.3)
    assert torch.equal(intensity.autocontrast(flat), flat)
    thresholds = torch.tensor([0, 50, 100, 128, 200, 255])
    solarized = [
        unit(ImageOps.solarize(pil(x), int(t))) for x, t in zip(images, thresholds, strict=True)
    ]
    torch.testing.assert_close(intensity.solarize(images, thresholds / 255), torch.stack(solarized))
    bits = torch.tensor([4, 5, 6, 7, 8, 4])
    posterized = [
        unit(ImageOps.posterize(pil(x), int(b))) for x, b in zip(images, bits, strict=True)
    ]
    torch.testing.assert_close(intensity.posterize(images, bits), torch.stack(posterized))


@pytest.mark.parametrize(
    ("maps", "arguments"),
    [
        (geometry.rotation(torch.tensor([30.0])), {"angle": -30.0}),
        (geometry.rotation(torch.tensor([-17.0])), {"angle": 17.0}),
        (geometry.translation(torch.tensor([0.25]), torch.zeros(1)), {"translate": [-10, 0]}),
        (geometry.translation(torch.zeros(1), torch.tensor([-0.1])), {"translate": [0, 4]}),
    ],
)
def test_rotation_and_translation_equal_torchvision(
    maps: Tensor, arguments: dict[str, float]
) -> None:
    images = bytes_images()
    given = {"angle": 0.0, "translate": [0, 0], "scale": 1.0, "shear": [0.0, 0.0]} | arguments
    expected = reference.affine(images, interpolation=reference.InterpolationMode.BILINEAR, **given)
    torch.testing.assert_close(
        geometry.resample(images, maps.repeat(N, 1, 1)), expected, rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("axis", ["x", "y"])
def test_shear_equals_pil(axis: str) -> None:
    """PIL samples at (x + a y + c): with the origin moved to the centre, that is our map."""
    images, amount, zero = bytes_images(), 0.3, torch.zeros(N)
    amounts = torch.full((N,), amount)
    maps = geometry.shear(amounts, zero) if axis == "x" else geometry.shear(zero, amounts)
    shift = -amount * SIZE / 2
    row = (1, amount, shift, 0, 1, 0) if axis == "x" else (1, 0, 0, amount, 1, shift)
    found = geometry.resample(images, maps)
    for x, y in zip(images, found, strict=True):
        moved = pil(x).transform(
            (SIZE, SIZE), Image.Transform.AFFINE, row, Image.Resampling.BILINEAR
        )
        inside = (
            (slice(None), slice(2, -2), slice(14, -14))
            if axis == "x"
            else (slice(None), slice(14, -14), slice(2, -2))
        )
        assert float((y - unit(moved))[inside].abs().max()) < 2 / 255


def test_flip_and_shift_equal_padding_and_cropping() -> None:
    images = bytes_images()
    flips = torch.tensor([True, False, True, False, True, False])
    rows, columns = torch.tensor([0, 5, -5, 3, -1, 0]), torch.tensor([0, -5, 5, 2, 4, -3])
    found = geometry.flip_and_shift(images, flips, rows, columns)
    for i in range(N):
        image = reference.hflip(images[i]) if flips[i] else images[i]
        padded = reference.pad(image, [5, 5, 5, 5], padding_mode="reflect")
        top, left = 5 + int(rows[i]), 5 + int(columns[i])
        assert torch.equal(found[i], reference.crop(padded, top, left, SIZE, SIZE))


def test_weak_shifts_by_an_eighth_and_flips_half() -> None:
    """A picture of its own column numbers tells where each pixel came from."""
    places = torch.arange(64.0).expand(400, 1, 64, 64) / 64
    both = torch.cat([places, places.transpose(2, 3)], dim=1)
    moved = weak.weak(both, torch.Generator().manual_seed(0))
    columns, rows = moved[:, 0, 32, :] * 64, moved[:, 1, :, 32] * 64
    flipped = columns[:, 30] > columns[:, 31]
    assert 0.4 < float(flipped.float().mean()) < 0.6
    down = rows[:, 32] - 32
    assert (int(down.min()), int(down.max())) == (-8, 8)
    across = torch.where(flipped, 63 - columns[:, 32], columns[:, 32]) - 32
    assert (int(across.min()), int(across.max())) == (-8, 8)


@pytest.mark.parametrize("name", strong.POOL)
def test_each_change_of_the_pool_alone(name: str) -> None:
    """It changes images (but for the identity), keeps shape and range, and ignores the others."""
    images = bytes_images()
    taken = torch.zeros(N, len(strong.POOL), dtype=torch.bool)
    taken[: N // 2, strong.POOL.index(name)] = True
    found = strong.apply(images, taken, torch.Generator().manual_seed(1))
    assert found.shape == images.shape
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1 + 1e-6
    assert torch.equal(found[N // 2 :], images[N // 2 :])
    assert torch.equal(found[: N // 2], images[: N // 2]) is (name == "identity")


def test_pool_is_the_papers() -> None:
    text = (
        "flip crop autocontrast brightness contrast equalize identity posterize rotate sharpness "
        "shear_x shear_y solarize translate_x translate_y"
    )
    assert [name.replace(" ", "_") for name in strong.POOL] == text.split()


def test_strong_is_a_function_of_the_generator_and_leaves_its_input_alone() -> None:
    images = bytes_images()
    before = images.clone()
    first, again = (strong.strong(images, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(images, before)
    other = strong.strong(images, torch.Generator().manual_seed(6))
    assert not torch.equal(first, other)
    assert torch.equal(strong.strong(images, torch.Generator(), share=0.0), images)


def test_affine_reach() -> None:
    """Rotation up to 30 degrees, shear up to 0.3, translation up to 30% of the size."""
    columns = {name: torch.zeros(500) for name in strong.POOL}
    for name, entry, reach in [
        ("rotate", (1, 0), 0.5),  # sin 30
        ("shear x", (0, 1), 0.3),
        ("shear y", (1, 0), 0.3),
        ("translate x", (0, 2), 0.6),  # in units of half the size
        ("translate y", (1, 2), 0.6),
    ]:
        maps = strong._maps({**columns, name: torch.ones(500)}, torch.Generator().manual_seed(0))
        values = maps[:, entry[0], entry[1]]
        assert 0.95 * reach < float(values.max()) <= reach
        assert -reach <= float(values.min()) < -0.95 * reach
