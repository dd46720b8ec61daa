"""Elastic weight consolidation (Kirkpatrick et al. 2017): what mattered for old data is held in place.

After a stage, the posterior of the weights is taken for a Gaussian around where they came to lie, with
the diagonal of the Fisher information as its precision. Training on the next distribution then adds
lambda / 2 sum_i F_i (theta_i - theta*_i)^2 (their equation 3), one such term for each boundary passed.

Left open, and chosen here:

- F is the mean over scans of the squared gradient of one scan's log-likelihood. Squaring the gradient of
  a batch's mean instead, as much released code does, is another and smaller quantity.
- The labels are those of the data ("empirical" Fisher), not drawn from the network.
- The likelihood is the Bernoulli one behind the cross entropy; Dice is no likelihood and has no part.
- A scan's log-likelihood is a sum over voxels, while the training loss is a mean over them. So that loss
  and penalty are of one unit, the penalty takes the information per voxel, F / voxels.
- Batch normalisation works as in evaluation. Scans are whole, or one random patch each where training
  is on patches; nothing is augmented.
- lambda is 0.4, the default of Lifelong-nnUNet, the code that Gonzalez et al. (2022) cite.

There F is the squared gradient of the training loss, which is a mean over voxels (branch dev-cl_ood,
training/network_training/ewc/nnUNetTrainerEWC.py:226-268), so the same lambda holds weights far less: F
per voxel is the number of voxels times the square of a mean's gradient. `information` = "loss" takes it
so, averaged over all scans. Not taken over: its F is that of the last batch alone, since gradients are
set to 0 for each (line 231), still multiplied by the square of the scale of mixed precision (line 251).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medda_lib.methods.continual.learner import learn_stream
from medda_lib.methods.continual.quadratic import Anchor, flat
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import (
    PLAIN,
    Regulariser,
    draw,
    finest,
    scans,
    shown,
    stage_seed,
    supervised,
)
from medda_lib.methods.training import with_recipe
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Setting
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import TOLD_BOUNDARIES
from medda_lib.studies.task import Pool, View

Information = Literal["likelihood", "loss"]


def scores(network: nn.Module, images: Tensor, masks: Tensor) -> Tensor:
    """Each scan's gradient (n, p) of the log-likelihood of its mask, summed over voxels.

    The network has to be in evaluation mode, so that scans do not see one another.

    Args:
        network: used as it is; its trained parameters are the p.
        images: scans (n, 1, ...), anything that the network takes.
        masks: their bool masks, of the same shape.
    """
    logits = finest(network(images))
    lost = F.binary_cross_entropy_with_logits(logits, masks.to(logits.dtype), reduction="none")
    trained = [p for p in network.parameters() if p.requires_grad]
    rows = []
    for likelihood in -lost.flatten(1).sum(dim=1):
        # Outputs of deep supervision have no part in the likelihood: their gradient is 0.
        parts = torch.autograd.grad(
            likelihood, trained, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        rows.append(torch.cat([part.reshape(-1) for part in parts]))
    return torch.stack(rows)


def fisher_diagonal(network: nn.Module, images: Tensor, masks: Tensor) -> Tensor:
    """Diagonal (p,) of the empirical Fisher information of one scan: the mean of squared scores.

    Arguments are those of `scores`. Scans go in pairs: on one core, PyTorch's fast 3-D convolutions want
    more than one image, and a pair with two backward passes takes less time than two single scans.
    """
    total = torch.zeros_like(flat(network).detach())
    for pair, truth in zip(images.split(2), masks.split(2), strict=True):
        total += scores(network, pair, truth).square().sum(dim=0)
    return total / len(images)


def loss_information(network: nn.Module, images: Tensor, masks: Tensor) -> Tensor:
    """Mean over scans of the squared gradient (p,) of one scan's training loss (Dice + cross entropy).

    Arguments are those of `scores`.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    total = torch.zeros_like(flat(network).detach())
    for scan, truth in zip(images.split(1), masks.split(1), strict=True):
        loss = supervised(network(scan).float(), truth)
        parts = torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True)
        total += torch.cat([part.reshape(-1) for part in parts]).square()
    return total / len(images)


class Consolidation(Regulariser):
    """The sum of all anchors' penalties, lambda / 2 times each."""

    def __init__(self, anchors: list[Anchor], strength: float) -> None:
        self.anchors, self.strength = anchors, strength

    def on_parameters(self, network: nn.Module) -> Tensor:
        """Lambda / 2 sum over boundaries and parameters of F (theta - theta*)^2."""
        weights = flat(network)
        return self.strength / 2 * torch.stack([a.penalty(weights) for a in self.anchors]).sum()


class FisherMemory:
    """Keeps weights and Fisher information of each boundary passed."""

    def __init__(
        self, trainer: Trainer, strength: float, information: Information = "likelihood"
    ) -> None:
        self.trainer, self.strength, self.information = trainer, strength, information
        self.anchors: list[Anchor] = []
        self._latest: Anchor | None = None

    def regulariser(self, network: DynUNet) -> Regulariser:
        """`PLAIN` before the first boundary, then the penalties of all."""
        return Consolidation(self.anchors, self.strength) if self.anchors else PLAIN

    def observe(self, network: DynUNet, pool: Pool, number: int, run: Run) -> None:
        """Weights and their information (per voxel, or of the loss) at the end of a stage."""
        images, masks = self._scans(pool, number, run)
        if self.information == "loss":
            importance = loss_information(network.eval(), images, masks)
        else:
            importance = fisher_diagonal(network.eval(), images, masks) / images[0].numel()
        self._latest = Anchor(flat(network).detach(), importance)

    def commit(self) -> None:
        """What was observed last is held from now on."""
        if self._latest is not None:
            self.anchors.append(self._latest)
            self._latest = None

    def _scans(self, pool: Pool, number: int, run: Run) -> tuple[Tensor, Tensor]:
        """Each scan once, or a patch of it, on the run's device."""
        images, masks = scans(pool)
        single = replace(with_recipe(self.trainer, batch=1), augment=False)
        # Stages are numbered from 1, so that -number seeds no training.
        generator = torch.Generator().manual_seed(stage_seed(self.trainer, run.repetition, -number))
        drawn = [
            draw(image, mask, single, generator)
            for image, mask in zip(images.split(1), masks.split(1), strict=True)
        ]
        together = torch.cat([shown(x, run.device) for x, _ in drawn])
        return together, torch.cat([y for _, y in drawn]).to(run.device)


@dataclass(frozen=True)
class EWC:
    """Elastic weight consolidation.

    Attributes:
        trainer: the training of a stage.
        strength: lambda of equation 3, against a loss that is a mean over voxels.
        information: F per voxel of the "likelihood", or of the "loss" as in Lifelong-nnUNet.
    """

    trainer: Trainer = field(default_factory=Trainer)
    strength: float = 0.4
    information: Information = "likelihood"

    kind: ClassVar[str] = "EWC"
    setting: ClassVar[Setting] = TOLD_BOUNDARIES

    def __post_init__(self) -> None:
        if self.information not in get_args(Information):
            known = get_args(Information)
            raise ValueError(f"information: {self.information!r} is none of {known}")

    @classmethod
    def paper(cls) -> EWC:
        """The code base's lambda with the training of Gonzalez et al. (2022)."""
        return cls(trainer=Trainer.paper())

    @property
    def name(self) -> str:
        """The system's name."""
        return "EWC"

    def fit(self, view: View, run: Run) -> Snapshots:
        """A snapshot after each stage."""
        memory = FisherMemory(self.trainer, self.strength, self.information)
        return learn_stream(view, run, self.trainer, memory)
