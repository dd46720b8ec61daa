from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

from medda_lib.methods.fda import srsim


def smooth(n: int, h: int, w: int, seed: int = 0) -> Tensor:
    """Smooth random images (n, 1, h, w) in [0, 1], float32."""
    noise = np.random.default_rng(seed).random((n, h, w))
    blurred = ndimage.gaussian_filter(noise, (0, 2, 2))
    scaled = (blurred - blurred.min()) / (blurred.max() - blurred.min())
    return torch.from_numpy(scaled).float()[:, None]


# --- an independent implementation: NumPy, SciPy and Pillow, double precision where they can --------


def resized(image: Any, h: int, w: int) -> Any:
    """Bicubic, mirrored borders: tile the mirrored image, resize all of it, keep the middle."""
    row = np.hstack([image[:, ::-1], image, image[:, ::-1]])
    tiles = np.vstack([row[::-1], row, row[::-1]])
    picture = Image.fromarray(tiles.astype(np.float32), mode="F")
    return np.asarray(picture.resize((3 * w, 3 * h), Image.Resampling.BICUBIC), float)[
        h : 2 * h, w : 2 * w
    ]


def reference_saliency(image: Any) -> Any:
    h, w = image.shape
    spectrum = np.fft.fft2(resized(image, h // 4, w // 4))
    amplitude = np.log(np.abs(spectrum))
    residual = amplitude - ndimage.uniform_filter(amplitude, 3, mode="nearest")
    found = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    offsets = np.arange(10) - 4.5
    kernel = np.exp(-(offsets[:, None] ** 2 + offsets[None, :] ** 2) / (2 * 3.8**2))
    kernel /= kernel.sum()
    padded, blurred = np.pad(found, ((4, 5), (4, 5))), np.empty_like(found)
    for y, x in np.ndindex(*found.shape):
        blurred[y, x] = (padded[y : y + 10, x : x + 10] * kernel).sum()
    scaled = (blurred - blurred.min()) / (blurred.max() - blurred.min())
    return resized(scaled, h, w).clip(0, 1)


def reference_gradient(image: Any) -> Any:
    x, y = (
        ndimage.convolve(image, kernel / 16, mode="constant")
        for kernel in (
            np.array([[3.0, 0, -3], [10, 0, -10], [3, 0, -3]]),
            np.array([[3.0, 10, 3], [0, 0, 0], [-3, -10, -3]]),
        )
    )
    return np.hypot(x, y)


def reference(first: Tensor, second: Tensor) -> float:
    a, b = (255 * x[0].double().numpy() for x in (first, second))
    v, w, g, k = reference_saliency(a), reference_saliency(b), *map(reference_gradient, (a, b))
    s_v = (2 * v * w + 0.4) / (v**2 + w**2 + 0.4)
    s_g = (2 * g * k + 225) / (g**2 + k**2 + 225)
    weight = np.maximum(v, w)
    return float((s_v * np.sqrt(s_g) * weight).sum() / weight.sum())


@pytest.mark.parametrize(("h", "w"), [(128, 128), (64, 96), (32, 32), (100, 64)])
def test_agrees_with_an_independent_implementation(h: int, w: int) -> None:
    a, b = smooth(3, h, w), smooth(3, h, w, seed=1)
    b[2] = (a[2] + 0.1 * b[2]).clamp(0, 1)
    found = srsim.similarity(srsim.features(a), srsim.features(b))
    wanted = [reference(x, y) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_maps_agree_with_the_independent_ones() -> None:
    images = smooth(2, 64, 64)
    found = srsim.features(images)
    for i, image in enumerate(images[:, 0].double().numpy()):
        np.testing.assert_allclose(found.saliency[i], reference_saliency(255 * image), atol=2e-3)
        np.testing.assert_allclose(found.gradient[i], reference_gradient(255 * image), atol=1e-2)


def test_large_images_are_averaged_first() -> None:
    images = smooth(2, 512, 512)
    small = torch.nn.functional.avg_pool2d(images, 2)
    whole, half = srsim.features(images), srsim.features(small)
    torch.testing.assert_close(whole.saliency, half.saliency)
    torch.testing.assert_close(whole.gradient, half.gradient, rtol=0, atol=1e-3)


# --- properties and closed forms ----------------------------------------------------------------


def test_identical_images_score_one() -> None:
    known = srsim.features(smooth(4, 64, 64))
    torch.testing.assert_close(srsim.similarity(known, known), torch.ones(4))


def test_symmetric_and_between_zero_and_one() -> None:
    a, b = srsim.features(smooth(5, 64, 64)), srsim.features(torch.rand(4, 1, 64, 64))
    one, other = srsim.pairwise(a, b), srsim.pairwise(b, a)
    torch.testing.assert_close(one, other.T)
    assert (one > 0).all()
    assert (one < 1).all()


def test_falls_with_noise() -> None:
    images = smooth(3, 64, 64)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(3))
    known = srsim.features(images)
    scores = [
        srsim.similarity(known, srsim.features((images + s * noise).clamp(0, 1)))
        for s in (0.0, 0.02, 0.05, 0.1, 0.2)
    ]
    assert all((after < before).all() for before, after in pairwise(scores))


def test_pairwise_is_every_pair() -> None:
    a, b = srsim.features(smooth(3, 32, 32)), srsim.features(smooth(7, 32, 32, seed=5))
    table = srsim.pairwise(a, b)
    assert table.shape == (3, 7)
    for i in range(3):
        for j in range(7):
            one = srsim.Features(a.saliency[i : i + 1], a.gradient[i : i + 1])
            other = srsim.Features(b.saliency[j : j + 1], b.gradient[j : j + 1])
            torch.testing.assert_close(srsim.similarity(one, other)[0], table[i, j])


def test_constructed_maps_have_the_closed_form() -> None:
    """Flat maps: the score is S_V S_G^alpha itself, whatever the weights."""
    flat = torch.ones(1, 4, 4)
    a, b = srsim.Features(0.5 * flat, 30 * flat), srsim.Features(flat, 10 * flat)
    s_v = (2 * 0.5 * 1 + 0.4) / (0.25 + 1 + 0.4)
    s_g = (2 * 30 * 10 + 225) / (900 + 100 + 225)
    assert float(srsim.similarity(a, b)) == pytest.approx(s_v * s_g**0.5, rel=1e-5)


def test_weight_is_the_larger_saliency() -> None:
    """Two pixels: one salient in `a` only and different, one salient in both and alike."""
    a = srsim.Features(torch.tensor([[[1.0, 1.0]]]), torch.tensor([[[0.0, 15.0]]]))
    b = srsim.Features(torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.0, 15.0]]]))
    assert float(srsim.similarity(a, b)) == pytest.approx((0.4 / 1.4 + 1) / 2, rel=1e-5)


def test_ramp_has_a_constant_gradient() -> None:
    ramp = torch.arange(32.0).expand(1, 1, 32, 32) / 255  # one grey value a pixel
    found = srsim.features(ramp).gradient[0, 2:-2, 2:-2]
    torch.testing.assert_close(found, torch.full_like(found, 2.0))  # the kernel spans two pixels


def test_a_brighter_copy_has_the_same_saliency() -> None:
    """The residual of the log amplitude does not feel a factor."""
    images = smooth(2, 64, 64)
    bright, dim = srsim.features(images), srsim.features(images / 3)
    torch.testing.assert_close(bright.saliency, dim.saliency, atol=2e-3, rtol=0)


def test_black_slices_are_alike_and_unlike_others() -> None:
    black, other = srsim.features(torch.zeros(2, 1, 64, 64)), srsim.features(smooth(2, 64, 64))
    torch.testing.assert_close(srsim.similarity(black, black), torch.ones(2))
    assert (srsim.similarity(black, other) < 0.7).all()


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 2, 64, 64), (1, 1, 62, 64), (1, 1, 8, 8)])
def test_wrong_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images"):
        srsim.features(torch.zeros(shape))
