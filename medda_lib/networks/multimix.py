"""MultiMix's network: one encoder, a classifier and a decoder on top (Haque et al., Tables 4 and 5).

The encoder is five double convolutions of 16 to 256 channels with a max-pool after each. The fifth
pool leads to the classifier (global average, one linear layer); the decoder starts from the values
before that pool, doubles the size four times and joins the encoder's values of the same size. With
the saliency bridge its first block gets two more channels, map and image at an eighth of the size.
The text places the bridge "at the bottleneck" (16x16 of 256x256); Table 5 joins it after the first
upsampling, at 32x32 with 386 = 256 + 128 + 2 channels. The table is followed, as in the released code.

The class is usable piece by piece (`encode`, `classify`, `decode`), so that a training step computes
for each image what its losses need and no more. `forward` does everything.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, NamedTuple, cast, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medda_lib.networks.blocks import DoubleConv, MaxPool
from medda_lib.networks.bridge import Bridging, bridge_input, evaluating, saliency

DEPTH = 5
BRIDGE_CHANNELS = 2
Upsampling = Literal["repeat", "bilinear"]
UPSAMPLINGS: tuple[Upsampling, ...] = get_args(Upsampling)


class Output(NamedTuple):
    """Class logits (n, classes) and mask logits (n, 1, h, w); None for a head that is not there."""

    classes: Tensor | None
    mask: Tensor | None


class Encoder(nn.Module):
    """Table 4 up to the fifth block: image (n, 1, h, w) -> the five blocks' values, before pooling.

    Block k has `width * 2**k` channels at 1 / 2**k of the size. Joining happens after dropout.
    """

    def __init__(self, width: int, dropout: float, literal: bool) -> None:
        super().__init__()
        channels = [1, *(width * 2**k for k in range(DEPTH))]
        self.blocks = nn.ModuleList(
            DoubleConv(a, b, dropout, literal=literal) for a, b in pairwise(channels)
        )
        self.pools = nn.ModuleList(MaxPool() for _ in range(DEPTH - 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        """The blocks' values, largest first."""
        values = [self.blocks[0](x)]
        for pool, block in zip(self.pools, self.blocks[1:], strict=True):
            values.append(block(pool(values[-1])))
        return values


class Classifier(nn.Module):
    """The end of Table 4: fifth max-pool, global average, linear layer -> logits (n, classes)."""

    def __init__(self, channels: int, classes: int = 2) -> None:
        super().__init__()
        self.pool = MaxPool()
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(channels, classes)

    def features(self, bottom: Tensor) -> Tensor:
        """The vector (n, channels) that the linear layer reads."""
        return cast(Tensor, self.flatten(self.average(self.pool(bottom))))

    def forward(self, bottom: Tensor) -> Tensor:
        """Logits (n, classes) from the fifth block's value."""
        return cast(Tensor, self.linear(self.features(bottom)))


class Decoder(nn.Module):
    """Table 5: the encoder's five values (and the bridge's two channels) -> logits (n, 1, h, w).

    The table names no operator for the upsampling. "repeat" repeats pixels (PyTorch's default),
    "bilinear" interpolates with aligned corners (the released code, MultiMix.py:401).
    """

    def __init__(
        self, width: int, dropout: float, bridge: bool, literal: bool, upsampling: Upsampling
    ) -> None:
        super().__init__()
        channels = [width * 2**k for k in reversed(range(DEPTH))]
        extra = [BRIDGE_CHANNELS if bridge else 0, 0, 0, 0]
        self.bridge, self.plain = bridge, literal or upsampling != "repeat"
        self.ups = nn.ModuleList(_up(upsampling) for _ in range(DEPTH - 1))
        self.blocks = nn.ModuleList(
            DoubleConv(below + skip + more, skip, dropout, literal=literal)
            for below, skip, more in zip(channels, channels[1:], extra, strict=False)
        )
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, values: list[Tensor], bridged: Tensor | None = None) -> Tensor:
        """Mask logits; `bridged` (n, 2, h / 8, w / 8) exactly when built with a bridge."""
        if self.bridge != (bridged is not None):
            raise ValueError(
                f"decoder built with bridge={self.bridge}, called "
                f"{'with' if bridged is not None else 'without'} a bridge input"
            )
        x = values[-1]
        for up, block, skip in zip(self.ups, self.blocks, reversed(values[:-1]), strict=True):
            beside = [skip] if bridged is None else [skip, bridged]
            bridged = None
            if self.plain or x.device.type != "cpu":
                x = block(torch.cat([up(x), *beside], dim=1))
            else:
                x = cast(DoubleConv, block).forward_joined(x, beside)
        return cast(Tensor, self.last(x))


def _up(upsampling: Upsampling) -> nn.Upsample:
    if upsampling == "repeat":
        return nn.Upsample(scale_factor=2)
    return nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)


class MultiMixNet(nn.Module):
    """Shared encoder with a classifier, a decoder, or both; `bridge` links the second to the first.

    Args:
        width: channels of the first block; 16 in the paper.
        dropout: probability of dropping a value at the end of each block; 0.25 in the paper.
        classify, segment: which heads exist.
        bridge: whether the decoder gets the saliency map; needs both heads.
        literal: call layer after layer as the tables list them, instead of the faster equal routes
            that the CPU takes otherwise (`fast`).
        upsampling: how the decoder doubles sizes, "repeat" or "bilinear".
        bridging: what the decoder gets to see of the saliency map.

    Images are (n, 1, h, w), standardised, h and w multiples of 32 (five poolings).
    """

    def __init__(
        self,
        width: int = 16,
        dropout: float = 0.25,
        *,
        classify: bool = True,
        segment: bool = True,
        bridge: bool = False,
        literal: bool = False,
        upsampling: Upsampling = "repeat",
        bridging: Bridging = Bridging(),  # noqa: B008 - immutable
    ) -> None:
        super().__init__()
        if not (classify or segment):
            raise ValueError("a network needs a head: set classify, segment or both")
        if bridge and not (classify and segment):
            raise ValueError("the bridge joins both heads: set classify and segment")
        self.bridge, self.bridging = bridge, bridging
        self.encoder = Encoder(width, dropout, literal)
        bottom = width * 2 ** (DEPTH - 1)
        self.classifier = Classifier(bottom) if classify else None
        self.decoder = Decoder(width, dropout, bridge, literal, upsampling) if segment else None
        if not literal:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def encode(self, images: Tensor) -> list[Tensor]:
        """The five blocks' values, largest first."""
        h, w = images.shape[2:]
        if h % 2**DEPTH or w % 2**DEPTH:
            raise ValueError(f"images: {h}x{w} is not a multiple of {2**DEPTH}; resize them")
        return cast(list[Tensor], self.encoder(images))

    def classify(self, values: list[Tensor]) -> Tensor:
        """Class logits (n, 2) from `encode`'s result."""
        if self.classifier is None:
            raise ValueError("this network has no classifier: build it with classify=True")
        return cast(Tensor, self.classifier(values[-1]))

    def pooled(self, bottom: Tensor) -> Tensor:
        """The vector (n, 16 * width) in front of the linear layer, also where there is no classifier."""
        return F.max_pool2d(bottom, 2).mean(dim=(2, 3))

    def decode(self, values: list[Tensor], bridged: Tensor | None = None) -> Tensor:
        """Mask logits (n, 1, h, w) from `encode`'s result and, with a bridge, `bridge_input`."""
        if self.decoder is None:
            raise ValueError("this network has no decoder: build it with segment=True")
        return cast(Tensor, self.decoder(values, bridged))

    def forward(self, images: Tensor, *, detach: bool = True) -> Output:
        """Everything the network can say about `images`; see `bridge.saliency` for `detach`."""
        if not self.bridge:
            values = self.encode(images)
            classes = None if self.classifier is None else self.classify(values)
            return Output(classes, None if self.decoder is None else self.decode(values))
        with torch.enable_grad():
            if not images.requires_grad:
                images = images.detach().requires_grad_()
            values = self.encode(images)
            classes = self.classify(values)
            bridged = self.bridged(images, classes, detach=detach)
        return Output(classes, self.decode(values, bridged))

    def bridged(self, images: Tensor, classes: Tensor, *, detach: bool = True) -> Tensor:
        """What the bridge hands to `decode`, from images with `requires_grad` and their class logits.

        See `bridge.saliency` for `detach`.
        """
        how = self.bridging
        if how.evaluation and self.training:
            with evaluating(self):
                classes = self.classify(self.encode(images))
        shown = saliency(classes, images, detach=detach, scaled=how.scaled)
        return bridge_input(how.weight * shown, images, how.shrinking)
