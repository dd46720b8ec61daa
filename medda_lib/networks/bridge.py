"""The saliency bridge: where the classifier looks, handed to the decoder beside the image.

A saliency map is the gradient of one class score with respect to the input (Simonyan et al. 2014):
how much each pixel, moved a little, would change the score. MultiMix (Haque et al., MELBA, section
2.3, equations 3 and 4) takes the score of the predicted class, joins map and image as two channels,
scales them down and gives them to the decoder's first block.

Choices that the paper leaves open, each a numbered deviation in the chapter:
  - the score is the logit, before the softmax; the map is the gradient's absolute value divided by
    its largest value in the image, so that it lies in [0, 1] whatever the confidence;
  - scaling down is the mean over 8x8 pixels, which forgets no pixel (interpolation at this factor
    would read four out of sixty-four);
  - the map is detached: the segmentation loss reaches the classifier through shared features only.
    With `detach=False` it reaches through the gradient as well (a second derivative);
  - in training the map belongs to the very forward pass that the losses use, dropout included.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

FACTOR = 8
TINY = 1e-12


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
    logits: Tensor, images: Tensor, classes: Tensor | None = None, *, detach: bool = True
) -> Tensor:
    """Saliency maps (n, 1, h, w) in [0, 1]: absolute input gradient over its maximum.

    Arguments as for `input_gradient`. An image with no gradient at all gets a map of zeros.
    """
    size = input_gradient(logits, images, classes, detach=detach).abs()
    return size / size.amax(dim=(1, 2, 3), keepdim=True).clamp_min(TINY)


def bridge_input(saliency_map: Tensor, images: Tensor) -> Tensor:
    """Equation 4, map joined with image, scaled down: (n, 2, h / 8, w / 8)."""
    return F.avg_pool2d(torch.cat([saliency_map, images], dim=1), FACTOR)
