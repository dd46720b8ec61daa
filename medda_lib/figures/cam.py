"""Grad-CAM: where the last feature maps speak for a class.

Grad-CAM weighs the channels of a layer by the mean gradient of the class score and adds them up
(Selvaraju et al., ICCV 2017). It is coarser and steadier than the gradient at the input, and needs no
change to the network; `pytorch_grad_cam` computes it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

import medda_lib._torchvision  # noqa: F401 - has to run before pytorch_grad_cam
from medda_lib.figures.style import image_grid, pictures, same_length, styled


def grad_cam(
    network: nn.Module, layer: nn.Module, images: Tensor, classes: Sequence[int]
) -> NDArray[np.float32]:
    """Maps (n, h, w), each scaled to [0, 1], for the class of each image.

    `network` maps images (n, c, h, w), normalised as in training, to logits (n, k); `layer` is one of
    its modules with output (n, channels, h', w'). The network's mode and gradients are left as found.
    """
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    same_length(images=images, classes=classes)
    training = network.training
    network.eval()
    try:
        with GradCAM(model=network, target_layers=[layer]) as cam, torch.enable_grad():
            targets = [ClassifierOutputTarget(int(c)) for c in classes]
            maps: NDArray[np.float32] = cam(input_tensor=images, targets=targets)
    finally:
        network.train(training)
        network.zero_grad(set_to_none=True)
    return maps


@styled
def cam_panels(
    images: ArrayLike, maps: ArrayLike, titles: Sequence[str], columns: int = 4
) -> Figure:
    """Each image (n, h, w) with its map (n, h, w) in [0, 1] laid over it."""
    grey, heat = pictures("images", images), pictures("maps", maps)
    n = same_length(images=grey, maps=heat, titles=titles)
    columns = min(columns, n)
    figure, axes = image_grid(-(-n // columns), columns, cell=1.7)
    for axis, image, values, title in zip(axes.flat, grey, heat, titles, strict=False):
        axis.imshow(image, vmin=0, vmax=1)
        axis.imshow(values, cmap="magma", vmin=0, vmax=1, alpha=0.15 + 0.5 * values)
        axis.set_title(title)
    return figure
