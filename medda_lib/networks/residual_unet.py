"""A two-dimensional U-Net of residual blocks with batch normalisation.

The segmentation network of the chapters on scanner shift. Zakazov et al. and Goodman et al. both name
a 2-D U-Net and no more ("with residual blocks", the former); widths, depth and normalisation are
ours. (The released code of the latter has another network: yishayahu/AIVA, commit 3ae7eda,
model/unet.py:14-64.) Batch normalisation is not a detail here: AdaBN adapts by its statistics. The
encoder's last value is the bottleneck that AIVA clusters.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """Conv, norm, ReLU, conv, norm, plus the input (through a 1x1 convolution where channels differ)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        same = inputs == outputs
        self.skip: nn.Module = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h, w)."""
        inner = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(inner)) + self.skip(x))


class ResidualUNet(nn.Module):
    """Images (n, 1, h, w) -> mask logits (n, 1, h, w); h and w divisible by 2 ** (levels - 1).

    width: channels of the first level; each level below has twice as many at half the size.
    """

    def __init__(self, width: int = 8, levels: int = 4) -> None:
        super().__init__()
        if width < 1 or levels < 2:
            raise ValueError(f"width {width}, levels {levels}: need at least 1 and 2")
        channels = [width * 2**k for k in range(levels)]
        self.levels = levels
        self.down = nn.ModuleList(ResidualBlock(a, b) for a, b in pairwise([1, *channels]))
        upwards = list(reversed(channels))
        self.up = nn.ModuleList(ResidualBlock(a + b, b) for a, b in pairwise(upwards))
        self.last = nn.Conv2d(width, 1, 1)

    def encode(self, x: Tensor) -> list[Tensor]:
        """The levels' values, largest first; the last is the bottleneck (n, c, h / 2^k, w / 2^k)."""
        step = 2 ** (self.levels - 1)
        if x.shape[-2] % step or x.shape[-1] % step:
            raise ValueError(f"images: {tuple(x.shape[-2:])} is not divisible by {step}")
        values = [self.down[0](x)]
        for block in self.down[1:]:
            values.append(block(F.max_pool2d(values[-1], 2)))
        return values

    def decode(self, values: list[Tensor]) -> Tensor:
        """Logits (n, 1, h, w) from the values of `encode`."""
        x = values[-1]
        for block, skip in zip(self.up, reversed(values[:-1]), strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), skip], dim=1))
        return cast(Tensor, self.last(x))

    def pooled(self, bottom: Tensor) -> Tensor:
        """A bottleneck (n, c, h', w') averaged over its pixels, (n, c)."""
        return bottom.mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Mask logits."""
        return self.decode(self.encode(x))
