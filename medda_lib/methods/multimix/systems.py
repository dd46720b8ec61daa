"""The nine systems of MultiMix's tables: one family with switches.

    system        classify  segment  bridge  ssl           consistency
    U-Net                   yes
    Enc           yes
    Enc-MM        yes                        MixMatch
    Enc-SSL       yes                        confidence
    UMTL          yes       yes
    UMTL-S        yes       yes      yes
    UMTL-SSL      yes       yes              confidence
    UMTL-SSL-S    yes       yes      yes     confidence
    MultiMix      yes       yes      yes     confidence    yes

`system("MultiMix")` builds one by its name. Combinations that the paper does not have (UMTL with
consistency, say) are named by their switches and can be run as ablations.

Each idea has two twins with the idea off. One is a row of the table: UMTL-SSL-S for MultiMix's
consistency, UMTL for the pseudo-labels of UMTL-SSL and for the bridge of UMTL-S, Enc and U-Net for the
sharing of UMTL, Enc for MixMatch. The other has a weight of 0 (`Settings`) in the same loop on the same
images; it tells the idea from what comes with it, such as the image that a bridge hands over beside the
map, or the mixing and averaging beside MixMatch's guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch

from medda_lib.methods.multimix import steps
from medda_lib.methods.multimix.batches import ImageSets, image_sets
from medda_lib.methods.multimix.mixmatch_settings import MixMatchSettings
from medda_lib.methods.multimix.settings import Settings
from medda_lib.methods.multimix.training import train
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import SEMI_SUPERVISED, Setting
from medda_lib.studies.task import View

Ssl = Literal["none", "confidence", "mixmatch"]

SWITCHES: dict[str, dict[str, Any]] = {
    "U-Net": {"classify": False},
    "Enc": {"segment": False},
    "Enc-MM": {"segment": False, "ssl": "mixmatch"},
    "Enc-SSL": {"segment": False, "ssl": "confidence"},
    "UMTL": {},
    "UMTL-S": {"bridge": True},
    "UMTL-SSL": {"ssl": "confidence"},
    "UMTL-SSL-S": {"bridge": True, "ssl": "confidence"},
    "MultiMix": {"bridge": True, "ssl": "confidence", "consistency": True},
}
SYSTEMS = tuple(SWITCHES)


@dataclass(frozen=True)
class MultiTask:
    """A system of Haque et al.: which heads it has and which losses train them.

    Attributes:
        settings: hyper-parameters.
        classify, segment: the heads.
        bridge: saliency bridge from the first to the second (section 2.3).
        ssl: unlabelled classification images: not used, pseudo-labels (section 2.1), MixMatch.
        consistency: KL term on unlabelled segmentation images (equation 2).
    """

    kind: ClassVar[str] = "MultiTask"
    setting: ClassVar[Setting] = SEMI_SUPERVISED

    settings: Settings = Settings()  # noqa: RUF009 - frozen
    classify: bool = True
    segment: bool = True
    bridge: bool = False
    ssl: Ssl = "none"
    consistency: bool = False

    def __post_init__(self) -> None:
        if not (self.classify or self.segment):
            raise ValueError("a system needs a problem: set classify, segment or both")
        if self.bridge and not (self.classify and self.segment):
            raise ValueError("bridge: needs classify and segment")
        if self.ssl != "none" and not self.classify:
            raise ValueError(f"ssl={self.ssl!r}: needs classify")
        if self.consistency and not self.segment:
            raise ValueError("consistency: needs segment")

    @classmethod
    def paper(cls, name: str = "MultiMix") -> MultiTask:
        """The system `name` with the paper's hyper-parameters."""
        return system(name)

    @property
    def name(self) -> str:
        """The name in the paper's tables; ablations outside them end in what they add."""
        if self.bridge and self.ssl == "confidence" and self.consistency:
            return "MultiMix"
        heads = {(True, True): "UMTL", (True, False): "Enc", (False, True): "U-Net"}
        parts = [heads[self.classify, self.segment]]
        parts += {"none": [], "confidence": ["SSL"], "mixmatch": ["MM"]}[self.ssl]
        parts += ["S"] * self.bridge + ["KL"] * self.consistency
        return "-".join(parts)

    def fit(self, view: View, run: Run) -> NetworkPredictor[MultiMixNet]:
        """Train on the source data of `view`; equal view and run give equal predictors."""
        with torch.random.fork_rng(devices=_gpus(run.device)):
            torch.manual_seed(run.seed)
            network = self.network().to(run.device)
            sets = {
                problem: image_sets(view, problem, self.settings.when_full, run.device)
                for problem in self.problems
            }
            parts = self.parts(network, sets, run.seed)
            return train(network, parts, sets, self.settings, run, self.mixmatch)

    @property
    def mixmatch(self) -> MixMatchSettings | None:
        """The numbers of MixMatch for this length of training, where it is used."""
        if self.ssl != "mixmatch":
            return None
        return self.settings.mixmatch.adapted(self.settings.recipe.steps)

    @property
    def problems(self) -> tuple[str, ...]:
        """The problems that the system is trained for."""
        wanted = {"classification": self.classify, "segmentation": self.segment}
        return tuple(problem for problem, on in wanted.items() if on)

    def network(self) -> MultiMixNet:
        """The untrained network, initialised from torch's global generator."""
        return MultiMixNet(
            self.settings.width,
            self.settings.dropout,
            classify=self.classify,
            segment=self.segment,
            bridge=self.bridge,
            upsampling=self.settings.upsampling,
            bridging=self.settings.bridging,
        )

    def parts(
        self, network: MultiMixNet, sets: dict[str, ImageSets], seed: int
    ) -> list[steps.Step]:
        """The step functions whose losses are minimised, one per problem."""
        rng = torch.Generator().manual_seed(seed)
        context = steps.Context(network, self.settings, rng)
        found = []
        if self.classify:
            step = self._classification(context, sets["classification"])
            found.append(steps.weighted(step, self.settings.class_weight))
        if self.segment:
            images = sets["segmentation"]
            bare = images.unlabelled if self.consistency else None
            found.append(steps.segmentation(context, images, bare))
        return found

    def _classification(self, context: steps.Context, sets: ImageSets) -> steps.Step:
        if self.ssl == "none" or sets.unlabelled is None:
            return steps.supervised(context, sets)
        kind = {"confidence": steps.confidence, "mixmatch": steps.mixed}[self.ssl]
        return kind(context, sets, sets.unlabelled)


def system(name: str, settings: Settings | None = None) -> MultiTask:
    """The system that the paper's tables call `name`, with the paper's settings unless given."""
    if name not in SWITCHES:
        raise ValueError(f"{name!r} is none of the systems {', '.join(SYSTEMS)}")
    return MultiTask(Settings.paper() if settings is None else settings, **SWITCHES[name])


def _gpus(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []
