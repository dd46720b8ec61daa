"""Feather-light adaptation: swap the style, segment, average over donors (Zakazov et al. 2022).

The network is that of the source site, trained once and left alone. A target scan arrives; each of
its slices takes the low-frequency amplitudes of k source slices in turn, the network segments the k
versions, and the mean of its k probability maps is the result:

    p(t) = sum_i net(f_FDA(s_i, t)) / k                                      (section 3).

With k = 1 this is the plain swap ("None" in the paper's Table 3), with k = 7 and blind donors
multi-source transfer ("MST"), with donors chosen by SR-SIM the paper's method.

Blind donors are drawn from the repetition and the scan's own grey values. So two scans get different
donors (the released code gives all the same), the order of the scans does not matter, and all
window sizes are compared on the same donors.

Spectra and resemblances are computed where the network runs: at the paper's sizes a scan has a hundred
slices, each in seven versions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from medda_lib.methods.fda import donors as donor_choice
from medda_lib.methods.fda import spectrum, srsim
from medda_lib.methods.fda.donors import BLIND, CHOICES, Choice
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.shared import source_of, source_predictor
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME, Setting
from medda_lib.studies.task import View

PART = 16
"""Slices that go through the network at once on a processor: few enough for its cache."""


@dataclass(frozen=True)
class FourierAdaptation:
    """FDA at test time.

    Attributes:
        segmenter: the source network's settings.
        choice: how donors are found, one of `donors.CHOICES`.
        donors: donor slices for each slice, n_MST in the paper; 1 is the plain swap.
        beta: radius of the swapped disc as a part of the shorter side.
    """

    segmenter: Segmenter
    choice: Choice = "3D"
    donors: int = 7
    beta: float = 0.03

    kind: ClassVar[str] = "FourierAdaptation"
    setting: ClassVar[Setting] = TEST_TIME

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise ValueError(f"choice: {self.choice!r} is none of {CHOICES}")
        if self.donors < 1:
            raise ValueError(f"donors: {self.donors} is not positive")
        if not self.beta >= 0:
            raise ValueError(f"beta: {self.beta} is negative; 0 swaps nothing")

    @classmethod
    def paper(cls) -> FourierAdaptation:
        """Zakazov et al.: seven donors (section 3), beta of Figure 3; their grid is not given."""
        return cls(Segmenter.fda())

    @property
    def name(self) -> str:
        """The system's name in the tables."""
        swap = "FDA (any slice)" if self.choice == "any slice" else "FDA"
        several = f"{swap} + MST" if self.donors > 1 else swap
        return several if self.choice in BLIND else f"{several} + SR-SIM {self.choice}"

    def fit(self, view: View, run: Run) -> FourierPredictor:
        """The source network and the spectra of its site's training scans. Nothing else is learnt.

        Raises ValueError when the source's pool does not hold whole scans.
        """
        network = source_predictor(view, self.segmenter, run)
        site, pool = source_of(view)
        if pool.spacing is None:
            raise ValueError(
                f"{site}: the source holds single slices; give it whole scans (spacing)"
            )
        return FourierPredictor(self, network, pool.images, pool.depth, run.repetition)


class FourierPredictor:
    """Segments one scan at a time: all its slices, in order. See `FourierAdaptation`.

    What it is given and what it returns lie on the CPU, what happens between on the network's device.
    """

    def __init__(
        self,
        settings: FourierAdaptation,
        network: NetworkPredictor[ResidualUNet],
        sources: Tensor,
        depth: int,
        repetition: int = 0,
    ) -> None:
        """sources: slices (scans * depth, 1, h, w) of whole source scans."""
        self.settings, self.network = settings, network
        self.depth, self.repetition, self.scans = depth, repetition, len(sources) // depth
        moved = sources.to(network.device)
        self._amplitudes = spectrum.amplitudes(moved[:, 0], settings.beta)
        blind = settings.choice in BLIND
        self._features = None if blind else srsim.features(moved)

    def classify(self, images: Tensor) -> Tensor | None:
        """None: there is no classifier."""
        return None

    def segment(self, images: Tensor) -> Tensor:
        """Mask probabilities (depth, 1, h, w) of one scan (depth, 1, h, w)."""
        return self.votes(images, self.donors_of(images)).mean(dim=1, keepdim=True)

    def donors_of(self, images: Tensor) -> Tensor:
        """Numbers (depth, k) of the source slices whose style each slice of a scan takes."""
        if len(images) != self.depth:
            raise ValueError(
                f"images: {len(images)} slices, but the source's scans have {self.depth}; "
                "give one whole scan with the same spacing"
            )
        wanted = self.settings
        if self._features is None:
            generator = _generator(images, self.repetition)
            return donor_choice.random_donors(
                wanted.choice, self.depth, self.scans, wanted.donors, generator
            )
        mine = srsim.features(images.to(self.network.device))
        reach = donor_choice.reach_of(wanted.choice)
        similarity = donor_choice.similarities(mine, self._features, reach)
        return donor_choice.similar_donors(wanted.choice, similarity, wanted.donors).cpu()

    def adapted(self, images: Tensor, chosen: Tensor) -> Tensor:
        """Slices (n, 1, h, w) in the style of source slices `chosen` (n, k): (n, k, h, w)."""
        return self._versions(images, chosen).cpu()

    def votes(self, images: Tensor, chosen: Tensor) -> Tensor:
        """The network's probabilities (n, k, h, w) for each version of each slice."""
        versions = self._versions(images, chosen)
        each = versions.flatten(0, 1)[:, None]
        parts = each.split(PART if each.device.type == "cpu" else len(each))
        return torch.cat([self.network.masks(part) for part in parts]).view(versions.shape)

    def _versions(self, images: Tensor, chosen: Tensor) -> Tensor:
        """`adapted`, on the network's device."""
        device, beta = self.network.device, self.settings.beta
        donated = self._amplitudes[chosen.to(device)]
        return spectrum.swap_amplitudes(images.to(device), donated, beta)


def _generator(images: Tensor, repetition: int) -> torch.Generator:
    digest = hashlib.sha256(images.detach().cpu().numpy().tobytes())
    digest.update(str(repetition).encode())
    return torch.Generator().manual_seed(int.from_bytes(digest.digest()[:8], "big") >> 1)
