from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from medda_lib.datasets.card import DatasetError
from medda_lib.studies import run as run_module
from medda_lib.studies import spec as spec_module
from medda_lib.studies.closure import versions
from medda_lib.studies.identity import SpecError, canonical, canonical_json
from medda_lib.studies.profile import PROFILES, profile
from medda_lib.studies.run import built
from medda_lib.studies.spec import modules_of
from medda_lib.studies.task import Task
from tests.studies.toy import ToyMethod, ToyTask, toy_spec


@dataclass(frozen=True)
class Inner:
    kind: ClassVar[str] = "Inner"
    rate: float = 0.1


@dataclass(frozen=True)
class Outer:
    kind: ClassVar[str] = "Outer"
    inner: Inner = Inner()
    items: tuple[object, ...] = ()


@dataclass
class Thawed:
    kind: ClassVar[str] = "Thawed"
    rate: float = 0.1


@dataclass(frozen=True)
class Holder:
    kind: ClassVar[str] = "Holder"
    value: Any = field(default=None)


def test_key_and_seed_have_the_promised_form() -> None:
    run = toy_spec()
    assert len(run.key) == 64
    assert set(run.key) <= set("0123456789abcdef")
    assert 0 <= run.random_seed < 2**63
    assert run.key == toy_spec().key
    assert run.random_seed == toy_spec().random_seed


@pytest.mark.parametrize(
    "other",
    [
        toy_spec(1),
        toy_spec(0, ToyMethod(rate=0.25)),
        toy_spec(0, ToyMethod(steps=6)),
        toy_spec(0, None, ToyTask(images=8)),
        replace(toy_spec(), profile="demo"),
    ],
)
def test_what_decides_a_result_changes_key_and_seed(other: spec_module.RunSpec) -> None:
    assert other.key != toy_spec().key
    assert other.random_seed != toy_spec().random_seed


def test_names_of_a_run_do_not_change_its_key() -> None:
    renamed = replace(toy_spec(), paper="another", data="real", condition=(("row", "x"),))
    assert renamed.key == toy_spec().key


def test_versions_and_code_change_the_key_but_not_the_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = toy_spec()
    key, seed = before.key, before.random_seed
    monkeypatch.setattr(spec_module, "versions", lambda: {"torch": "0.0"})
    assert before.key != key
    assert before.random_seed == seed
    monkeypatch.undo()
    monkeypatch.setattr(spec_module, "code_closure", lambda _: {"a": "b"})
    assert before.key != key
    assert before.random_seed == seed


def test_the_versions_that_count() -> None:
    wanted = {"torch", "numpy", "scipy", "monai", "scikit-image", "scikit-learn"}
    assert set(versions()) == wanted
    assert versions()["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("one", "two"),
    [(1, 1.0), (1, True), (0, False), ("1", 1), (None, "None"), (0.1, 0.1 + 1e-17 * 4), ((), None)],
)
def test_equal_looking_values_are_told_apart(one: object, two: object) -> None:
    if isinstance(one, float) and one == two:
        assert canonical_json(canonical(one, "x")) == canonical_json(canonical(two, "x"))
        return
    assert canonical_json(canonical(Holder(one), "x")) != canonical_json(
        canonical(Holder(two), "x")
    )


def test_canonical_text_by_hand() -> None:
    text = canonical_json(canonical(Outer(Inner(0.25), ("a", 1, 1e-5, None, True)), "method"))
    assert text == (
        '{"class":"Outer","fields":{"inner":{"class":"Inner","fields":{"rate":0.25}},'
        '"items":["a",1,1e-05,null,true]}}'
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1}, r"method\.value: a dict"),
        ([1], r"method\.value: a list"),
        ({1}, r"method\.value: a set"),
        (np.float64(1), r"method\.value: a float64"),
        (np.zeros(2), r"method\.value: a ndarray"),
        ((1, [2]), r"method\.value\[1\]: a list"),
        (Thawed(), r"method\.value: Thawed must be a frozen"),
        (Holder({"b": 1}), r"method\.value\.value: a dict"),
        (float("nan"), r"method\.value: nan is not finite"),
        (Inner, r"method\.value: a type"),
    ],
)
def test_other_values_are_errors_that_name_the_field(value: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        canonical(Holder(value), "method")


def test_modules_of_nested_fields() -> None:
    assert modules_of(Holder((1, ToyMethod(), "x"))) == {__name__, "tests.studies.toy"}


def test_profiles() -> None:
    assert list(PROFILES) == ["smoke", "demo", "paper"]
    assert profile("demo").seeds >= 3
    with pytest.raises(ValueError, match="unknown profile 'huge': use one of smoke, demo, paper"):
        profile("huge")


# ---- files that a run reads ---------------------------------------------------------------------


@dataclass(frozen=True)
class Reading(ToyTask):
    """A toy that opens a real set, and says so or does not."""

    kind: ClassVar[str] = "Reading"
    names: tuple[str, ...] = ("lung_xray_b",)

    @property
    def reads(self) -> tuple[str, ...]:
        return self.names

    def build(self, seed: int) -> Task:
        from medda_lib.datasets.registry import find

        find("lung_xray_b")
        return super().build(seed)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEDDA_DATA", str(tmp_path))
    monkeypatch.setenv("MEDDA_RUNS", str(tmp_path / "runs"))
    folder = tmp_path / "lung_xray_b"
    folder.mkdir()
    (folder / "one.png").write_bytes(b"one")
    return folder


def test_content_enters_the_key_and_not_the_seed(data: Path) -> None:
    spec = toy_spec(0, None, Reading())
    assert spec.reads == ("lung_xray_b",)
    key, seed, identity = spec.key, spec.random_seed, spec.identity
    assert spec.key == key
    (data / "two.png").write_bytes(b"two")
    assert spec.content()["lung_xray_b"].files == 2
    assert spec.key != key
    assert (spec.random_seed, spec.identity) == (seed, identity)


def test_a_missing_set_is_an_error_that_says_how_to_get_it(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDDA_DATA", str(data.parent / "elsewhere"))
    with pytest.raises(DatasetError, match="lung_xray_b"):
        _ = toy_spec(0, None, Reading()).key
    assert toy_spec(0, None, Reading()).random_seed > 0


def test_a_task_that_reads_what_it_does_not_name_is_refused(data: Path) -> None:
    run_module._TASKS.clear()
    with pytest.raises(DatasetError, match="reads lung_xray_b, but its `reads` does not say so"):
        built(toy_spec(0, None, Reading(names=())))


def test_a_task_is_built_anew_when_its_files_change(data: Path) -> None:
    run_module._TASKS.clear()
    spec = toy_spec(0, None, Reading())
    before = built(spec)
    assert built(spec) is before
    (data / "one.png").write_bytes(b"uno")
    assert built(spec) is not before
