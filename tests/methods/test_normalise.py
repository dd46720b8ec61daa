"""Per-image normalisation."""

from __future__ import annotations

import numpy as np
import torch

from medda_lib.methods.normalise import standardise


def test_is_the_z_score_of_each_image() -> None:
    images = torch.rand(3, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    expected = [(x - x.mean()) / x.std() for x in images.numpy()]
    np.testing.assert_allclose(standardise(images).numpy(), np.stack(expected), atol=1e-5)


def test_a_flat_image_becomes_zeros() -> None:
    assert torch.equal(standardise(torch.full((1, 1, 4, 4), 0.5)), torch.zeros(1, 1, 4, 4))
