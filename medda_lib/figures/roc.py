"""ROC curves: sensitivity against the false alarm rate at every threshold.

The area under the curve is the chance that a random abnormal image scores above a random normal one.
It ignores the threshold, so it tells a badly ranked score from a badly placed cut.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from sklearn.metrics import auc, roc_curve

from medda_lib.figures.style import DASHES, canvas, colours, same_length, styled, vector


@styled
def roc(panels: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]]) -> Figure:
    """One panel per entry: title -> {system: (score of class 1 (n,), labels (n,) of 0 and 1)}.

    The legend gives each system's area under the curve.
    """
    columns = len(panels)
    figure, axes = canvas(1, columns, width=3.6 * columns + 0.3, height=3.7, sharey=True)
    colour = colours(name for systems in panels.values() for name in systems)
    for axis, (title, systems) in zip(axes.flat, panels.items(), strict=True):
        for i, (name, (scores, labels)) in enumerate(systems.items()):
            score, truth = vector(name, scores), np.asarray(labels)
            same_length(scores=score, labels=truth)
            if set(np.unique(truth).tolist()) != {0, 1}:
                raise ValueError(f"{title}, {name}: labels must hold both classes 0 and 1")
            false_alarms, hits, _ = roc_curve(truth, score)
            label = f"{name} {auc(false_alarms, hits):.3f}"
            axis.plot(false_alarms, hits, color=colour[name], ls=DASHES[i % 4], lw=1.6, label=label)
        axis.plot([0, 1], [0, 1], lw=1, ls=":", color="#6b6b6b")
        axis.set(
            title=title, xlabel="false alarm rate", xlim=(0, 1), ylim=(0, 1.01), aspect="equal"
        )
        axis.legend(loc="lower right", title="area under curve", fontsize=8, title_fontsize=8)
    axes[0, 0].set_ylabel("sensitivity")
    return figure
