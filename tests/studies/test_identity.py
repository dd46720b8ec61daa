"""Names and seeds of runs outlive what happens to the code: classes that move, options that come."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import stage_seed
from medda_lib.methods.finetuning import SKULL_STRIPPING
from medda_lib.methods.multimix import Settings
from medda_lib.methods.seg_jdot import SegJDOT
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.shared import source_seed
from medda_lib.methods.training import SGD, EachSteps, Poly, Recipe, with_recipe
from medda_lib.papers.catalogue import papers, study_module
from medda_lib.studies import identity
from medda_lib.studies.identity import (
    SpecError,
    all_fields,
    canonical,
    kind_of,
    parts,
    remember,
    seed_of,
)
from medda_lib.studies.method import LastStep


@dataclass(frozen=True)
class Early:
    kind: ClassVar[str] = "Growing"
    rate: float = 0.1


@dataclass(frozen=True)
class Late:
    """The same kind after a class was renamed and got an option."""

    kind: ClassVar[str] = "Growing"
    rate: float = 0.1
    momentum: float = 0.0


@dataclass(frozen=True)
class Bolder:
    """Later still: the option's default is another one now."""

    kind: ClassVar[str] = "Growing"
    rate: float = 0.1
    momentum: float = 0.9


@dataclass(frozen=True)
class OtherRule(LastStep):
    kind: ClassVar[str] = "OtherRule"


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    file = tmp_path / "kinds.toml"
    file.write_text("# a comment that stays\n")
    monkeypatch.setattr(identity, "KINDS", file)
    identity._known.cache_clear()
    yield file
    identity._known.cache_clear()


def test_a_class_without_a_kind_of_its_own_is_refused() -> None:
    class Heir(Early):
        pass

    with pytest.raises(SpecError, match='Heir: declare `kind: ClassVar\\[str\\] = "Heir"`'):
        kind_of(Heir)


@pytest.mark.usefixtures("kinds")
def test_renaming_changes_nothing() -> None:
    renamed = dataclasses.make_dataclass(
        "Renamed", [("rate", float, 0.1)], frozen=True, namespace={"kind": "Growing"}
    )
    assert canonical(renamed(), "x") == canonical(Early(), "x")
    assert seed_of(renamed(), "sm3", 0) == seed_of(Early(), "sm3", 0)


def test_an_option_that_came_later_is_left_out_while_it_is_neutral(kinds: Path) -> None:
    assert remember([Early()], kinds) == ["Growing"]
    assert canonical(Late(), "x") == canonical(Early(), "x")
    assert seed_of(Late(), 1) == seed_of(Early(), 1)
    switched_on = Late(momentum=0.5)
    assert canonical(switched_on, "x")["fields"] == {"rate": 0.1, "momentum": 0.5}
    assert seed_of(switched_on, 1) != seed_of(Early(), 1)


def test_a_neutral_value_that_was_noted_stays_neutral(kinds: Path) -> None:
    remember([Early()], kinds)
    assert remember([Late()], kinds) == ["Growing.momentum"]
    assert remember([Late(), Early()], kinds) == []
    assert canonical(Bolder(), "x")["fields"] == {"rate": 0.1, "momentum": 0.9}
    assert canonical(Bolder(momentum=0.0), "x") == canonical(Early(), "x")
    assert kinds.read_text().startswith("# a comment that stays\n")


@dataclass(frozen=True)
class Nested:
    """The same kind after its fields were cut anew: what it learns by stands in a class of its own."""

    kind: ClassVar[str] = "Growing"
    learning: Late = Late()
    width: int = 1

    def spelled(self) -> Iterator[tuple[str, object]]:
        yield "width", self.width
        yield "rate", self.learning.rate
        if self.learning.momentum:
            yield "momentum", self.learning.momentum


def test_a_class_that_was_cut_anew_is_spelled_as_it_was(kinds: Path) -> None:
    remember([Early()], kinds)
    assert canonical(Nested(), "x") == canonical(Early(), "x")
    assert seed_of(Nested(), 1) == seed_of(Early(), 1)
    moved = Nested(Late(momentum=0.5))
    assert canonical(moved, "x") == canonical(Late(momentum=0.5), "x")
    assert canonical(Nested(width=2), "x") != canonical(Nested(), "x")
    # What is noted of it are names that it is spelled by, with the neutral value of a new field.
    assert remember([moved], kinds) == ["Growing.width"]
    assert list(parts(Nested())) == [Nested()]


def test_fields_of_a_kind_that_nobody_noted_all_count(kinds: Path) -> None:
    assert kinds.is_file()
    assert canonical(Late(), "x") != canonical(Early(), "x")


def test_a_changed_default_of_an_old_field_changes_the_name(kinds: Path) -> None:
    remember([Early()], kinds)
    faster = dataclasses.make_dataclass(
        "Early", [("rate", float, 0.2)], frozen=True, namespace={"kind": "Growing"}
    )
    assert canonical(faster(), "x") != canonical(Early(), "x")


def test_seeds_are_those_of_the_committed_results() -> None:
    """Of the words that named these settings when the first results were made."""
    segmenter = (
        "Segmenter(width=16, levels=5, steps=5000, batch=16, optimiser='adam', learning_rate=0.001, "
        "schedule='poly', loss='bce', crop=None, normalise='none')/sm3/0"
    )
    trainer = (
        "Trainer(filters=(8, 16, 32), steps=100, batch=2, optimiser='adam', learning_rate=0.003, "
        "patch=None, deep_supervision=0, augment=False, precision='float32')/0/1"
    )
    for words, seed in (
        (segmenter, source_seed(SEGMENTER, "sm3", 0)),
        (trainer, stage_seed(Trainer(), 0, 1)),
    ):
        assert seed == int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") >> 1


SEGMENTER = Segmenter(Recipe(5000, schedule=Poly(), batch=16))
HELD: dict[str, Callable[..., object]] = {
    "a source network's": lambda **changes: with_recipe(SEGMENTER, **changes),
    "a stage's": lambda **changes: with_recipe(Trainer(), **changes),
    "MultiMix's": lambda **changes: with_recipe(Settings(), **changes),
    "a fine-tuning's": lambda **changes: SegJDOT(SEGMENTER, replace(SKULL_STRIPPING, **changes)),
}
"""Who spells a recipe as it was spelled before there was one."""
CHANGES: dict[str, object] = {
    "steps": 7,
    "learning_rate": 0.5,
    "optimiser": SGD(0.5),
    "schedule": EachSteps(3),
    "precision": "bfloat16",
    "validate_every": 3,
    "rule": OtherRule(),
    "batch": 3,
}


@pytest.mark.parametrize("changed", CHANGES)
@pytest.mark.parametrize("whose", HELD)
def test_no_number_of_a_recipe_is_left_out(whose: str, changed: str) -> None:
    assert set(CHANGES) == {field.name for field in dataclasses.fields(Recipe)}
    plain, other = HELD[whose](), HELD[whose](**{changed: CHANGES[changed]})
    assert canonical(plain, "x") != canonical(other, "x")
    assert seed_of(plain, 1) != seed_of(other, 1)


def in_studies() -> dict[type, object]:
    """The classes of all specifications of all papers, and a value of each."""
    found: dict[type, object] = {}
    for paper in papers():
        if not (identity.KINDS.parent.parent / "papers" / paper.key / "study.py").is_file():
            continue
        module = study_module(paper.key)
        for data in module.DATA:
            for spec in module.study("demo", data, 1).specs:
                for value in (spec.method, spec.task):
                    found |= {type(part): part for part in parts(value)}
    return found


def test_no_two_classes_share_a_kind() -> None:
    twice = [kind for kind, n in Counter(kind_of(cls) for cls in in_studies()).items() if n > 1]
    assert twice == []


def test_every_class_of_a_committed_study_is_noted_with_its_fields() -> None:
    known = identity._known()
    for cls, value in in_studies().items():
        assert kind_of(cls) in known, f"{cls.__name__}: medda run --commit notes its fields"
        names = {name for name, _ in all_fields(value)}
        assert set(known[kind_of(cls)]["fields"]) <= names, f"{cls.__name__} lost a field"


def test_a_kind_is_declared_in_the_class_and_no_path() -> None:
    for cls in in_studies():
        assert "kind: ClassVar[str]" in inspect.getsource(cls)
        assert "." not in kind_of(cls)
