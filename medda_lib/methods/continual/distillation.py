"""Distillation: the outputs of an older network as soft labels for the present one.

Learning without Forgetting asks the present network to answer as the old one does on the present
images, with both answers softened by a temperature. Modelling the Background adds that classes come and
go between stages: what is "background" for one network may hold classes that the other names, so that
their probabilities are added up before they are compared. All functions take logits with classes on
axis 1 and any axes behind; a binary network has one logit z, which is the pair (0, z) (`as_classes`).
`OldNetwork` is the memory that such methods share: the network as it was at the last boundary.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import PLAIN, Regulariser
from medda_lib.networks.dyn_unet import DynUNet, copied
from medda_lib.studies.method import Run
from medda_lib.studies.task import Pool

Reduction = Literal["voxel", "scan"]


def as_classes(logits: Tensor) -> Tensor:
    """One logit z (n, 1, ...) per voxel as the logits (0, z) of background and foreground (n, 2, ...).

    softmax((0, z)) is (1 - sigmoid(z), sigmoid(z)), at any temperature.
    """
    if logits.shape[1] != 1:
        raise ValueError(f"logits: expected one channel, got {logits.shape[1]}")
    return torch.cat([torch.zeros_like(logits), logits], dim=1)


def distillation(
    new: Tensor, old: Tensor, temperature: float = 2.0, reduction: Reduction = "voxel"
) -> Tensor:
    """Cross entropy of the new against the old network's softened answer, mean over n and voxels.

    - sum_c q_c log p_c with q = softmax(old / T), p = softmax(new / T): Li and Hoiem (2017), equations
    2 and 3; their y^(1/T) / sum(y^(1/T)) is the softmax of logits / T. No gradient flows into `old`.

    Args:
        new: logits (n, classes, ...) of the network that learns.
        old: logits of the same shape, of the network as it was.
        temperature: T, 2 in the paper.
        reduction: a mean for each "voxel", or a sum over the voxels of a "scan", mean over n.
    """
    if new.shape != old.shape:
        raise ValueError(f"new, old: shapes {tuple(new.shape)} and {tuple(old.shape)} differ")
    target = (old.detach() / temperature).softmax(dim=1)
    each = -(target * (new / temperature).log_softmax(dim=1)).sum(dim=1)
    return each.mean() if reduction == "voxel" else each.flatten(1).sum(dim=1).mean()


def unbiased_distillation(
    new: Tensor, old: Tensor, alpha: float = 1.0, *, per_class: bool = False
) -> Tensor:
    """Cermelli et al. (2020), equations 7 and 8: the new classes count as the old one's background.

    - sum_c q_c log p_c over the old classes c, with q = softmax(alpha old) and p the new network's
    probability of c, but for the background its probability of background or of any new class. Mean
    over n and voxels. Where no class is new this is `distillation` at T = 1 (for alpha = 1).

    Args:
        new: logits (n, k, ...): background, old classes, then new ones.
        old: logits (n, m, ...) with m <= k: background, old classes. No gradient flows into them.
        alpha: multiplies the old logits: above 1 it hardens, below 1 it softens the old answers.
        per_class: divide by m, as released code does and the equation does not.
    """
    classes, known = new.shape[1], old.shape[1]
    if classes < known:
        raise ValueError(f"new: has {classes} classes, fewer than the {known} old ones")
    logs = new.log_softmax(dim=1)
    background = torch.cat([logs[:, :1], logs[:, known:]], dim=1).logsumexp(dim=1, keepdim=True)
    logs = torch.cat([background, logs[:, 1:known]], dim=1)
    found = -((alpha * old.detach()).softmax(dim=1) * logs).sum(dim=1).mean()
    return found / known if per_class else found


Distance = Callable[[Tensor, Tensor], Tensor]


class Distilling(Regulariser):
    """Adds `weight` times a distance of the present logits from an older network's on each batch."""

    def __init__(self, old: DynUNet, distance: Distance, weight: float) -> None:
        self.old, self.distance, self.weight = old, distance, weight

    def on_outputs(self, images: Tensor, logits: Tensor) -> Tensor:
        """The weighted distance; logits (b, 1, d, h, w) become those of two classes."""
        with torch.no_grad():
            wanted = self.old(images).float()
        return self.weight * self.distance(as_classes(logits), as_classes(wanted))


class OldNetwork:
    """Keeps the network as it was at the last boundary, in evaluation mode; nothing of the data."""

    def __init__(self, trainer: Trainer, against: Callable[[DynUNet], Regulariser]) -> None:
        self.trainer, self.against = trainer, against
        self.old: DynUNet | None = None
        self._latest: DynUNet | None = None

    def regulariser(self, network: DynUNet) -> Regulariser:
        """`PLAIN` before anything is committed, then `against(old network)`."""
        return PLAIN if self.old is None else self.against(self.old)

    def observe(self, network: DynUNet, pool: Pool, number: int, run: Run) -> None:
        """A frozen copy of the network as it is after this stage."""
        latest = copied(network, self.trainer.filters, self.trainer.deep_supervision)
        self._latest = latest.requires_grad_(requires_grad=False)

    def commit(self) -> None:
        """The last copy becomes the old network."""
        self.old = self._latest
