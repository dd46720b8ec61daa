"""A 3-D network as a predictor: slices of one scan in, slices of its mask out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from monai.inferers.utils import sliding_window_inference
from torch import Tensor

from medda_lib.methods.continual.settings import Trainer
from medda_lib.networks.dyn_unet import DynUNet, of_one

OVERLAP = 0.5


@dataclass(frozen=True)
class VolumePredictor:
    """A `Predictor` around a `DynUNet` that sees one whole scan at a time. Results lie on the CPU."""

    network: DynUNet
    trainer: Trainer
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable

    def classify(self, images: Tensor) -> Tensor | None:
        """None: there is no classifier."""
        return None

    def segment(self, images: Tensor) -> Tensor:
        """Mask probabilities (depth, 1, h, w) of all slices of one scan, in [0, 1]."""
        return self.of_scan(as_scan(images)).cpu().transpose(1, 2)[0]

    @torch.no_grad()
    def of_scan(self, scan: Tensor) -> Tensor:
        """Mask probabilities (1, 1, d, h, w) of a scan of that shape."""
        self.network.eval()
        moved = scan.to(self.device, memory_format=torch.channels_last_3d)
        if self.trainer.patch is None:
            return torch.sigmoid(of_one(self.network, moved))
        logits = sliding_window_inference(
            moved, self.trainer.patch, 4, self.network, overlap=OVERLAP, mode="gaussian"
        )
        return torch.as_tensor(logits).sigmoid()


def as_scan(slices: Tensor) -> Tensor:
    """Slices (d, 1, h, w) of one scan as (1, 1, d, h, w)."""
    if slices.ndim != 4 or slices.shape[1] != 1:
        raise ValueError(
            f"images: expected the slices (d, 1, h, w) of one scan, got {tuple(slices.shape)}"
        )
    return slices.transpose(0, 1)[None]
