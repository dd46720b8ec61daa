"""AIVA: algorithm 1 of Goodman et al. as an objective of the common fine-tuning.

Before every epoch the bottleneck features of all slices of both sites are computed, clustered and
matched (`clusters`). During the epoch the matched clusters are pulled together (`loss`). The weight
lambda is set once, from the alignment losses of the first epoch's minibatches before any step was
taken: their target features are at hand from the clustering, so the rule costs nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from medda_lib.methods.aiva.clusters import Clustering, Structure, structure
from medda_lib.methods.aiva.loss import alignment_loss, centroids, reciprocal_weight
from medda_lib.methods.finetuning import Batch, Finetuned, Objective, Sites, finetune, sites_of
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.training import predictor
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.task import View


@dataclass(frozen=True)
class AIVAPredictor(NetworkPredictor[ResidualUNet]):
    """The adapted network with what the figures need.

    structures: of the sites at the start of each epoch; weight: lambda.
    """

    structures: tuple[Structure, ...] = ()
    weight: float = 0.0


@dataclass(frozen=True)
class AIVA(Finetuned):
    """Fine-tuning with the alignment of matched clusters."""

    clustering: Clustering = Clustering()  # noqa: RUF009 - immutable

    kind: ClassVar[str] = "AIVA"

    @property
    def name(self) -> str:
        """The system's name in Tables 1 and 2."""
        return "AIVA"

    def fit(self, view: View, run: Run) -> AIVAPredictor:
        """Adapts the source network of the view."""
        sites = sites_of(view)
        alignment = Alignment(sites, self.segmenter, self.clustering, run)
        found = finetune(sites, self.segmenter, self.finetuning, run, alignment)
        return AIVAPredictor(
            **vars(found), structures=tuple(alignment.structures), weight=alignment.weight
        )


class Alignment(Objective):
    """The objective. `seconds` adds up what the clusterings took: the features, and the rest."""

    def __init__(self, sites: Sites, segmenter: Segmenter, settings: Clustering, run: Run) -> None:
        self.sites = sites
        self.segmenter = segmenter
        self.settings = settings
        self.run = run
        self.structures: list[Structure] = []
        self.weight = 0.0
        self.seconds = {"features": 0.0, "clusters": 0.0}
        self._clusters = self._matching = self._centroids = torch.empty(0)

    def epoch(self, network: ResidualUNet, upcoming: list[Batch]) -> None:
        """Cluster and match; before the first epoch set lambda as well."""
        start = time.perf_counter()
        reader = predictor(network, self.segmenter, self.run.device)
        source, target = (
            reader.bottleneck(images).flatten(1)
            for images in (self.sites.source.images, self.sites.target)
        )
        self.seconds["features"] += time.perf_counter() - start
        start = time.perf_counter()
        found = structure(source.numpy(), target.numpy(), self.settings, seed=self.run.seed % 2**31)
        self.structures.append(found)
        self._hold(found, source)
        if len(self.structures) == 1:
            self.weight = reciprocal_weight(
                float(self._loss(target[batch.target].to(self.run.device), batch))
                for batch in upcoming
            )
        self.seconds["clusters"] += time.perf_counter() - start

    def _hold(self, found: Structure, source: Tensor) -> None:
        """Keep what the epoch's steps need, on the device."""
        clusters = torch.as_tensor(found.source_clusters)
        means, _ = centroids(source, clusters, self.settings.k)
        self._centroids = means.to(self.run.device)
        self._clusters = torch.as_tensor(found.target_clusters).to(self.run.device)
        self._matching = torch.as_tensor(found.matching).to(self.run.device)

    def _loss(self, target: Tensor, batch: Batch) -> Tensor:
        clusters = self._clusters[batch.target.to(self._clusters.device)]
        return alignment_loss(target, clusters, self._centroids, self._matching)

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        """The alignment loss times lambda."""
        return self.weight * self._loss(bottleneck[len(masks) :].flatten(1), batch)


def matching_agreement(one: Structure, other: Structure) -> float:
    """How far two structures of the same slices link the same pairs, in [0, 1].

    A target slice is linked with all source slices of its matched cluster. Returned is the number of
    links that both structures make over the number that either makes (the numbers of the clusters
    do not matter, only who is linked with whom).
    """
    first, second = (_links(found) for found in (one, other))
    return float((first & second).sum() / (first | second).sum())


def _links(found: Structure) -> np.ndarray:
    """(n, m) bool: target slice and source slice in matched clusters."""
    wanted = found.matching[found.target_clusters]
    return np.asarray(wanted[:, None] == found.source_clusters[None])
