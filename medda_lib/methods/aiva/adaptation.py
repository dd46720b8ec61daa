"""AIVA: algorithm 1 of Goodman et al. as an objective of the common fine-tuning.

Before every epoch the bottleneck features of all slices of both sites are computed, clustered and
matched (`clusters`). During the epoch the matched clusters are pulled together (`loss`). The weight
lambda is set once, from the alignment losses of the first epoch's minibatches before any step was
taken: their target features are at hand from the clustering, so the rule costs nothing. The released
code does several of these things in another way: `Pull`, `Clustering.released` and `Arrangement` have
them, and `AIVA.released` puts them together.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from medda_lib.methods.aiva.clusters import Clustering, Structure, structure
from medda_lib.methods.aiva.loss import alignment_by_size, alignment_loss, centroids
from medda_lib.methods.aiva.pull import Pull, Scale
from medda_lib.methods.finetuning import (
    RELEASED_PROSTATE,
    RELEASED_SKULL_STRIPPING,
    Arrangement,
    Batch,
    Finetuned,
    Objective,
    Sites,
    finetune,
    sites_of,
)
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.training import predictor
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.task import View

AS_PRINTED = Pull()


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
    pull: Pull = Pull()  # noqa: RUF009 - immutable

    kind: ClassVar[str] = "AIVA"

    @property
    def name(self) -> str:
        """The system's name in Tables 1 and 2."""
        return "AIVA"

    @classmethod
    def released(cls) -> Self:
        """Skull stripping as in the released code, where the paper is silent; faults left out."""
        return cls(
            Segmenter.aiva_released(),
            RELEASED_SKULL_STRIPPING,
            Clustering.released(),
            Pull.released(),
            arrangement=Arrangement.released(),
        )

    @classmethod
    def released_prostate(cls) -> Self:
        """Prostates as in the released code."""
        return cls(
            Segmenter.aiva_released_prostate(),
            RELEASED_PROSTATE,
            Clustering.released(),
            Pull.released_prostate(),
            arrangement=Arrangement.released_prostate(),
        )

    def fit(self, view: View, run: Run) -> AIVAPredictor:
        """Adapts the source network of the view."""
        sites = sites_of(view)
        run = self.chance(sites.name, run)
        alignment = Alignment(sites, self.segmenter, self.clustering, run, self.pull)
        found = finetune(sites, self.segmenter, self.finetuning, run, alignment, self.arrangement)
        return AIVAPredictor(
            **vars(found), structures=tuple(alignment.structures), weight=alignment.weight
        )


class Alignment(Objective):
    """The objective. `seconds` adds up what the clusterings took: the features, and the rest."""

    def __init__(
        self,
        sites: Sites,
        segmenter: Segmenter,
        settings: Clustering,
        run: Run,
        pull: Pull = AS_PRINTED,
    ) -> None:
        self.sites, self.segmenter, self.run = sites, segmenter, run
        self.settings, self.pull, self.scale = settings, pull, Scale(pull)
        self.structures: list[Structure] = []
        self.seconds = {"features": 0.0, "clusters": 0.0}
        self._latest: tuple[Tensor, Tensor] | None = None
        self._clusters = self._matching = self._centroids = torch.empty(0)

    @property
    def weight(self) -> float:
        """Lambda; 0 before it is set."""
        return self.scale.weight or 0.0

    def epoch(self, network: ResidualUNet, upcoming: list[Batch]) -> None:
        """Cluster and match; before the first epoch set lambda as well, if it is set by then."""
        start = time.perf_counter()
        source, target = self._features(network)
        self.seconds["features"] += time.perf_counter() - start
        start = time.perf_counter()
        found = self._structure(source, target)
        self.structures.append(found)
        self._hold(found, source)
        if len(self.structures) == 1 and self.pull.first is None:
            shown = ((target[batch.target].to(self.run.device), batch) for batch in upcoming)
            self.scale.set([float(self._loss(values, batch)) for values, batch in shown])
        self.seconds["clusters"] += time.perf_counter() - start

    def _features(self, network: ResidualUNet) -> tuple[Tensor, Tensor]:
        """What is clustered: (m, d) of the source's slices, (n, d) of the target's."""
        if self._latest is not None:
            return self._latest
        reader = predictor(network, self.segmenter, self.run.device)
        source, target = (
            reader.bottleneck(images).flatten(1)
            for images in (self.sites.source.images, self.sites.target)
        )
        if self.pull.features == "passes":
            self._latest = source, target
        return source, target

    def _structure(self, source: Tensor, target: Tensor) -> Structure:
        positions = self.sites.positions().numpy() if self.settings.position else None
        seed = self.run.seed % 2**31
        return structure(source.numpy(), target.numpy(), self.settings, seed, positions)

    def _hold(self, found: Structure, source: Tensor) -> None:
        """Keep what the epoch's steps need, on the device."""
        clusters = torch.as_tensor(found.source_clusters)
        means, _ = centroids(source, clusters, self.settings.k)
        self._centroids = means.to(self.run.device)
        self._clusters = torch.as_tensor(found.target_clusters).to(self.run.device)
        self._matching = torch.as_tensor(found.matching).to(self.run.device)

    def _loss(self, target: Tensor, batch: Batch) -> Tensor:
        clusters = self._clusters[batch.target.to(self._clusters.device)]
        form = alignment_by_size if self.pull.by_size else alignment_loss
        return form(target, clusters, self._centroids, self._matching)

    def term(self, bottleneck: Tensor, logits: Tensor, masks: Tensor, batch: Batch) -> Tensor:
        """The alignment loss times lambda."""
        features = bottleneck.flatten(1)
        self._note(features, batch)
        return self.scale(self._loss(features[len(masks) :], batch))

    def _note(self, features: Tensor, batch: Batch) -> None:
        """Where features are kept, those of a step's slices take the place of their older ones."""
        if self._latest is None:
            return
        each = features.detach().cpu().split([len(numbers) for numbers in batch])
        for kept, numbers, values in zip(self._latest, batch, each, strict=True):
            kept[numbers] = values


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
