"""The saliency bridge: where the classifier looks, handed to the decoder beside the image.

A saliency map is the gradient of one class score with respect to the input (Simonyan et al. 2014):
how much each pixel, moved a little, would change the score. MultiMix (Haque et al., MELBA, section
2.3, equations 3 and 4) takes the score of the predicted class, joins map and image as two channels,
scales them down and gives them to the decoder's first block.

Choices where the paper is silent, each a numbered deviation in the chapter; `Bridging` has those of the
released code (MultiMix.py) as switches:
  - the score is the logit, before the softmax (331, too); the map is the gradient's absolute value
    divided by its largest value in the image, so that it lies in [0, 1] whatever the confidence (the
    code, 334, does not divide);
  - scaling down is the mean over 8x8 pixels, which forgets no pixel (the code, 415, interpolates, and
    at this factor reads four out of sixty-four);
  - the map is detached, as in the code (334): the segmentation loss reaches the classifier through
    shared features only. With `detach=False` it reaches through the gradient as well (a second
    derivative);
  - in training the map belongs to the very forward pass that the losses use, dropout included (the
    code, 327, makes a pass of its own for the map, without dropout).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FACTOR = 8
TINY = 1e-12
Shrinking = Literal["mean", "bilinear"]


@dataclass(frozen=True)
class Bridging:
    """What the decoder gets to see of a saliency map.

    Attributes:
        weight: factor on the map; 0 is the twin without saliency, whose decoder gets the image alone.
        scaled: the map is divided by its largest value.
        shrinking: "mean" over 8x8 pixels, or "bilinear" interpolation with aligned corners.
        evaluation: in training the map comes from a pass of its own, in evaluation mode.

    Raises:
        ValueError: an unknown way of shrinking.
    """

    kind: ClassVar[str] = "Bridging"

    weight: float = 1.0
    scaled: bool = True
    shrinking: Shrinking = "mean"
    evaluation: bool = False

    def __post_init__(self) -> None:
        if self.shrinking not in get_args(Shrinking):
            raise ValueError(f"shrinking: {self.shrinking!r} is none of {get_args(Shrinking)}")

    @classmethod
    def released(cls) -> Bridging:
        """As in the released code, MultiMix.py:324-338 and 412-418."""
        return cls(scaled=False, shrinking="bilinear", evaluation=True)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """The network in evaluation mode, and afterwards in the mode that it was in.

    The released code leaves its encoder in training mode whatever mode it was in (MultiMix.py:336).
    """
    mode = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(mode)


def input_gradient(
    logits: Tensor, images: Tensor, classes: Tensor | None = None, *, detach: bool = True
) -> Tensor:
    """Gradient of each image's class score with respect to that image.

    One call serves the whole batch: no layer mixes images, so the gradient of the summed scores
    holds each image's own gradient.

    Args:
        logits: (n, classes) class scores computed from `images`.
        images: (n, 1, h, w) the network's input, with `requires_grad` set.
        classes: (n,) int64 class whose score is explained; the predicted one when left out.
        detach: False keeps the graph, so that a loss of the result has gradients of its own.

    Returns:
        (n, 1, h, w) signed gradient.
    """
    if not images.requires_grad:
        raise ValueError("images: call requires_grad_() before the forward pass of the network")
    chosen = logits.argmax(dim=1) if classes is None else classes
    score = logits.gather(1, chosen[:, None]).sum()
    (gradient,) = torch.autograd.grad(score, images, retain_graph=True, create_graph=not detach)
    return gradient


def saliency(
    logits: Tensor,
    images: Tensor,
    classes: Tensor | None = None,
    *,
    detach: bool = True,
    scaled: bool = True,
) -> Tensor:
    """Saliency maps (n, 1, h, w): absolute input gradient, `scaled` by its maximum to [0, 1].

    Other arguments as for `input_gradient`. An image with no gradient at all gets a map of zeros.
    """
    size = input_gradient(logits, images, classes, detach=detach).abs()
    return size / size.amax(dim=(1, 2, 3), keepdim=True).clamp_min(TINY) if scaled else size


def bridge_input(saliency_map: Tensor, images: Tensor, shrinking: Shrinking = "mean") -> Tensor:
    """Equation 4, map joined with image, scaled down: (n, 2, h / 8, w / 8)."""
    joined = torch.cat([saliency_map, images], dim=1)
    if shrinking == "mean":
        return F.avg_pool2d(joined, FACTOR)
    return F.interpolate(joined, scale_factor=1 / FACTOR, mode="bilinear", align_corners=True)
