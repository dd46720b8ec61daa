"""Per-image results: what is kept, at which precision, and what a missing value looks like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medda_lib.studies import per_image
from medda_lib.studies.per_image import PerImage, collect, load, save
from medda_lib.studies.store import RunStore
from tests.studies.toy import ToyMethod, ToyTask, toy_spec, toy_study

DICE = "in-domain/here/segmentation/dice"
LABELS = "in-domain/here/classification/labels"
PROBABILITIES = "in-domain/here/classification/probabilities"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Two methods in two repetitions; a third method has no classifier, a fourth no decoder."""
    store = RunStore(tmp_path_factory.mktemp("runs"))
    STUDY.run(store, progress=False)
    return store


BLIND = toy_spec(0, ToyMethod("Blind", classifies=False))
DUMB = toy_spec(0, ToyMethod("Dumb", segments=False))
STUDY = replace(
    toy_study(methods=2, seeds=2), specs=(*toy_study(methods=2, seeds=2).specs, BLIND, DUMB)
)


def test_collect_stacks_the_runs_in_the_order_of_the_study(store: RunStore) -> None:
    found = collect(store, STUDY.specs)
    assert found.runs == (
        *("Toy 0|100|0", "Toy 1|100|0", "Toy 0|100|1", "Toy 1|100|1"),
        *("Blind|100|0", "Dumb|100|0"),
    )
    names = {path.rpartition("/")[2] for path in found.arrays}
    assert names == set(per_image.KEPT) - {"surface_dice"}  # of whole scans only
    for i, spec in enumerate(STUDY.specs[:4]):
        images = store.read(spec.key).images
        assert np.array_equal(found.arrays[DICE][i], images[DICE].astype(np.float16))
        assert np.array_equal(found.arrays[LABELS][i], images[LABELS])
        second = images[PROBABILITIES][:, 1].astype(np.float16)  # pneumonia; the other is 1 minus
        assert np.array_equal(found.arrays[PROBABILITIES][i], second)


def test_scores_are_kept_at_half_precision_and_counts_exactly(store: RunStore) -> None:
    found = collect(store, STUDY.specs)
    kinds = {path: array.dtype for path, array in found.arrays.items()}
    for path, kind in kinds.items():
        whole = path.endswith(("pixels_true", "pixels_predicted", "labels"))
        assert kind == (np.int32 if whole else np.float16), path


def test_a_run_without_a_quantity_has_nan_or_minus_one(store: RunStore) -> None:
    found = collect(store, STUDY.specs)
    assert np.isnan(found.get("Blind|100", PROBABILITIES)).all()
    assert (found.get("Blind|100", LABELS) == -1).all()
    assert np.isfinite(found.get("Blind|100", DICE)).all()
    assert np.isnan(found.get("Dumb|100", DICE)).all()
    assert (found.get("Dumb|100", DICE.replace("dice", "pixels_true")) == -1).all()
    assert (found.get("Dumb|100", LABELS) >= 0).all()


def test_runs_that_are_not_finished_are_left_out(store: RunStore) -> None:
    found = collect(store, [toy_spec(7), *STUDY.specs[:1]])
    assert found.runs == ("Toy 0|100|0",)
    assert collect(store, [toy_spec(7)]) == PerImage((), {})


def test_get_gives_every_repetition_of_a_row(store: RunStore) -> None:
    found = collect(store, STUDY.specs)
    values = found.get("Toy 1|100", DICE)
    assert values.dtype == np.float64
    assert values.shape == (2, ToyTask().images)
    assert np.array_equal(values, found.arrays[DICE][[1, 3]].astype(np.float64))


@pytest.mark.parametrize(
    ("row", "path"), [("Toy 9|100", DICE), ("Toy 1|100", "in-domain/mars/segmentation/dice")]
)
def test_asking_for_what_is_not_there_lists_what_is(store: RunStore, row: str, path: str) -> None:
    with pytest.raises(KeyError) as error:
        collect(store, STUDY.specs).get(row, path)
    message = str(error.value)
    assert f"no {path!r} of {row!r}" in message
    for there in ("Blind|100", "Toy 0|100", DICE, LABELS):
        assert there in message


def test_save_and_load_give_the_same_and_equal_content_equal_bytes(
    store: RunStore, tmp_path: Path
) -> None:
    found = collect(store, STUDY.specs)
    file = save(found, tmp_path / "one.npz")
    back = load(file)
    assert back.runs == found.runs
    assert back.arrays.keys() == found.arrays.keys()
    for path, array in found.arrays.items():
        assert back.arrays[path].dtype == array.dtype
        assert np.array_equal(back.arrays[path], array, equal_nan=array.dtype == np.float16)
    turned = PerImage(found.runs, dict(reversed(found.arrays.items())))
    assert save(turned, tmp_path / "two.npz").read_bytes() == file.read_bytes()


def test_loading_nothing_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        load(tmp_path / "missing.npz")


def test_a_committed_study_has_its_summary_beside_the_rows(store: RunStore, tmp_path: Path) -> None:
    frame = STUDY.run(store, progress=False)
    file = STUDY.commit(frame, tmp_path)
    assert load(file.with_suffix(".npz")).runs == collect(store, STUDY.specs).runs
