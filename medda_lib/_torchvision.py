"""Make `import torchvision` work beside a CPU build of torch.

The torchvision wheel is linked against a CUDA build of torch; next to a CPU build its compiled
operators do not load, and registering their shapes dies with "operator torchvision::nms does not
exist". timm, pytorch_grad_cam and lightning import torchvision and die with it. Declaring the two
missing operators before the first import cures it. Where the real operators load, this does nothing.

Import this module before anything that imports torchvision.
"""

from __future__ import annotations

import importlib.util

import torch
from torch import Tensor


def _nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Greedy non-maximum suppression: boxes (n, 4) as x1, y1, x2, y2; returns kept indices."""
    order = scores.argsort(descending=True)
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[Tensor] = []
    while order.numel():
        best, order = order[0], order[1:]
        kept.append(best)
        top_left = torch.maximum(boxes[best, :2], boxes[order, :2])
        bottom_right = torch.minimum(boxes[best, 2:], boxes[order, 2:])
        overlap = (bottom_right - top_left).clamp(min=0).prod(dim=1)
        order = order[overlap / (area[best] + area[order] - overlap) <= iou_threshold]
    return torch.stack(kept) if kept else torch.empty(0, dtype=torch.int64)


def _declare() -> torch.library.Library | None:
    """Declare the operators unless the installed torchvision brings loadable ones."""
    if importlib.util.find_spec("torchvision") is None or torch.cuda.is_available():
        return None
    try:
        torch.ops.torchvision.nms  # noqa: B018 - looking it up is the test
    except (AttributeError, RuntimeError):
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.impl("nms", _nms, "CPU")
        library.impl("qnms", _nms, "CPU")
        return library
    return None


# Kept alive for the life of the process: a collected Library takes its operators with it.
LIBRARY = _declare()
