"""The hippocampus phantom: determinism, volume, the dial, atrophy, labels, signal, errors."""

import torch

from medda_lib.phantoms.hippocampus_mr import SOURCES, render


def test_shapes_and_range() -> None:
    for spacing, shape in ((1.0, (48, 60, 48)), (1.5, (32, 40, 32)), (3.0, (16, 20, 16))):
        crops = render(SOURCES["harp"], [3], spacing)
        assert crops.volumes.shape == crops.hippocampus.shape == (1, *shape)
        assert crops.volumes.dtype == torch.float32
        assert crops.hippocampus.dtype == torch.bool
        assert crops.tissues.dtype == torch.uint8
        assert crops.spacing == (spacing,) * 3
        assert float(crops.volumes.min()) == 0
        assert float(crops.volumes.max()) == 1


def test_a_crop_depends_on_its_own_seed_only() -> None:
    together = render(SOURCES["dryad"], [1, 2], 1.5)
    alone = render(SOURCES["dryad"], [2], 1.5)
    assert torch.equal(together.volumes[1], alone.volumes[0])
    assert torch.equal(together.hippocampus[1], alone.hippocampus[0])
    assert not torch.equal(together.hippocampus[0], together.hippocampus[1])
