"""Seg-JDOT: slices that look alike to the network should be segmented alike, whichever site they are of.

Ackaouy et al. (Frontiers in Computational Neuroscience 14:19, 2020) carry DeepJDOT (Damodaran et al.,
ECCV 2018) over to segmentation. Between the source and the target slices of a minibatch an optimal
transport plan is computed for a joint cost: the distance of two slices in feature space plus the loss
of calling the target slice by the source slice's mask. Then the network is trained to make the
transport cheap. With as many source as target slices, all of the same weight, an optimal plan is a
permutation, so the exact plan is an assignment problem and needs no transport library.

How Goodman et al. ran it stands in the first author's working copy (yishayahu/AdaptSegNet, branch shaya,
commit cc39a57; neither their paper nor its code has it). `SegJDOT.of_goodman` has those numbers. What
differs: label cost and segmentation loss are squared distances and a mean cross entropy there
(seg_jdot_utils.py:38-40, 72), and what carries alpha in the loss is the distance of predictions where
the plan takes that of features (train_gta2cityscapes_multi.py:846-848), which is not taken over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods.finetuning import Batch, Finetuned, Objective, finetune, sites_of
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.training import SGD, Recipe
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import BestValidation, Run
from medda_lib.studies.task import View


@dataclass(frozen=True)
class SegJDOT(Finetuned):
    """Fine-tuning with the transport cost of the minibatch.

    Attributes:
        feature_weight: alpha, of the squared distance of two bottlenecks (summed over their values).
        label_weight: beta, of the cross entropy of target prediction and source mask (summed over
            pixels). The defaults are those of DeepJDOT, section 4.
    """

    feature_weight: float = 1e-3
    label_weight: float = 1e-4

    kind: ClassVar[str] = "SegJDOT"

    @property
    def name(self) -> str:
        """The system's name in Table 1 of Goodman et al."""
        return "Seg-JDOT"

    @classmethod
    def of_goodman(cls) -> Self:
        """Skull stripping in the first author's working copy: configs.py:49-69."""
        recipe = Recipe(
            8000, 5e-4, SGD(weight_decay=5e-4), precision="auto", rule=BestValidation(), batch=16
        )
        return cls(Segmenter.aiva_released(), recipe)

    def fit(self, view: View, run: Run) -> NetworkPredictor[ResidualUNet]:
        """Adapts the source network of the view."""
        transport = _Transport(self.feature_weight, self.label_weight)
        sites = sites_of(view)
        common = sites, self.segmenter, self.finetuning, self.chance(sites.name, run)
        return finetune(*common, transport, self.arrangement)


@dataclass
class _Transport(Objective):
    """The objective; nothing happens between epochs."""

    feature_weight: float
    label_weight: float

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        """The transport cost."""
        source, target = bottleneck.flatten(1).split(len(masks))
        cost = joint_cost(
            source, target, masks, logits[len(masks) :], self.feature_weight, self.label_weight
        )
        return transport_cost(cost)


def joint_cost(
    source: Tensor, target: Tensor, masks: Tensor, logits: Tensor, alpha: float, beta: float
) -> Tensor:
    """C_ij = alpha ||g(x_i) - g(x'_j)||^2 + beta L(y_i, f(x'_j)), for all pairs.

    source (m, d), target (n, d): features; masks (m, 1, h, w) of the source slices; logits
    (n, 1, h, w) of the target slices. L is the cross entropy summed over pixels. Returns (m, n).
    """
    distances = (source[:, None] - target[None]).square().sum(dim=2)
    y, z = masks.flatten(1).to(logits.dtype), logits.flatten(1)
    entropies = F.softplus(z).sum(dim=1) - y @ z.T  # -log p where y = 1, -log(1 - p) elsewhere
    return alpha * distances + beta * entropies


def transport_plan(cost: Tensor) -> tuple[Tensor, Tensor]:
    """The optimal plan of a square cost (m, m) between uniform weights 1/m.

    Returns rows and columns (m,) int64 of its m entries; each carries the mass 1/m.
    Raises ValueError for a cost that is not square.
    """
    if cost.ndim != 2 or cost.shape[0] != cost.shape[1]:
        raise ValueError(f"cost: {tuple(cost.shape)} is not square; use batches of one size")
    rows, columns = linear_sum_assignment(cost.detach().cpu().numpy())
    return torch.as_tensor(rows), torch.as_tensor(columns)


def transport_cost(cost: Tensor) -> Tensor:
    """sum_ij gamma_ij C_ij under the optimal plan gamma; the plan itself is held fixed."""
    rows, columns = transport_plan(cost)
    return cost[rows.to(cost.device), columns.to(cost.device)].mean()
