"""ODEx on a stream: when the pool grows, what each variant decides, and the pool as a file."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medda_lib.methods.continual.sequential import Sequential
from medda_lib.methods.odex import ODEx, PoolPredictor, load, save
from medda_lib.methods.odex.distances import Gram
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.studies.setting import CONTINUAL
from medda_lib.studies.snapshots import Snapshots
from tests.methods.compare import same
from tests.methods.continual_toy import SHAPE, TRAINER, balls, toy_run, toy_task

VARIANTS = {
    "ODEx": ODEx(TRAINER),
    "ODEx, a model per stage": ODEx(TRAINER, trigger="always"),
    "DiceEx": ODEx(TRAINER, trigger="dice"),
    "ODEx without history": ODEx(TRAINER, history=False),
    "ODEx with Gram distance": ODEx(TRAINER, distance="gram"),
}
NEVER = ODEx(TRAINER, threshold=1e12)


def fitted(method: ODEx, store: Path | None = None, count: int = 8) -> Snapshots:
    return method.fit(toy_task(count).view(CONTINUAL), toy_run(store))


def pool_after(found: Snapshots, number: int) -> PoolPredictor:
    predictor = found.after[number]
    assert isinstance(predictor, PoolPredictor)
    return predictor


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run store for all tests: what they train alike is trained once."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def grown(store: Path) -> Snapshots:
    return fitted(ODEx(TRAINER), store)


def test_names_are_those_of_the_table() -> None:
    assert [method.name for method in VARIANTS.values()] == list(VARIANTS)


def test_the_pool_grows_when_the_grey_values_change(grown: Snapshots) -> None:
    """Stages of grey 0.9, 0.9, 0.2: a second model at stage 3, not before."""
    found = [dict(grown.facts[k]) for k in (1, 2, 3)]
    assert [facts["expanded"] for facts in found] == [0, 0, 1]
    assert [facts["models"] for facts in found] == [1, 1, 2]
    assert [facts["trained"] for facts in found] == [1, 1, 2]
    assert found[0].keys() == {"models", "trained", "expanded"}
    assert found[1]["distance"] < found[1]["threshold"]
    assert found[2]["distance"] >= found[2]["threshold"]
    assert found[2]["distance"] == found[2]["distance to model 1"]
    assert found[2]["threshold"] == found[2]["threshold of model 1"]
    assert all(math.isfinite(value) for facts in found for value in facts.values())
    assert [len(pool_after(grown, k).models) for k in (1, 2, 3)] == [1, 1, 2]


def test_moving_weights_alone_do_not_make_the_pool_grow() -> None:
    """Older entries are of older weights; in-distribution values of the present ones allow for that.

    Walking the stream to its end also shows that no scan is held on to (a LeakError otherwise).
    """
    found = ODEx(TRAINER).fit(toy_task(12, (0.9,) * 4).view(CONTINUAL), toy_run())
    assert [found.facts[k]["models"] for k in (1, 2, 3, 4)] == [1, 1, 1, 1]
    assert len(pool_after(found, 4).models[0].history) == 4


def test_a_new_model_is_a_copy_with_its_history(grown: Snapshots, store: Path) -> None:
    """And it walks on as sequential training would."""
    before, after = pool_after(grown, 2).models[0], pool_after(grown, 3).models
    assert after[0] is before, "the model that was not trained stays as it was"
    assert len(before.history) == 2
    assert len(after[1].history) == 3
    for old, new in zip(before.history, after[1].history, strict=False):
        assert all(torch.equal(old[name], new[name]) for name in old)
    assert not same(before.network, after[1].network)
    plain = Sequential(TRAINER).fit(toy_task(8).view(CONTINUAL), toy_run(store)).after[3]
    assert isinstance(plain, NetworkPredictor)
    assert same(after[1].network, plain.network)


def test_with_one_model_it_is_sequential_training_bit_for_bit(store: Path) -> None:
    found = fitted(NEVER, store, count=4)
    plain = Sequential(TRAINER).fit(toy_task(4).view(CONTINUAL), toy_run())
    scan = balls("x", 1, 0.6).images
    for number in (1, 2, 3):
        pool, other = pool_after(found, number), plain.after[number]
        assert isinstance(other, NetworkPredictor)
        assert len(pool.models) == 1
        assert found.facts[number]["expanded"] == 0
        assert same(pool.models[0].network, other.network)
        assert torch.equal(pool.segment(scan), other.masks(scan))


def test_a_model_per_stage_grows_always(store: Path) -> None:
    found = fitted(VARIANTS["ODEx, a model per stage"], store)
    assert [found.facts[k]["models"] for k in (1, 2, 3)] == [1, 2, 3]
    assert [found.facts[k]["expanded"] for k in (1, 2, 3)] == [0, 1, 1]
    assert "threshold" not in found.facts[3]
    assert "distance to model 2" in found.facts[3]
    infinite = fitted(ODEx(TRAINER, threshold=float("-inf")), store)
    for one, other in zip(pool_after(found, 3).models, pool_after(infinite, 3).models, strict=True):
        assert same(one.network, other.network)


def test_without_history_only_the_last_stage_counts(store: Path) -> None:
    found = fitted(VARIANTS["ODEx without history"], store)
    pool = pool_after(found, 2)
    scan = balls("x", 1, 0.9).images
    measure, model = pool.measure, pool.models[0]
    assert len(model.history) == 2
    features = pool.features(scan.transpose(0, 1)[None])
    wanted = measure.distance.between(features, model.history[-1])
    assert model.within is not None
    assert pool.seen(scan).distances[0] == model.within.normalised(float(wanted))


def test_the_gram_variant_keeps_no_covariance(store: Path) -> None:
    found = fitted(VARIANTS["ODEx with Gram distance"], store)
    pool = pool_after(found, 3)
    assert isinstance(pool.measure.distance, Gram)
    assert all(entry.keys() == {"gram"} for model in pool.models for entry in model.history)
    c = TRAINER.filters[0]
    assert pool.features(torch.rand(2, 1, *SHAPE)).shape == (2, 2 * c * c)


def test_dice_grows_the_pool_when_it_falls_by_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stage 1 ends at 0.8; 0.73 is no fall of 10 %, and 0.62 after 0.7 is one."""
    told = iter([0.8, 0.73, 0.7, 0.62, 0.5])
    monkeypatch.setattr(ODEx, "_dice", lambda *_: next(told))
    found = fitted(VARIANTS["DiceEx"], count=4)
    assert [found.facts[k]["expanded"] for k in (1, 2, 3)] == [0, 0, 1]
    assert found.facts[2]["training Dice before"] == 0.8
    assert found.facts[3]["training Dice"] == 0.62
    assert "threshold" not in found.facts[3]
    assert [model.dice for model in pool_after(found, 3).models] == [0.7, 0.5]


def test_the_dice_is_that_of_the_thresholded_training_scans(store: Path) -> None:
    found = fitted(VARIANTS["DiceEx"], store)
    pool = pool_after(found, 1)
    data = balls("train 1", 8, 0.9)
    values = []
    for i in range(8):
        part = slice(i * SHAPE[0], (i + 1) * SHAPE[0])
        predicted, mask = pool.segment(data.images[part]) >= 0.5, data.need_masks()[part]
        values.append(float(2 * (predicted & mask).sum() / (predicted.sum() + mask.sum())))
    assert pool.models[0].dice == pytest.approx(sum(values) / 8, abs=1e-6)


def test_each_scan_goes_to_the_model_it_lies_nearest_to(store: Path) -> None:
    """Distances to the last stage's Gaussian; the features have moved a lot in the few toy steps."""
    pool = pool_after(fitted(VARIANTS["ODEx without history"], store), 3)
    assert len(pool.models) == 2
    for grey, number in ((0.9, 1), (0.2, 2)):
        scan = balls(f"new {grey}", 1, grey).images
        assert pool.chosen(scan) == number
        assert torch.equal(pool.segment(scan), pool.of_model(number).masks(scan))
        distances = pool.seen(scan).distances
        assert distances[number - 1] == min(distances)
    assert not torch.equal(pool.of_model(1).masks(scan), pool.of_model(2).masks(scan))
    assert pool.classify(scan) is None


@pytest.mark.parametrize("name", ["ODEx", "DiceEx", "ODEx with Gram distance"])
def test_a_pool_is_one_file(name: str, store: Path, tmp_path: Path) -> None:
    pool = pool_after(fitted(VARIANTS[name], store), 3)
    file = tmp_path / "pool.pt"
    save(pool, file)
    assert list(tmp_path.iterdir()) == [file]
    again = load(file)
    assert (again.patch, again.measure) == (pool.patch, pool.measure)
    for one, other in zip(pool.models, again.models, strict=True):
        assert same(one.network, other.network)
        assert (one.within, one.dice) == (other.within, other.dice)
        for a, b in zip(one.history, other.history, strict=True):
            assert all(torch.equal(a[key], b[key]) for key in a | b)
    scan = balls("x", 1, 0.5).images
    assert torch.equal(pool.segment(scan), again.segment(scan))
    assert pool.seen(scan) == again.seen(scan)
    assert torch.load(file, weights_only=True)["format"]


def test_other_files_are_refused_by_name(grown: Snapshots, tmp_path: Path) -> None:
    file = tmp_path / "other.pt"
    file.write_bytes(b"no pool")
    with pytest.raises(ValueError, match=r"other\.pt"):
        load(file)
    torch.save({"weights": torch.zeros(2)}, file)
    with pytest.raises(ValueError, match=r"other\.pt.*something else"):
        load(file)
    save(pool_after(grown, 3), file)
    packed = torch.load(file, weights_only=True)
    del packed["models"][0]["weights"]["input_block.conv1.conv.weight"]
    torch.save(packed, file)
    with pytest.raises(ValueError, match=r"other\.pt.*damaged"):
        load(file)
    torch.save(pool_after(grown, 3), file)  # objects, which could run code on loading
    with pytest.raises(ValueError, match=r"other\.pt"):
        load(file)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.pt")


def test_patches_are_for_training_only(store: Path) -> None:
    """The whole scan is read whatever the network learned from."""
    method = ODEx(replace(TRAINER, patch=(4, 8, 4)))
    pool = pool_after(fitted(method, store, count=4), 1)
    assert pool.features(torch.rand(2, 1, 5, 7, 9)).shape == (2, 2 * TRAINER.filters[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trigger": "never"}, "trigger"),
        ({"distance": "euclid"}, "distance"),
        ({"fall": 1.0}, "fall"),
        ({"shrinkage": -0.1}, "shrinkage"),
        ({"compare": "max"}, "compare"),
        ({"within": "test"}, "within"),
    ],
)
def test_wrong_settings_are_named(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ODEx(TRAINER, **arguments)  # type: ignore[arg-type]
