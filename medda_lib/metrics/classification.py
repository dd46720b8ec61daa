"""How well class probabilities agree with the labels of a whole test set.

Accuracy and the two F1 scores come from the same decision, the more probable class; the area
under the ROC curve uses the probability of the abnormal class and no decision at all. A network
that calls every image abnormal has an F1 of 0 for the normal class: the score that shows a constant
predictor.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score
from torch import Tensor

Floats = NDArray[np.float64]
NORMAL, ABNORMAL = 0, 1


def summary(probabilities: Tensor, labels: Tensor) -> dict[str, float]:
    """Accuracy, F1 of either class and AUC of `probabilities` (n, 2), `labels` (n,) in {0, 1}.

    F1 is 0 for a class that is neither present nor predicted. AUC is nan where the labels hold one
    class only, since there is then no pair to rank.
    """
    p, y = _check(probabilities, labels)
    chosen = p.argmax(axis=1)
    f1 = f1_score(y, chosen, labels=[NORMAL, ABNORMAL], average=None, zero_division=0.0)
    return {
        "accuracy": float(accuracy_score(y, chosen)),
        "f1_normal": float(f1[NORMAL]),
        "f1_abnormal": float(f1[ABNORMAL]),
        "auc": float(roc_auc_score(y, p[:, ABNORMAL])) if len(np.unique(y)) == 2 else float("nan"),
    }


def _check(probabilities: Tensor, labels: Tensor) -> tuple[Floats, NDArray[np.int64]]:
    p = np.asarray(probabilities.detach().cpu().numpy(), dtype=np.float64)
    y = np.asarray(labels.cpu().numpy(), dtype=np.int64)
    if p.ndim != 2 or p.shape[1] != 2 or y.shape != p.shape[:1] or not len(y):
        raise ValueError(
            f"probabilities: need (n, 2) with labels (n,), n > 0, got {p.shape} and {y.shape}"
        )
    if not np.allclose(p.sum(axis=1), 1, atol=1e-3) or p.min() < 0:
        raise ValueError("probabilities: rows must be >= 0 and add up to 1; apply a softmax")
    if not np.isin(y, (NORMAL, ABNORMAL)).all():
        raise ValueError(f"labels: need 0 (normal) or 1 (abnormal), got {np.unique(y).tolist()}")
    return p, y
