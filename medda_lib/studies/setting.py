"""A setting says what a method may see of a task.

Every paper in the book lives in one setting: some methods get labels of the source and bare images of
the target, some never see the source again, some see one stage of a stream at a time. A `Setting`
names the roles whose truth may be seen and the roles seen as bare images. Everything else is not
hidden by convention but absent: `Task.view` builds an object that does not hold it, and asking for it
raises `LeakError`. Test data belong to no setting; only the evaluator reaches them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LeakError(PermissionError):
    """A method asked for data that its setting does not allow it to see."""


class Role(StrEnum):
    """What a part of a task's data is for."""

    LABELLED_SOURCE = "labelled source"
    UNLABELLED_SOURCE = "unlabelled source"
    VALIDATION_SOURCE = "validation source"
    LABELLED_TARGET = "labelled target"
    UNLABELLED_TARGET = "unlabelled target"
    VALIDATION_TARGET = "validation target"
    STAGE = "stage"
    TEST = "test"


@dataclass(frozen=True)
class Setting:
    """What may be seen: `truth` roles come with labels, `images` roles without."""

    name: str
    truth: frozenset[Role]
    images: frozenset[Role]
    description: str

    def __post_init__(self) -> None:
        if Role.TEST in self.truth | self.images:
            raise LeakError(f"setting {self.name!r} lists the test role; no setting may see it")
        if both := self.truth & self.images:
            raise ValueError(f"setting {self.name!r} lists {sorted(both)} with and without truth")


def _setting(name: str, truth: set[Role], images: set[Role], description: str) -> Setting:
    return Setting(name, frozenset(truth), frozenset(images), description)


_SOURCE = {Role.LABELLED_SOURCE, Role.VALIDATION_SOURCE}

SEMI_SUPERVISED = _setting(
    "semi-supervised",
    _SOURCE,
    {Role.UNLABELLED_SOURCE},
    "few labelled and many unlabelled images of one domain",
)
UNSUPERVISED_ADAPTATION = _setting(
    "unsupervised adaptation",
    _SOURCE,
    {Role.UNLABELLED_SOURCE, Role.UNLABELLED_TARGET},
    "a labelled source and bare images of the target",
)
SOURCE_FREE = _setting(
    "source-free",
    set(),
    {Role.UNLABELLED_TARGET},
    "a model trained on the source, whose data are gone, and bare images of the target",
)
TEST_TIME = _setting(
    "test-time",
    _SOURCE,
    set(),
    "training sees the source alone; the model adapts to each test image as it comes",
)
SUPERVISED_ADAPTATION = _setting(
    "supervised adaptation",
    _SOURCE | {Role.LABELLED_TARGET, Role.VALIDATION_TARGET},
    {Role.UNLABELLED_TARGET},
    "a labelled source and a few labelled images of the target",
)
DOMAIN_GENERALISATION = _setting(
    "domain generalisation",
    _SOURCE,
    set(),
    "several labelled sources; the target is never seen before the test",
)
CONTINUAL = _setting(
    "continual",
    {Role.STAGE},
    set(),
    "a stream of stages, one at a time; earlier ones are gone",
)
TOLD_BOUNDARIES = _setting(
    "continual, told the boundaries",
    {Role.STAGE},
    set(),
    "a stream of stages, one at a time, and the news when the distribution changes",
)
ALL_AT_ONCE = _setting(
    "all stages at once",
    {Role.STAGE},
    set(),
    "every stage together, as if nothing ever passed: the upper bound of continual learning",
)
FEW_SHOT = _setting(
    "few-shot",
    _SOURCE | {Role.LABELLED_TARGET},
    set(),
    "many labelled tasks, then a handful of labelled images of a new one",
)
SELF_SUPERVISED = _setting(
    "self-supervised",
    {Role.LABELLED_TARGET, Role.VALIDATION_TARGET},
    {Role.UNLABELLED_SOURCE},
    "bare images first, a labelled task afterwards",
)
NOISY_LABELS = _setting(
    "noisy labels",
    _SOURCE,
    {Role.UNLABELLED_SOURCE},
    "labels of which an unknown part is wrong",
)

EVERY_SETTING: tuple[Setting, ...] = (
    SEMI_SUPERVISED,
    UNSUPERVISED_ADAPTATION,
    SOURCE_FREE,
    TEST_TIME,
    SUPERVISED_ADAPTATION,
    DOMAIN_GENERALISATION,
    CONTINUAL,
    TOLD_BOUNDARIES,
    ALL_AT_ONCE,
    FEW_SHOT,
    SELF_SUPERVISED,
    NOISY_LABELS,
)
"""Those of all systems, in the book's order."""

SETTINGS = tuple(one for one in EVERY_SETTING if one not in (TOLD_BOUNDARIES, ALL_AT_ONCE))
"""Those that papers are about; the others are of baselines and bounds alone."""
