"""Can two sites be told apart? A classifier of sites, which no method of adaptation takes part in.

A benchmark of domain shift needs domains that differ. A logistic regression is trained to tell the
slices of two sites apart and tested on other people; the area under its ROC curve is .5 where the sites
look alike. It sees either nine simple numbers of a slice (brightness, spread, percentiles, edges, fine
detail) or what the bottleneck of the first site's network makes of it. The second is the more telling
one: domains may differ in ways that the network does not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.shared import source_predictor
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME, Role, Setting
from medda_lib.studies.task import CLASSIFICATION, View

Floats = NDArray[np.float64]
Seen = Literal["simple", "network"]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class DomainProbe:
    """Tells sites apart. seen: what of a slice it looks at; segmenter: of the network, for "network"."""

    segmenter: Segmenter
    seen: Seen = "simple"

    kind: ClassVar[str] = "DomainProbe"
    setting: ClassVar[Setting] = TEST_TIME

    def __post_init__(self) -> None:
        if self.seen not in get_args(Seen):
            raise ValueError(f"seen: {self.seen!r} is none of {get_args(Seen)}")

    @property
    def name(self) -> str:
        """The probe's name in tables."""
        return f"classifier of sites, {self.seen} features"

    def fit(self, view: View, run: Run) -> ProbePredictor:
        """Trains on the view's slices with their site as label."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        network = source_predictor(view, self.segmenter, run) if self.seen == "network" else None
        pool = view.labelled(Role.LABELLED_SOURCE, CLASSIFICATION)
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
        model.fit(_seen(pool.images, network), pool.need_labels().numpy())
        return ProbePredictor(model, network)


@dataclass(frozen=True)
class ProbePredictor:
    """Probabilities of the two sites for slices (n, 1, h, w)."""

    model: Any  # scikit-learn's pipeline
    network: NetworkPredictor[ResidualUNet] | None

    def classify(self, images: Tensor) -> Tensor:
        """(n, 2): of the first and the second site."""
        return torch.from_numpy(self.model.predict_proba(_seen(images, self.network))).float()

    def segment(self, images: Tensor) -> Tensor | None:
        """None: there is no decoder."""
        return None


def _seen(images: Tensor, network: NetworkPredictor[ResidualUNet] | None) -> Floats:
    found = simple_features(images) if network is None else network.features(images)
    return np.asarray(found.numpy(), dtype=np.float64)


def simple_features(images: Tensor) -> Tensor:
    """Nine numbers (n, 9) of each slice (n, 1, h, w).

    Mean, standard deviation, five quantiles, mean absolute difference of neighbours, mean absolute
    Laplacian (fine detail and noise).
    """
    x = images.float()
    flat = x.flatten(1)
    quantiles = torch.quantile(flat, torch.tensor(QUANTILES), dim=1).T
    down, right = x.diff(dim=2).abs().flatten(1).mean(1), x.diff(dim=3).abs().flatten(1).mean(1)
    kernel = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])[None, None]
    detail = F.conv2d(x, kernel).abs().flatten(1).mean(1)
    return torch.cat(
        [flat.mean(1, keepdim=True), flat.std(1, keepdim=True), quantiles,
         (down + right)[:, None], detail[:, None]], dim=1,
    )  # fmt: skip
