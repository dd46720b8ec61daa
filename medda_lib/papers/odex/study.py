"""The experiment of ODEx: twelve systems on streams of hippocampus scans.

`paper.toml` says what the kinds of data are. Where a budget departs from the paper, the chapter lists it
as a numbered deviation. Systems that walk the same way share their training through the run store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from medda_lib.methods.continual.ewc import EWC
from medda_lib.methods.continual.lwf import LwF
from medda_lib.methods.continual.mib import MiB
from medda_lib.methods.continual.plop import PLOP
from medda_lib.methods.continual.riemannian_walk import RiemannianWalk
from medda_lib.methods.continual.sequential import JointTraining, Sequential
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.supervised import Supervised
from medda_lib.methods.odex import ODEx
from medda_lib.methods.training import Poly, Recipe, with_recipe
from medda_lib.papers.planning import Kinds, Place, by_profile, studies
from medda_lib.papers.transfer import derive
from medda_lib.studies.method import Method
from medda_lib.studies.spec import RunSpec
from medda_lib.tasks.hippocampus import HippocampusTask, Scenario
from medda_lib.tasks.hippocampus_phantoms import PhantomHippocampi
from medda_lib.tasks.hippocampus_real import RealHippocampi, RealismTask, SupervisedTask
from medda_lib.tasks.hippocampus_scenarios import Ordered, ShiftingSource
from medda_lib.tasks.hippocampus_transform import Transformed

__all__ = ["BUDGETS", "DATA", "derive", "study"]

PAPER = "odex"


@dataclass(frozen=True)
class Budget:
    """What a profile spends.

    `long` trains the networks of the realism study. `own` is smaller than `real` at `paper`, since the
    25 people of the Dryad set must do for all five stages.
    """

    seeds: int
    trainer: Trainer
    long: Trainer
    phantoms: PhantomHippocampi
    real: RealHippocampi
    own: RealHippocampi
    realism: tuple[PhantomHippocampi, RealHippocampi]


_BRIEF = Recipe(steps=3, batch=2, learning_rate=1e-2, schedule=Poly())
_SMOKE = Trainer(_BRIEF, filters=(2, 3, 4))
_DEMO = Trainer(replace(_BRIEF, steps=120), filters=(8, 16, 32))

BUDGETS = by_profile(
    Budget,
    seeds=(1, 3, 3),
    trainer=(_SMOKE, _DEMO, Trainer.paper()),
    long=(_SMOKE, with_recipe(_DEMO, steps=400), Trainer.paper()),
    phantoms=(
        PhantomHippocampi(4, 2, spacing=3.0),
        PhantomHippocampi(20, 8, spacing=1.5),
        PhantomHippocampi(40, 12, spacing=1.0),
    ),
    real=(
        RealHippocampi(train=4, test=2, spacing=3.0),
        RealHippocampi(train=20, test=8, spacing=1.5),
        RealHippocampi(train=36, test=12, spacing=1.0),
    ),
    own=(
        RealHippocampi(train=4, test=2, spacing=3.0),
        RealHippocampi(train=20, test=8, spacing=1.5),
        RealHippocampi(train=20, test=8, spacing=1.0),
    ),
    realism=(
        (PhantomHippocampi(3, 1, spacing=3.0), RealHippocampi(train=4, test=2, spacing=3.0)),
        (PhantomHippocampi(40, 1, spacing=1.5), RealHippocampi(train=120, test=100, spacing=1.5)),
        (PhantomHippocampi(80, 1, spacing=1.0), RealHippocampi(train=160, test=100, spacing=1.0)),
    ),
)


def systems(trainer: Trainer) -> dict[str, Method]:
    """The rows of Tables 1 and 2, by the names that `paper.toml` gives them."""
    return {
        "Joint training": JointTraining(trainer),
        "Sequential": Sequential(trainer),
        "EWC": EWC(trainer),
        "MiB": MiB(trainer),
        "RW": RiemannianWalk(trainer),
        "PLOP": PLOP(trainer),
        "LwF": LwF(trainer),
        "ODEx": ODEx(trainer),
        "ODEx, a model per stage": ODEx(trainer, trigger="always"),
        "DiceEx": ODEx(trainer, trigger="dice"),
        "ODEx without history": ODEx(trainer, history=False),
        "ODEx with Gram distance": ODEx(trainer, distance="gram"),
    }


def _stream(
    place: Place, budget: Budget, data: PhantomHippocampi | RealHippocampi, scenario: Scenario
) -> Iterator[RunSpec]:
    task = HippocampusTask(data, scenario)
    for system, method in systems(budget.trainer).items():
        yield place.spec(method, task, system=system)


def _realism(place: Place, budget: Budget) -> Iterator[RunSpec]:
    """From phantoms of all sources to real scans, and the reference: from other real scans."""
    phantoms, real = budget.realism
    method = Supervised(budget.long)
    yield place.spec(method, RealismTask(phantoms, real), system="Trained on phantoms")
    yield place.spec(method, SupervisedTask(real), system="Trained on real scans")


DATA: Kinds[Budget] = {
    "shifting": lambda at, b: _stream(at, b, b.phantoms, ShiftingSource()),
    "transformed": lambda at, b: _stream(at, b, b.phantoms, Transformed()),
    "real": lambda at, b: _stream(at, b, b.real, Transformed()),
    "ordered": lambda at, b: _stream(at, b, b.real, Ordered("volume")),
    "realism": _realism,
    "own": lambda at, b: _stream(at, b, b.own, ShiftingSource()),
}

study = studies(PAPER, BUDGETS, DATA)
