"""A trained network as a predictor: raw images in, probabilities out, on the CPU.

One class serves every network. `prepare` is what training did with images before the network saw them.
How images go through is said by `Slices` (each by itself, some at a time) or by `Scan` (all slices of
one scan, for networks in three dimensions). What a network has no head for is answered by None: its
`classifier` or its `decoder` is None then. A network without these attributes segments and does no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from medda_lib.methods.training import History
from medda_lib.networks.bridge import input_gradient
from medda_lib.networks.multimix import Output
from medda_lib.networks.one_scan import of_one

CHUNK = 64
OVERLAP = 0.5
Step = Callable[[Tensor], Tensor]
N = TypeVar("N", bound=nn.Module)


def as_it_is(images: Tensor) -> Tensor:
    """The images."""
    return images


@dataclass(frozen=True)
class Slices:
    """Images (n, 1, h, w) by themselves, `CHUNK` at a time. memory_format: of what the network gets."""

    memory_format: torch.memory_format = torch.preserve_format

    def through(
        self, images: Tensor, device: torch.device, network: Step, finish: Step = as_it_is
    ) -> Tensor:
        """What network and finish make of the images, (n, ...) on the CPU."""
        parts = (part.to(device, memory_format=self.memory_format) for part in images.split(CHUNK))
        return torch.cat([finish(network(part)).cpu() for part in parts])


@dataclass(frozen=True)
class Scan:
    """All slices (d, 1, h, w) of one scan. patch: sides of a sliding window; None for the whole scan."""

    patch: tuple[int, int, int] | None = None

    def through(
        self, images: Tensor, device: torch.device, network: Step, finish: Step = as_it_is
    ) -> Tensor:
        """What network and finish make of the scan, as slices (d, 1, h, w) on the CPU."""
        moved = as_scan(images).to(device, memory_format=torch.channels_last_3d)
        found = of_one(network, moved) if self.patch is None else _slid(moved, self.patch, network)
        return finish(found).cpu().transpose(1, 2)[0]


@dataclass(frozen=True)
class NetworkPredictor(Generic[N]):
    """A `Predictor` around a network; see the module. Images are (n, 1, h, w) in [0, 1].

    history: of the training, where there is one.
    """

    network: N
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable
    prepare: Step = as_it_is
    passage: Slices | Scan = Slices()
    history: History = field(default_factory=History, repr=False)

    @property
    def losses(self) -> tuple[tuple[str, tuple[tuple[int, float], ...]], ...]:
        """Name and (step, value) pairs of each loss of the training, for curves."""
        return tuple(self.history.curves().items())

    def classify(self, images: Tensor) -> Tensor | None:
        """Class probabilities (n, classes); None without a classifier."""
        if getattr(self.network, "classifier", None) is None:
            return None
        return self._of(images, self._classes, lambda logits: logits.softmax(dim=1))

    def segment(self, images: Tensor) -> Tensor | None:
        """Mask probabilities (n, 1, h, w); None without a decoder."""
        return self.masks(images) if getattr(self.network, "decoder", self) is not None else None

    def masks(self, images: Tensor) -> Tensor:
        """Mask probabilities (n, 1, h, w) of a network that segments."""
        return self._of(images, self._mask, torch.sigmoid)

    def bottleneck(self, images: Tensor) -> Tensor:
        """The encoder's last value, (n, c, h / 2^k, w / 2^k)."""
        return self._of(images, self._bottom)

    def features(self, images: Tensor) -> Tensor:
        """The bottleneck as the network pools it, (n, c): for maps of the feature space."""
        pooled: Step = self.network.pooled  # type: ignore[assignment]
        return self._of(images, self._bottom, pooled)

    def saliency(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """Input gradients (n, 1, h, w), signed, of the predicted class or of `classes` (n,)."""
        self.network.eval()
        chosen = [None] * len(images) if classes is None else list(classes.split(CHUNK))
        wanted = iter(chosen)

        def gradient(part: Tensor) -> Tensor:
            inputs = self.prepare(part).requires_grad_()
            return input_gradient(self._classes(inputs), inputs, next(wanted))

        return self.passage.through(images, self.device, gradient)

    @torch.no_grad()
    def _of(self, images: Tensor, step: Step, finish: Step = as_it_is) -> Tensor:
        self.network.eval()
        return self.passage.through(
            images, self.device, lambda part: step(self.prepare(part)), finish
        )

    def _bottom(self, x: Tensor) -> Tensor:
        bottom: Tensor = self.network.encode(x)[-1]  # type: ignore[operator]
        return bottom

    def _classes(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network.classify(self.network.encode(x))  # type: ignore[operator]
        return logits

    def _mask(self, x: Tensor) -> Tensor:
        found: Tensor | Output = self.network(x)
        if not isinstance(found, Output):
            return found
        if found.mask is None:
            raise ValueError("this network has no decoder: segment with one that has")
        return found.mask


def as_scan(slices: Tensor) -> Tensor:
    """Slices (d, 1, h, w) of one scan as (1, 1, d, h, w)."""
    if slices.ndim != 4 or slices.shape[1] != 1:
        raise ValueError(
            f"images: expected the slices (d, 1, h, w) of one scan, got {tuple(slices.shape)}"
        )
    return slices.transpose(0, 1)[None]


def _slid(scan: Tensor, patch: tuple[int, int, int], network: Step) -> Tensor:
    # Imported where it is needed: MONAI takes seconds, which networks of slices need not wait for.
    from monai.inferers.utils import sliding_window_inference

    found = sliding_window_inference(scan, patch, 4, network, overlap=OVERLAP, mode="gaussian")
    return torch.as_tensor(found)
