"""Fingerprints notice what code does, to the last bit here and to a tolerance elsewhere."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medda_lib.metrics import surface
from medda_lib.studies import artefacts, fingerprint
from medda_lib.studies.fingerprint import (
    FIRST,
    ROW,
    THE_STUDY,
    UNIT,
    Fingerprint,
    comparable,
    differences,
    load,
    measure,
    save,
    steadied,
)
from medda_lib.studies.first_steps import FirstSteps
from medda_lib.studies.made import KINDS, unit_rows
from medda_lib.studies.method import Run
from tests.studies.toy import ToyMethod, toy_spec, toy_study

STUDY = toy_study(methods=2, seeds=1)
A, B = (spec.label for spec in STUDY.specs)


@pytest.fixture(scope="module")
def known() -> Fingerprint:
    return measure(STUDY.specs, "toys")


def test_it_holds_rows_data_and_made_input(known: Fingerprint) -> None:
    assert known.conditions == (A, B)
    assert known.values[A, ROW, "in-domain/here/classification", "accuracy"] >= 0
    assert known.values[A, FIRST, "labelled source/classification/here", "images mean"] > 0
    assert known.values[THE_STUDY, UNIT, "images", "dice"] == pytest.approx(0.74, abs=0.2)
    assert {at for _, part, at, _ in known.values if part == UNIT} == {"classification", "images"}


def test_it_is_the_same_again_and_after_saving(known: Fingerprint, tmp_path: Path) -> None:
    assert differences(known, measure(STUDY.specs, "toys"), bits=True) == []
    back = load(save(known, tmp_path / "toys" / "phantom.csv"))
    assert back.values == known.values
    assert back.where == known.where
    assert comparable(back)


def test_the_order_of_conditions_does_not_matter(known: Fingerprint) -> None:
    assert differences(known, measure(STUDY.specs[::-1], "toys"), bits=True) == []


@pytest.mark.parametrize("name", ["instructions", "versions"])
def test_bits_are_compared_where_they_can_be_equal(known: Fingerprint, name: str) -> None:
    assert not comparable(replace(known, where={**known.where, name: "another"}))


def test_another_value_names_the_condition(known: Fingerprint) -> None:
    other = [replace(STUDY.specs[0], method=ToyMethod("Toy 0", segments=False)), STUDY.specs[1]]
    (found,) = differences(known, measure(other, "toys"), bits=True)
    assert found.condition == A
    assert "in-domain/here/classification" in found.text


def changed(known: Fingerprint, place: fingerprint.Place, factor: float) -> Fingerprint:
    return replace(known, values={**known.values, place: known.values[place] * factor})


def test_elsewhere_rounding_is_no_difference_and_a_change_is(known: Fingerprint) -> None:
    data = (B, FIRST, "labelled source/classification/here", "images mean")
    row = (B, ROW, "in-domain/here/segmentation", "soft_dice")
    for place, factor, bits, said in (
        (data, 1 + 1e-6, False, []),
        (data, 1 + 1e-6, True, [B]),
        (data, 1 + 1e-3, False, [B]),
        (row, 1.5, False, []),  # what training made of it
        (row, 1.5, True, [B]),
    ):
        found = differences(known, changed(known, place, factor), bits)
        assert [one.condition for one in found] == said


def test_tolerances_grow_with_the_steps() -> None:
    names = [f"step {k}" for k in (1, 2, 3)]
    one = Fingerprint({(A, FIRST, at, "loss"): 1.0 for at in names}, {})
    two = Fingerprint({(A, FIRST, at, "loss"): 1.0005 for at in names}, {})
    (found,) = differences(one, two, bits=False)
    assert found.text == "step 1 loss: 1, now 1.0005"


def test_a_mean_near_zero_is_measured_by_what_is_beside_it() -> None:
    place = (A, FIRST, "pass 1", "output 1 mean")
    beside = {(A, FIRST, "pass 1", "output 1 spread"): 1.0}
    one, two = (Fingerprint({place: mean, **beside}, {}) for mean in (1e-8, 2e-8))
    assert differences(one, two, bits=False) == []
    assert differences(one, two, bits=True)


def test_what_another_instruction_set_does_not_reproduce_is_compared_by_bits_alone() -> None:
    steady, chaotic = (
        (A, FIRST, "next step 1", "loss dice"),
        (A, FIRST, "next step 1", "loss match"),
    )
    here = Fingerprint({steady: 1.0, chaotic: 40851.0}, {})
    elsewhere = Fingerprint({steady: 1.0001, chaotic: 13804.0}, {})
    known = steadied(here, elsewhere)
    assert known.where["unsteady"] == [list(chaotic)]
    assert differences(known, elsewhere, bits=False) == []
    assert differences(known, elsewhere, bits=True)
    other = Fingerprint({steady: 2.0, chaotic: 40851.0}, {})
    (found,) = differences(known, other, bits=False)
    assert found.text == "next step 1 loss dice: 1, now 2"


def test_missing_and_undefined_values() -> None:
    place = (A, ROW, "here", "auc")
    nan = Fingerprint({place: math.nan}, {})
    assert differences(nan, Fingerprint({place: math.nan}, {}), bits=True) == []
    assert differences(nan, Fingerprint({place: 0.5}, {}), bits=True)[0].text.endswith("now 0.5")
    none = Fingerprint({(A, ROW, "here", "dice"): 1.0}, {})
    assert differences(nan, none, bits=True)[0].text.startswith("here auc: nan, now nothing")
    assert differences(nan, Fingerprint({}, {}), bits=True) == []  # a condition of one alone


# ---- first steps --------------------------------------------------------------------------------


def test_the_first_three_passes_of_whole_networks_are_noted() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
    inputs = [torch.full((4, 2), float(k)) for k in range(5)]
    with FirstSteps() as watch:
        outputs = [network(x) for x in inputs]
        for training in range(3):
            for step in range(1, 6):
                watch.progress(step, 5, {"dice": float(10 * training + step)})
    assert {at for at, _ in watch.values} == {
        f"{what} {k}" for what in ("pass", "step", "next step") for k in (1, 2, 3)
    }
    for k in (1, 2, 3):
        assert watch.values[f"pass {k}", "output 1 mean"] == pytest.approx(
            outputs[k - 1].mean().item()
        )
        assert watch.values[f"step {k}", "loss dice"] == k
        assert watch.values[f"next step {k}", "loss dice"] == 10 + k
    before = dict(watch.values)
    network(inputs[0])  # outside of the block
    assert watch.values == before


def test_hooks_are_gone_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), FirstSteps() as watch:
        _ = 1 / 0
    torch.nn.Linear(1, 1)(torch.ones(1))
    assert watch.values == {}


def test_losses_in_half_precision_are_not_noted() -> None:
    with FirstSteps() as watch, torch.autocast("cpu", dtype=torch.bfloat16):
        torch.nn.Linear(2, 2)(torch.ones(1, 2))
        watch.progress(1, 1, {"dice": 1.0})
    assert {at for at, _ in watch.values} == {"pass 1"}


# ---- made input ---------------------------------------------------------------------------------


def test_every_metric_has_a_value_of_its_own_on_made_input() -> None:
    rows = [row for row in unit_rows(KINDS) if row["metric"] != "tolerance"]  # which is a setting
    flat = [(r["domain"], r["metric"]) for r in rows if not 0 < float(r["value"]) < 1]
    assert flat == []
    for kind in KINDS:
        values = [round(float(r["value"]), 6) for r in rows if r["domain"] == kind]
        assert len(set(values)) >= len(values) - 1, kind


def test_a_tolerance_of_a_metric_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> dict[object, object]:
        return {row["metric"]: row["value"] for row in unit_rows(["scans"])}

    before = found()
    monkeypatch.setattr(surface, "PRINTED", 1.25)
    after = found()
    moved = ["surface_dice", "surface_dice_double", "tolerance"]
    assert [name for name in before if before[name] != after[name]] == moved


def test_what_was_made_is_kept_until_it_is_forgotten() -> None:
    made: list[int] = []

    def make() -> artefacts.Tensors:
        made.append(1)
        return {"x": torch.ones(2)}

    def ask() -> artefacts.Tensors:
        return artefacts.remembered(Run(0), ("a test", 1), (torch.ones(1),), (), make)

    artefacts.forget()
    ask()["x"].zero_()  # of a copy
    assert ask()["x"].tolist() == [1.0, 1.0]
    assert len(made) == 1
    measure([toy_spec()], "toys")  # from nothing, and so it forgets
    ask()
    assert len(made) == 2
