"""The residual U-Net: shapes, its bottleneck, and a residual block against its formula."""

import pytest
import torch
from torch.nn import functional as F

from medda_lib.networks.residual_unet import ResidualBlock, ResidualUNet


@pytest.mark.parametrize(("width", "levels", "size"), [(2, 2, 8), (4, 4, 32), (3, 5, 48)])
def test_shapes(width: int, levels: int, size: int) -> None:
    # images (2, 1, s, s) -> logits of the same shape; level k has width * 2^k channels at s / 2^k
    network = ResidualUNet(width, levels)
    x = torch.rand(2, 1, size, size)
    values = network.encode(x)
    assert [tuple(v.shape[1:]) for v in values] == [
        (width * 2**k, size // 2**k, size // 2**k) for k in range(levels)
    ]
    assert network(x).shape == x.shape
    torch.testing.assert_close(network.decode(values).shape, x.shape)


def test_block_is_activation_of_inner_path_plus_input() -> None:
    block = ResidualBlock(3, 3).eval()
    for layer in (block.norm1, block.norm2):
        layer.running_mean.normal_()  # type: ignore[union-attr]
        layer.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
    x = torch.randn(2, 3, 6, 6)

    def norm(y: torch.Tensor, layer: torch.nn.BatchNorm2d) -> torch.Tensor:
        mean, var = layer.running_mean, layer.running_var
        assert mean is not None
        assert var is not None
        scaled = (y - mean[:, None, None]) / (var[:, None, None] + layer.eps).sqrt()
        return scaled * layer.weight[:, None, None] + layer.bias[:, None, None]

    inner = norm(F.conv2d(x, block.conv1.weight, padding=1), block.norm1).clamp_min(0)
    wanted = (norm(F.conv2d(inner, block.conv2.weight, padding=1), block.norm2) + x).clamp_min(0)
    torch.testing.assert_close(block(x), wanted, rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_gradient() -> None:
    network = ResidualUNet(2, 3)
    network(torch.rand(2, 1, 16, 16)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_a_size_that_does_not_halve_is_refused() -> None:
    with pytest.raises(ValueError, match="divisible by 8"):
        ResidualUNet(2, 4)(torch.rand(1, 1, 20, 16))
    with pytest.raises(ValueError, match="levels"):
        ResidualUNet(2, 1)
