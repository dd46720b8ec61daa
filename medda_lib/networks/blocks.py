"""The layers that MultiMix's encoder and decoder are made of, one class per row of its tables.

Every block is twice convolution, instance normalisation and leaky ReLU, then dropout (Haque et al.,
MELBA, appendix A). Instance normalisation looks at one image and one channel at a time, so an image's
features never depend on its neighbours in the batch: any grouping of images into passes gives the
same numbers, and a training step may group them by what they need.

Choices that the paper leaves open: 3x3 convolutions padded by one and without bias (the normalisation
would subtract it again), normalisation without scale and shift, dropout of single values.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2


class InstanceNorm(nn.Module):
    """Mean 0 and variance 1 for each image and channel of (n, c, h, w); no parameters.

    Group normalisation with one channel a group is the same function and several times faster on
    the CPU.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        return F.group_norm(x, self.channels)


class Dropout(nn.Module):
    """Sets single values of a training batch to 0 with `probability`, scales the rest up.

    On the CPU the random numbers cost more than the convolution beside them, so one byte is drawn
    per value instead of a float. The probability is thereby rounded to a multiple of 1/256 (0.25 is
    one already); the scale uses the rounded one, so the expectation stays exact.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"dropout: {probability} is not a probability below 1")
        self.probability = probability
        self.steps = min(round(probability * 256), 255)

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.steps == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.probability)
        scale = 256 / (256 - self.steps)
        return x * (_random_bytes(x) >= self.steps).to(x.dtype).mul_(scale)


def _random_bytes(like: Tensor) -> Tensor:
    """Uniform bytes of the shape of `like`, from torch's global generator."""
    words = torch.empty((like.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    return words.view(torch.uint8)[: like.numel()].view(like.shape)


class DoubleConv(nn.Module):
    """Conv, InstanceNorm, LReLU, twice, then Dropout: (n, inputs, h, w) -> (n, outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = InstanceNorm(outputs)
        self.act1 = nn.LeakyReLU(SLOPE, inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = InstanceNorm(outputs)
        self.act2 = nn.LeakyReLU(SLOPE, inplace=True)
        self.drop = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act1(self.norm1(self.conv1(x)))
        x = self.act2(self.norm2(self.conv2(x)))
        return cast(Tensor, self.drop(x))
