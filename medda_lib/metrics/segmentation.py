"""How well a predicted mask agrees with the true one, image by image.

Every number but one comes from the same thresholded mask, so that the numbers of a table row cannot
contradict each other: per image, Dice = 2 J / (1 + J) holds exactly. The exception is `soft_dice`,
which takes the probabilities as they are. Both are given because papers print either under the name
"Dice", and the two differ as soon as a network is not sure of itself.

Conventions. A pixel is predicted where its probability is at least the threshold. Distances are in
millimetres where the size of the pixels is given. Without it they are in pixels of the grid at hand,
and say nothing beside those of another grid; where the size is asked for and not known they are shares
of the image's diagonal, under a name of their own. When both masks of an image are empty the prediction
is right: every overlap is 1 and the distance 0. When exactly one is empty, every overlap is 0 (precision
and recall too, where they would be 0 / 0) and the distance is the image diagonal, the largest that two
pixels can have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.metrics import structural_similarity
from torch import Tensor

Floats = NDArray[np.float64]


def dice(predicted: Tensor, masks: Tensor) -> Floats:
    """Dice similarity 2 |A n B| / (|A| + |B|) of bool masks (n, 1, h, w), shape (n,)."""
    both, a, b = _counts(predicted, masks)
    return _ratio(2 * both, a + b, empty=1.0)


def jaccard(predicted: Tensor, masks: Tensor) -> Floats:
    """Jaccard similarity |A n B| / |A u B| of bool masks (n, 1, h, w), shape (n,)."""
    both, a, b = _counts(predicted, masks)
    return _ratio(both, a + b - both, empty=1.0)


def precision(predicted: Tensor, masks: Tensor) -> Floats:
    """The part of the predicted pixels that is true, shape (n,)."""
    both, a, b = _counts(predicted, masks)
    return _ratio(both, a, empty=(b == 0).astype(np.float64))


def recall(predicted: Tensor, masks: Tensor) -> Floats:
    """The part of the true pixels that is predicted, shape (n,)."""
    both, a, b = _counts(predicted, masks)
    return _ratio(both, b, empty=(a == 0).astype(np.float64))


def soft_dice(probabilities: Tensor, masks: Tensor) -> Floats:
    """Dice without a threshold, 2 sum(p y) / (sum(p) + sum(y)), shape (n,).

    The denominators are not squared. For probabilities of 0 and 1 this is `dice`.
    """
    p, y = probabilities.flatten(1).double(), masks.flatten(1).double()
    return _ratio(2 * _numpy((p * y).sum(1)), _numpy(p.sum(1) + y.sum(1)), empty=1.0)


def hausdorff(predicted: Tensor, masks: Tensor, pixel: Tensor | None = None) -> Floats:
    """Average Hausdorff distance of bool masks (n, 1, h, w), shape (n,).

    pixel: height and width (n, 2) of each image's pixels in mm, for distances in mm; else in pixels.

    max(d(A, B), d(B, A)), where d(A, B) is the mean over ALL pixels of A, not its outline alone, of
    the distance to the nearest pixel of B (Taha and Hanbury 2015, section on the average distance).
    Pixels that both masks share count with distance 0, which keeps the values small. MultiMix does not
    say what it averages; the 0.104 at a Jaccard of 0.906 that its Table 2 prints for U-Net Full is, in
    pixels, of this kind: two lungs whose outlines agree to a tenth of a pixel overlap far better.
    """
    sides = [None] * len(masks) if pixel is None else pixel.tolist()
    rows = zip(_stack(predicted), _stack(masks), sides, strict=True)
    return np.array([_average_hausdorff(a, b, side) for a, b, side in rows], dtype=np.float64)


def distances(predicted: Tensor, masks: Tensor, pixel: Tensor | None = None) -> dict[str, Floats]:
    """`hausdorff` under the name that says its unit.

    "hausdorff" is in mm with `pixel` (n, 2), in pixels without. Where `pixel` holds NaN the size is not
    known: "hausdorff_share" is the distance as a share of the image's diagonal.
    """
    if pixel is None or not bool(pixel.isnan().any()):
        return {"hausdorff": hausdorff(predicted, masks, pixel)}
    h, w = masks.shape[-2:]
    return {"hausdorff_share": hausdorff(predicted, masks) / np.hypot(h - 1, w - 1)}


def ssim(predicted: Tensor, masks: Tensor) -> Floats:
    """Structural similarity of the predicted and the true bool mask, shape (n,).

    The mask stands for a picture of zeros and ones: segmentation is what the paper scores with it.
    Gaussian window of sigma 1.5 (11 x 11), data range 1 (Wang et al. 2004); needs h, w >= 11.
    """
    if min(masks.shape[-2:]) < 11:
        raise ValueError(f"masks: SSIM needs at least 11 x 11 pixels, got {tuple(masks.shape)}")
    pairs = zip(_stack(predicted), _stack(masks), strict=True)
    return np.array([_ssim(a, b) for a, b in pairs], dtype=np.float64)


def per_image(
    probabilities: Tensor,
    masks: Tensor,
    images: Tensor | None = None,
    threshold: float = 0.5,
    pixel: Tensor | None = None,
) -> dict[str, Floats]:
    """All segmentation metrics of a batch: name -> (n,) float64.

    `probabilities` (n, 1, h, w) in [0, 1], `masks` bool (n, 1, h, w). `images` only serves to
    check that the prediction was made at their size. `pixel`: see `distances`. Raises ValueError with
    the argument's name.
    """
    check(probabilities, masks, images)
    probabilities, masks = probabilities.detach().cpu(), masks.cpu()
    predicted = probabilities >= threshold
    _, pixels_predicted, pixels_true = _counts(predicted, masks)
    return {
        "dice": dice(predicted, masks),
        "jaccard": jaccard(predicted, masks),
        "ssim": ssim(predicted, masks),
        **distances(predicted, masks, pixel),
        "precision": precision(predicted, masks),
        "recall": recall(predicted, masks),
        "soft_dice": soft_dice(probabilities, masks),
        "pixels_true": pixels_true,
        "pixels_predicted": pixels_predicted,
    }


def check(probabilities: Tensor, masks: Tensor, images: Tensor | None = None) -> None:
    """Raise ValueError unless probabilities, bool masks (n, 1, h, w) and images fit together."""
    if masks.dtype != torch.bool or masks.ndim != 4 or masks.shape[1] != 1:
        raise ValueError(f"masks: need bool (n, 1, h, w), got {masks.dtype} {tuple(masks.shape)}")
    if probabilities.shape != masks.shape:
        raise ValueError(
            f"probabilities: {tuple(probabilities.shape)} does not match masks "
            f"{tuple(masks.shape)}; predict at the size of the masks"
        )
    if images is not None and (len(images), *images.shape[2:]) != (len(masks), *masks.shape[2:]):
        raise ValueError(f"images: {tuple(images.shape)} does not match masks {tuple(masks.shape)}")
    if probabilities.numel() and not (probabilities.min() >= 0 and probabilities.max() <= 1):
        raise ValueError("probabilities: values must lie in [0, 1]; apply a sigmoid to logits")


def _counts(predicted: Tensor, masks: Tensor) -> tuple[Floats, Floats, Floats]:
    """Pixels in both, in the prediction and in the truth, each (n,)."""
    a, b = predicted.flatten(1), masks.flatten(1)
    return _numpy((a & b).sum(1)), _numpy(a.sum(1)), _numpy(b.sum(1))


def _ratio(top: Floats, bottom: Floats, empty: float | Floats) -> Floats:
    """Quotient, and `empty` where bottom is 0."""
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), empty)


def _average_hausdorff(
    a: NDArray[np.bool_], b: NDArray[np.bool_], side: Sequence[float] | None
) -> float:
    if not a.any() or not b.any():
        height, width = side or (1.0, 1.0)
        diagonal = np.hypot((a.shape[0] - 1) * height, (a.shape[1] - 1) * width)
        return 0.0 if a.any() == b.any() else float(diagonal)
    there = ndimage.distance_transform_edt(~b, sampling=side)[a].mean()
    back = ndimage.distance_transform_edt(~a, sampling=side)[b].mean()
    return float(max(there, back))


def _ssim(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    x, y = a.astype(np.float64), b.astype(np.float64)
    similarity: Callable[..., float] = structural_similarity  # scikit-image has no types
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(similarity(x, y, data_range=1.0, **window))


def _stack(masks: Tensor) -> NDArray[np.bool_]:
    """(n, 1, h, w) -> (n, h, w) on the CPU."""
    return np.asarray(masks[:, 0].cpu().numpy(), dtype=np.bool_)


def _numpy(x: Tensor) -> Floats:
    return np.asarray(x.cpu().numpy(), dtype=np.float64)
