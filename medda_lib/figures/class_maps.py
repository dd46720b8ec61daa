"""CAM, Grad-CAM and Grad-CAM++ as formulas: what speaks for a score at each place, with its sign.

Packages hand out a map that is cut at zero, stretched to the image and scaled to [0, 1] for each image
alone. That is convenient for a picture and hides three things: what speaks against, how coarse the map
is, and how little there may have been. Here each step is a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


def activations(
    network: nn.Module, layer: nn.Module, images: Tensor, score: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Feature maps A of a layer and the gradient of the score there, both (n, c, h', w').

    `score` maps the network's output to a number per image (n,). The mode of the network is left as it
    is: call `network.eval()` first, or batch statistics mix the images.
    """
    kept: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    try:
        with torch.enable_grad():
            numbers = score(network(images.detach().requires_grad_()))
    finally:
        hook.remove()
    if len(kept) != 1 or kept[0].ndim != 4:
        raise ValueError("layer: has to run once and give maps (n, c, h, w); choose another module")
    # Images do not influence each other in eval mode, so the gradient of the sum is that of each.
    (gradients,) = torch.autograd.grad(numbers.sum(), kept)
    return kept[0].detach(), gradients.detach()


def cam(features: Tensor, weights: Tensor) -> Tensor:
    """Class activation map (n, h, w): channels (n, c, h, w) added with the head's weights (c,)."""
    return torch.einsum("nchw,c->nhw", features, weights.detach())


def grad_cam(features: Tensor, gradients: Tensor) -> Tensor:
    """Grad-CAM (n, h, w) before its ReLU: channels weighed by their mean gradient.

    Selvaraju et al., ICCV 2017, equations 1 and 2.
    """
    weights = gradients.mean(dim=(2, 3))
    return torch.einsum("nchw,nc->nhw", features, weights)


def elementwise(features: Tensor, gradients: Tensor) -> Tensor:
    """Features times their own gradient, added over channels: no averaging of gradients (n, h, w).

    Equal to Grad-CAM where the gradient is the same at all places; elsewhere it keeps what Grad-CAM
    averages away. Its sum is how much the score would fall to first order if the layer were silent.
    """
    return (features * gradients).sum(dim=1)


def grad_cam_plus_plus(features: Tensor, gradients: Tensor, epsilon: float = 1e-6) -> Tensor:
    """Grad-CAM++ (n, h, w) before its ReLU: positive gradients only, weighed by place.

    Chattopadhay et al., WACV 2018. `epsilon` keeps the quotient finite; the default is that of the
    package grad-cam. It is not small beside squared gradients behind a mean over many places.
    """
    square, cube = gradients**2, gradients**3
    below = 2 * square + features.sum(dim=(2, 3), keepdim=True) * cube
    alpha = square / (below + epsilon)
    alpha = torch.where(gradients != 0, alpha, torch.zeros_like(alpha))
    weights = (alpha * gradients.relu()).sum(dim=(2, 3))
    return torch.einsum("nchw,nc->nhw", features, weights)


def enlarged(maps: Tensor, size: int, mode: str = "bilinear") -> Tensor:
    """Maps (n, h', w') at the size of the image (n, size, size); "nearest" shows their true grain."""
    options = {} if mode == "nearest" else {"align_corners": False}
    return interpolate(maps[:, None], size=(size, size), mode=mode, **options)[:, 0]


def stretched(maps: Tensor) -> Tensor:
    """What packages show: cut at zero, then each map (n, h, w) divided by its own maximum."""
    positive = maps.relu()
    top = positive.amax(dim=(1, 2), keepdim=True)
    return torch.where(top > 0, positive / top.clamp(min=1e-30), torch.zeros_like(positive))
