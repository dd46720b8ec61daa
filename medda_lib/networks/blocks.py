"""The layers that MultiMix's encoder and decoder are made of, one class per row of its tables.

Every block is twice convolution, instance normalisation and leaky ReLU, then dropout (Haque et al.,
MELBA, appendix A). Instance normalisation looks at one image and one channel at a time, so an image's
features never depend on its neighbours in the batch: any grouping of images into passes gives the
same numbers, and a training step may group them by what they need.

Choices that the paper leaves open: 3x3 convolutions padded by one and without bias (the normalisation
would subtract it again), normalisation without scale and shift, dropout of single values. They are those
of the released code (MultiMix.py:313-322), but for its biases.

A block built with `literal=True` calls its layers one by one, as the tables list them. Otherwise, on
the CPU, it computes the same function by the faster routes of `fast`.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from medda_lib.networks import fast

SLOPE = 0.2
EPSILON = 1e-5


class InstanceNorm(nn.Module):
    """Mean 0 and variance 1 for each image and channel of (n, c, h, w); no parameters.

    Group normalisation with one channel a group is the same function and faster on the CPU.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of the shape of `x`."""
        return F.group_norm(x, self.channels, eps=EPSILON)


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
        self.parts = min(round(probability * fast.BYTE), fast.BYTE - 1)

    def forward(self, x: Tensor) -> Tensor:
        """A tensor of the shape of `x`."""
        if not self.training or self.parts == 0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.probability)
        return fast.drop(x, self.parts)


class MaxPool(nn.Module):
    """Largest value of each 2x2 square: (n, c, h, w) -> (n, c, h / 2, w / 2), h and w even."""

    def forward(self, x: Tensor) -> Tensor:
        """The pooled tensor."""
        return fast.max_pool(x) if x.device.type == "cpu" else F.max_pool2d(x, 2)


class DoubleConv(nn.Module):
    """Conv, InstanceNorm, LReLU, twice, then Dropout: (n, inputs, h, w) -> (n, outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int, dropout: float, *, literal: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = InstanceNorm(outputs)
        self.act1 = nn.LeakyReLU(SLOPE, inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = InstanceNorm(outputs)
        self.act2 = nn.LeakyReLU(SLOPE, inplace=True)
        self.drop = Dropout(dropout)
        self.literal = literal

    def forward(self, x: Tensor) -> Tensor:
        """The block's value for the input `x`."""
        return self.finish(self.conv1(x))

    def forward_joined(self, below: Tensor, beside: list[Tensor]) -> Tensor:
        """The block's value for the input `[upsampled below, *beside]`, which is never built.

        Args:
            below: (n, a, h / 2, w / 2), to be upsampled by repetition.
            beside: tensors (n, b, h, w), a and all b adding up to the block's inputs.
        """
        inner, outer = self.conv1.weight.tensor_split([below.shape[1]], dim=1)
        rest = beside[0] if len(beside) == 1 else fast.join(beside)
        return self.finish(fast.upsample_conv(below, inner) + F.conv2d(rest, outer, padding=1))

    def finish(self, x: Tensor) -> Tensor:
        """Everything after the first convolution."""
        if self.literal or x.device.type != "cpu":
            x = self.act2(self.norm2(self.conv2(self.act1(self.norm1(x)))))
        else:
            x = fast.norm_act(self.conv2(fast.norm_act(x, SLOPE, EPSILON)), SLOPE, EPSILON)
        return cast(Tensor, self.drop(x))
