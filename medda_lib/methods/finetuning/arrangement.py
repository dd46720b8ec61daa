"""How the steps of a fine-tuning are arranged: what a `Recipe` does not say of them.

Goodman et al. print the number of steps and little else. Their released code (yishayahu/AIVA, commit
3ae7eda; lines of trainer.py) arranges a step in another way than this book's first results: minibatches
of the two sites go through the network one after the other, several pairs of them make a step, a
clustering serves for a fixed number of steps, and most of the decoder is frozen. Every field here is one
of those choices. The defaults are what the first results were made with, so they change no name and no
seed; `released` has the values of the code. What is a fault there (`papers/aiva/notes.toml`) is none of
them: one pair of minibatches is one iteration, as in the first author's working copy
(yishayahu/AdaptSegNet, branch shaya, commit cc39a57, train_gta2cityscapes_multi.py:676-798), and not
eight target minibatches for one of the source, which the released text has since a loop was removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Literal, get_args

from torch.nn import Parameter

from medda_lib.networks.residual_unet import ResidualUNet

Layers = Literal["all", "encoder and output"]
Passes = Literal["together", "apart"]


@dataclass(frozen=True)
class Arrangement:
    """The arrangement of a fine-tuning's steps.

    Attributes:
        paired: chance comes from the source network, its site and the repetition, not from the run's own
            seed: systems that are compared see the same minibatches, and what two variants of a system
            share (a clustering, a discriminator's first weights) starts alike in both.
        layers: what is trained. "encoder and output": all that the bottleneck depends on, and the last
            level; the rest of the decoder is frozen, its batch normalisation is not (221-222).
        passes: "together": both sites in one minibatch, with common statistics; "apart": each
            minibatch by itself, one of the source and one of the target in turn (395, 425).
        parts: minibatches of each site in a step. The loss is that of all of them at once, equations 2
            and 3; the code adds their segmentation losses up instead (487-498).
        epoch: steps between two clusterings and two validations; None: one pass through the source.
        restate: afterwards AdaBN's statistics, of all bare images of the target, replace the running
            averages.

    Raises:
        ValueError: an unknown word, or a number that is not positive.
    """

    kind: ClassVar[str] = "Arrangement"

    paired: bool = False
    layers: Layers = "all"
    passes: Passes = "together"
    parts: int = 1
    epoch: int | None = None
    restate: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (("layers", get_args(Layers)), ("passes", get_args(Passes))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}: {getattr(self, name)!r} is none of {allowed}")
        if self.parts < 1 or (self.epoch is not None and self.epoch < 1):
            raise ValueError(f"{self}: parts and epoch are positive")

    @classmethod
    def released(cls) -> Arrangement:
        """Skull stripping in the released code.

        A step is due when more than 35 target slices are collected (configs.py:47, trainer.py:452):
        with minibatches of 8, after five. Clusterings are 1,000 iterations apart, which are 200 steps
        (configs.py:18, trainer.py:264).
        """
        return cls(layers="encoder and output", passes="apart", parts=5, epoch=200)

    @classmethod
    def released_prostate(cls) -> Arrangement:
        """Prostates: more than 20 slices, so three pairs; 50 iterations (configs.py:108, 82)."""
        return cls(layers="encoder and output", passes="apart", parts=3, epoch=17)


def trained(network: ResidualUNet, layers: Layers) -> Iterator[Parameter]:
    """The parameters that a fine-tuning moves.

    The released network has other blocks (model/unet.py:14-64). There the first path, both paths down
    and the bottleneck up to the feature are trained, and the path out; here that is the encoder, and
    the last block with the layer behind it.
    """
    if layers == "all":
        return iter(network.parameters())
    return chain(*(part.parameters() for part in (network.down, network.up[-1], network.last)))
