"""How strongly each term of a fine-tuning pulls: the norms of their gradients in one step.

A weight says little by itself: the same number is strong with one optimiser and number of steps, and
nothing with another. What a term can do to a network depends on its gradient beside the segmentation's.
"""

from __future__ import annotations

import torch

from medda_lib.methods.finetuning.loop import Tuning
from medda_lib.methods.finetuning.sites import Batch


def gradient_norms(tuning: Tuning, batch: Batch, number: int = 1) -> dict[str, float]:
    """The norm of the gradient of each loss of a step, by its name, over all trained parameters.

    No parameter moves; the running averages of batch normalisation do, as in any step.
    """
    tuning.unet.train()
    parameters = tuning.main().parameters
    (losses,) = tuning.terms(batch, number)
    found = {}
    for name, loss in losses.items():
        gradients = torch.autograd.grad(loss, parameters, retain_graph=True, materialize_grads=True)
        found[name] = float(torch.stack([g.square().sum() for g in gradients]).sum().sqrt())
    return found
