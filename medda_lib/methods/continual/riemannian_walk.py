"""Riemannian walk (Chaudhry et al. 2018): what mattered, seen from the end and from along the way.

Two measures of a parameter's importance are added up. The Fisher information says how the outputs would
change if the parameter moved from where it came to lie; here it is a moving average over the training
itself (their EWC++, equation 5), so that no pass over the data is needed at the end. The score says how
much the parameter's own path lowered the loss, per distance gone: over a few steps the fall of the loss
is - sum g_i dtheta_i (a path integral), the distance 1/2 F_i dtheta_i^2 that of the KL divergence
(equation 7); the positive part of their ratio is added up over training. At a boundary the score is
averaged with that of the past. Training goes on with lambda sum_i (F_i + s_i)(theta_i - theta*_i)^2
(equation 8). No examples of former stages are stored, as Gonzalez et al. (2022) require.

Left open, or read off the authors' released code:

- F and s are each brought to [0, 1] over all parameters (least 0, largest 1) before they are added.
- Fisher information and path use the gradient of the training loss (Dice and cross entropy, mean over
  voxels) on a batch; squares are of the batch's gradient and averaged over an interval, as released.
- Before the first interval there is no F; the average starts with that interval's.
- The first score has no past to be averaged with and stays whole.
- lambda is 0.4, intervals have 10 steps and epsilon is 1e-8, as in Lifelong-nnUNet; alpha is 0.9.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from medda_lib.methods.continual.learner import learn_stream
from medda_lib.methods.continual.quadratic import Anchor, flat, flat_gradient
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import Regulariser
from medda_lib.networks.dyn_unet import DynUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Setting
from medda_lib.studies.snapshots import Snapshots
from medda_lib.studies.stream import TOLD_BOUNDARIES
from medda_lib.studies.task import Pool, View

EPSILON = 1e-8


def scores(fall: Tensor, fisher: Tensor, way: Tensor) -> Tensor:
    """Positive part of the fall of the loss over 1/2 F dtheta^2 + epsilon (equation 7); all (p,)."""
    return (fall / (fisher * way.square() / 2 + EPSILON)).clamp_min(0)


def unit_range(values: Tensor) -> Tensor:
    """Values (p,) shifted and scaled so that the least is 0 and the largest 1; 0 if all are equal."""
    least, largest = torch.aminmax(values)
    if largest == least:
        return torch.zeros_like(values)
    return (values - least) / (largest - least)


class Walk(Regulariser):
    """Follows training step by step, and pulls back to the anchor if there is one.

    Attributes:
        fisher: (p,) moving average over intervals; None before the first has ended.
        score: (p,) sum since the last boundary.
        anchor: weights and importance at the last boundary.
    """

    def __init__(self, alpha: float, strength: float, interval: int) -> None:
        self.alpha, self.strength, self.interval = alpha, strength, interval
        self.anchor: Anchor | None = None
        self.fisher: Tensor | None = None
        self.score: Tensor | None = None

    def begin(self, network: nn.Module) -> None:
        """A stage begins here."""
        self._here = self._start = flat(network).detach()
        self._fall, self._squares = torch.zeros_like(self._here), torch.zeros_like(self._here)
        self._steps = 0

    def on_parameters(self, network: nn.Module) -> Tensor | None:
        """Lambda sum (F + s)(theta - theta*)^2 (equation 8); None before the first boundary."""
        return None if self.anchor is None else self.strength * self.anchor.penalty(flat(network))

    def saw_gradients(self, network: nn.Module) -> None:
        """Keep the data's gradient until the step is made, and its square for the average."""
        self._gradient = flat_gradient(network)
        self._squares.addcmul_(self._gradient, self._gradient)

    def took_step(self, network: nn.Module) -> None:
        """Add this step's share of the path integral, - g dtheta."""
        there = flat(network).detach()
        self._fall.addcmul_(self._gradient, there - self._here, value=-1)
        self._here = there
        self._steps += 1
        if self._steps == self.interval:
            self.end_interval()

    def end_interval(self) -> None:
        """Update the average F, then add the interval's scores. Without a step nothing happens."""
        if self._steps == 0:
            return
        squares = self._squares / self._steps
        self.fisher = squares if self.fisher is None else self.fisher.lerp(squares, self.alpha)
        gained = scores(self._fall, self.fisher, self._here - self._start)
        self.score = gained if self.score is None else self.score + gained
        self._start, self._steps = self._here, 0
        self._fall.zero_()
        self._squares.zero_()


class WalkMemory:
    """One walk through all stages; a boundary makes an anchor of where it has come to."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.past: Tensor | None = None

    def regulariser(self, network: DynUNet) -> Regulariser:
        """The walk, which watches from the first stage on."""
        self.walk.begin(network)
        return self.walk

    def observe(self, network: DynUNet, pool: Pool, number: int, run: Run) -> None:
        """The stage is over: its last interval may be shorter. Scans are not looked at."""
        self.walk.end_interval()
        self._weights = flat(network).detach()

    def commit(self) -> None:
        """Average the score with the past's, fix weights and importance, start a new score."""
        walk = self.walk
        if walk.score is None or walk.fisher is None:
            return
        self.past = walk.score if self.past is None else (self.past + walk.score) / 2
        importance = unit_range(walk.fisher) + unit_range(self.past)
        walk.anchor, walk.score = Anchor(self._weights, importance), None


@dataclass(frozen=True)
class RiemannianWalk:
    """Riemannian walk without stored examples.

    Attributes:
        trainer: the training of a stage.
        alpha: weight of the newest interval in the moving average of F.
        strength: lambda of the penalty.
        interval: steps over which the path is integrated before its distance is taken.
    """

    trainer: Trainer = field(default_factory=Trainer)
    alpha: float = 0.9
    strength: float = 0.4
    interval: int = 10

    kind: ClassVar[str] = "RiemannianWalk"
    setting: ClassVar[Setting] = TOLD_BOUNDARIES

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha: {self.alpha} must lie in (0, 1]")
        if self.interval < 1:
            raise ValueError(f"interval: {self.interval} must be at least one step")

    @classmethod
    def paper(cls) -> RiemannianWalk:
        """The published values with the training of Gonzalez et al. (2022)."""
        return cls(trainer=Trainer.paper())

    @property
    def name(self) -> str:
        """The system's name."""
        return "RW"

    def fit(self, view: View, run: Run) -> Snapshots:
        """A snapshot after each stage."""
        walk = Walk(self.alpha, self.strength, self.interval)
        return learn_stream(view, run, self.trainer, WalkMemory(walk))
