"""nnU-Net's network with batch normalisation: MONAI's DynUNet as continual hippocampus papers need it.

nnU-Net normalises by instance; ODEx (Gonzalez et al. 2022) reads "the first set of batch normalization
layers", so its network has batch normalisation instead. Blocks have two 3x3x3 convolutions; every level
but the first halves each side. `first_norms` are the layers that ODEx reads, `levels` the outputs of
the blocks that feature distillation compares.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from monai.networks.nets.dynunet import DynUNet
from torch import Tensor, nn

__all__ = ["DynUNet", "copied", "dyn_unet", "first_norms", "levels", "recorded"]


def dyn_unet(filters: Sequence[int], deep_supervision: int = 0) -> DynUNet:
    """A binary 3-D U-Net: images (n, 1, d, h, w) to logits of the same shape.

    filters: channels per level; d, h and w must be divisible by 2 ** (levels - 1).
    deep_supervision: lower levels with an output of their own; while training, the result is then
    (n, 1 + deep_supervision, 1, d, h, w), coarser outputs interpolated.
    Raises ValueError for fewer than three levels, and for more outputs than levels to put them on.
    """
    levels = len(filters)
    if levels < 3:
        raise ValueError(f"filters: need channels for at least three levels, got {tuple(filters)}")
    if not 0 <= deep_supervision <= levels - 2:
        raise ValueError(
            f"deep_supervision: {deep_supervision} must lie between 0 and {levels - 2}"
        )
    return DynUNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=1,
        kernel_size=[3] * levels,
        strides=[1, *[2] * (levels - 1)],
        upsample_kernel_size=[2] * (levels - 1),
        filters=list(filters),
        norm_name=("BATCH", {"affine": True}),
        deep_supervision=deep_supervision > 0,
        deep_supr_num=max(deep_supervision, 1),
    )


def first_norms(network: nn.Module) -> tuple[nn.BatchNorm3d, ...]:
    """The batch normalisation layers of the first block, in the order of the data's way."""
    block = network.get_submodule("input_block")
    return tuple(layer for layer in block.modules() if isinstance(layer, nn.BatchNorm3d))


def levels(network: nn.Module) -> tuple[nn.Module, ...]:
    """The blocks of the network from the image down to the bottleneck and up again."""
    down = network.get_submodule("downsamples").children()
    up = network.get_submodule("upsamples").children()
    ends = network.get_submodule("input_block"), network.get_submodule("bottleneck")
    return (ends[0], *down, ends[1], *up)


@contextmanager
def recorded(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """A list that receives the output of each layer, in the order of their calls, while in use."""
    outputs: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(output.clone())  # the activation that follows works in place

    hooks = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def copied(network: DynUNet, filters: Sequence[int], deep_supervision: int = 0) -> DynUNet:
    """A network of its own with the same weights and statistics, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):  # its first weights do not matter, nor may drawing them
        twin = dyn_unet(filters, deep_supervision)
    twin.load_state_dict(network.state_dict())
    parameter = next(network.parameters())
    twin.to(parameter.device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return twin.eval()
