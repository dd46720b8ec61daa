"""What tests compare networks by."""

import torch
from torch import Tensor, nn


def state(network: nn.Module) -> Tensor:
    """All weights and statistics as one vector."""
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether both hold the same bits."""
    return torch.equal(state(one), state(other))
