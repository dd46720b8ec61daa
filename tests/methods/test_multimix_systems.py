"""The nine systems on a debug task: they run, learn, repeat, and avoid the released code's pitfalls."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from medda_lib.methods.multimix import SYSTEMS, MultiTask, Settings, steps, system, training
from medda_lib.methods.multimix.batches import shuffled
from medda_lib.methods.multimix.scores import accuracy, mean_dice
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.methods.training import EachSteps, with_recipe
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.studies.method import BestValidation, CheckpointRule, LastStep, Run
from tests.methods.tiny import images_of, settings, view

TERMS = {
    "U-Net": {"dice"},
    "Enc": {"cross-entropy"},
    "Enc-MM": {"cross-entropy", "guessed"},
    "Enc-SSL": {"cross-entropy", "pseudo-label"},
    "UMTL": {"cross-entropy", "dice"},
    "UMTL-S": {"cross-entropy", "dice"},
    "UMTL-SSL": {"cross-entropy", "pseudo-label", "dice"},
    "UMTL-SSL-S": {"cross-entropy", "pseudo-label", "dice"},
    "MultiMix": {"cross-entropy", "pseudo-label", "dice", "consistency"},
}
BRIDGED = {"UMTL-S", "UMTL-SSL-S", "MultiMix"}


def outputs(predictor: NetworkPredictor[MultiMixNet], n: int = 5) -> list[Tensor]:
    images = images_of(n, 99)[0]
    found = (predictor.classify(images), predictor.segment(images))
    return [x for x in found if x is not None]


@pytest.mark.parametrize("unlabelled", [12, 0])
@pytest.mark.parametrize("name", SYSTEMS)
def test_three_steps(name: str, unlabelled: int) -> None:
    """With unlabelled images and, as |D_l| = Full leaves it, without any."""
    method = system(name, settings())
    assert method.name == name
    predictor = method.fit(view(unlabelled=unlabelled), Run(seed=1))
    last = predictor.history.losses[-1][1]
    assert set(last) == TERMS[name]
    assert all(math.isfinite(value) for value in last.values())
    images = images_of(5, 99)[0]
    classes, masks = predictor.classify(images), predictor.segment(images)
    assert (classes is None) == (name == "U-Net")
    assert (masks is None) == name.startswith("Enc")
    if classes is not None:
        torch.testing.assert_close(classes.sum(dim=1), torch.ones(5))
    if masks is not None:
        assert masks.shape == images.shape
        assert float(masks.min()) >= 0
        assert float(masks.max()) <= 1
    assert predictor.network.bridge is (name in BRIDGED)


@pytest.mark.parametrize("name", ["Enc-MM", "MultiMix"])
def test_equal_view_and_run_give_equal_bits(name: str) -> None:
    method, run = system(name, settings(dropout=0.25)), Run(seed=2**62 + 5)
    torch.manual_seed(1)
    first = outputs(method.fit(view(), run))
    torch.manual_seed(2)  # the surroundings must not matter ...
    state = torch.get_rng_state()
    again = outputs(method.fit(view(), run))
    assert torch.equal(torch.get_rng_state(), state)  # ... nor be disturbed
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    other = outputs(method.fit(view(), Run(seed=3)))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", ["MultiMix", "Enc-MM"])
def test_learns_the_debug_task(name: str) -> None:
    """On the CPU, from few labels (the released code refuses to run without a GPU)."""
    method = system(name, settings(width=4, steps=60, learning_rate=5e-3, validate_every=20))
    predictor = method.fit(view(labelled=8, unlabelled=40), Run(seed=0))
    images, labels, masks = images_of(40, 77)
    classes, found = predictor.classify(images), predictor.segment(images)
    assert classes is not None
    assert accuracy(classes, labels) >= 0.9
    if found is not None:
        assert mean_dice(found, masks) >= 0.8


def test_loss_terms_carry_the_papers_weights() -> None:
    """Equations 1 and 2: each term of a step is proportional to its weight."""
    torch.manual_seed(0)
    base = settings(dropout=0.0, threshold=0.5)
    network = MultiMixNet(2, 0.0, bridge=True)
    images, labels, masks = images_of(4, 0)
    others = images_of(4, 1)[0]

    def terms(given: Settings) -> dict[str, float]:
        context = steps.Context(network, given, torch.Generator().manual_seed(0))
        found = steps.confidence_losses(context, images, labels, others, others)
        found |= steps.segmentation_losses(context, images, masks, others)
        return {name: float(value.detach()) for name, value in found.items()}

    first = terms(base)
    changed = replace(base, pseudo_weight=0.5, dice_weight=10.0, consistency_weight=0.03)
    second = terms(changed)
    ratios = {name: second[name] / first[name] for name in first}
    assert ratios == pytest.approx(
        {"cross-entropy": 1, "pseudo-label": 2, "dice": 2, "consistency": 3}, rel=1e-4
    )
    assert first["consistency"] > 0


def test_defaults_are_the_papers() -> None:
    paper = Settings.paper()
    assert (paper.recipe.batch, paper.recipe.learning_rate, paper.width) == (10, 1e-4, 16)
    assert paper.recipe.schedule == EachSteps(8 * 522, 0.1)
    assert (paper.threshold, paper.pseudo_weight) == (0.7, 0.25)
    assert (paper.dice_weight, paper.consistency_weight, paper.dropout) == (5.0, 0.01, 0.25)
    assert MultiTask.paper("UMTL-S") == system("UMTL-S")


def test_learning_rate_falls_every_decay_every_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    adam = torch.optim.Adam

    class Watched(adam):  # type: ignore[valid-type,misc]
        def step(self, closure: None = None) -> None:
            rates.append(self.param_groups[0]["lr"])
            super().step(closure)

    monkeypatch.setattr(torch.optim, "Adam", Watched)
    system("Enc", settings(steps=5, schedule=EachSteps(2))).fit(view(), Run(seed=0))
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5])


@dataclass(frozen=True)
class Third(CheckpointRule):
    """Prefers the third step, whatever the scores."""

    name: ClassVar[str] = "third"

    def choose(self, scores: dict[int, float]) -> int:
        return min(scores, key=lambda step: abs(step - 3))


def test_checkpoint_is_the_one_of_the_best_validation_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Scripted scores: step 4 of 6 wins, and its very parameters come back, not those of step 1."""
    scripted = iter([0.1, 0.5, 0.3, 0.9, 0.9, 0.2])
    states: list[dict[str, Tensor]] = []

    def scores(predictor: NetworkPredictor[MultiMixNet], _: object) -> dict[str, float]:
        states.append({k: v.clone() for k, v in predictor.network.state_dict().items()})
        return {"score": next(scripted)}

    monkeypatch.setattr(training, "validation_scores", scores)
    predictor = system("Enc", settings(steps=6)).fit(view(), Run(seed=0))
    assert predictor.history.chosen == 4
    found = predictor.network.state_dict()
    assert all(torch.equal(found[name], states[3][name]) for name in found)
    assert not all(torch.equal(found[name], states[0][name]) for name in found)


@pytest.mark.parametrize(("rule", "chosen"), [(LastStep(), 5), (Third(), 3)])
def test_other_rules(rule: CheckpointRule, chosen: int) -> None:
    predictor = system("U-Net", settings(steps=5, rule=rule)).fit(view(), Run(seed=0))
    assert predictor.history.chosen == chosen


def test_validation_scores_are_real_and_belong_to_the_steps() -> None:
    """The recorded score of the chosen step is the one that its network gets."""
    given = settings(steps=30, validate_every=7, learning_rate=5e-3, rule=BestValidation())
    predictor = system("UMTL", given).fit(view(validation=6), Run(seed=0))
    assert [step for step, _ in predictor.history.scores] == [7, 14, 21, 28, 30]
    recorded = dict(predictor.history.scores)
    assert len({scores["score"] for scores in recorded.values()}) > 1
    images, labels, _ = images_of(6, 2)
    classes = predictor.classify(images)
    assert classes is not None
    best = recorded[predictor.history.chosen]
    assert best["accuracy"] == pytest.approx(accuracy(classes, labels))
    assert best["score"] == pytest.approx((best["accuracy"] + best["dice"]) / 2)
    assert best["score"] == max(scores["score"] for scores in recorded.values())


def test_scores_against_plain_counts() -> None:
    masks = torch.tensor([[[[1, 1], [0, 0]]], [[[0, 0], [0, 0]]]], dtype=torch.bool)
    probabilities = torch.tensor([[[[0.9, 0.4], [0.6, 0.1]]], [[[0.1, 0.1], [0.1, 0.1]]]])
    assert mean_dice(probabilities, masks) == pytest.approx((0.5 + 1) / 2)
    assert accuracy(torch.tensor([[0.2, 0.8], [0.9, 0.1]]), torch.tensor([1, 1])) == 0.5


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_image_enters_the_network_normalised(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training (all sets), validation and prediction (the released code forgets the labelled sets)."""
    seen: list[tuple[bool, Tensor]] = []
    encode = MultiMixNet.encode

    def watched(network: MultiMixNet, images: Tensor) -> list[Tensor]:
        seen.append((network.training, images.detach().clone()))
        return encode(network, images)

    monkeypatch.setattr(MultiMixNet, "encode", watched)
    predictor = system(name, settings()).fit(view(), Run(seed=0))
    trained = len(seen)
    outputs(predictor)
    assert {training for training, _ in seen[:trained]} == {True, False}
    assert len(seen) > trained
    for _, images in seen:
        mean, spread = images.mean(dim=(1, 2, 3)), images.std(dim=(1, 2, 3), correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-5)
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=0, atol=1e-4)


def test_predictions_ignore_brightness_contrast_and_batch() -> None:
    predictor = system("MultiMix", settings()).fit(view(), Run(seed=0))
    images = images_of(70, 5)[0]  # more than one chunk
    for ask in (predictor.classify, predictor.segment, predictor.saliency, predictor.features):
        together = ask(images)
        assert together is not None
        one = ask(0.5 * images[66:67] + 0.1)
        assert one is not None
        if ask != predictor.saliency:  # a derivative, which noise at kinks of the network moves
            torch.testing.assert_close(together[66:67], one, rtol=1e-3, atol=1e-4)
        assert len(together) == 70


def test_saliency_of_chosen_classes() -> None:
    predictor = system("UMTL-S", settings()).fit(view(), Run(seed=0))
    images = images_of(66, 5)[0]
    zero, one = (predictor.saliency(images, torch.full((66,), c)) for c in (0, 1))
    assert zero.shape == images.shape
    assert not torch.allclose(zero, one)
    classes = predictor.classify(images)
    assert classes is not None
    expected = torch.where(classes.argmax(dim=1).view(-1, 1, 1, 1) == 0, zero, one)
    torch.testing.assert_close(predictor.saliency(images), expected)


def test_when_everything_is_labelled() -> None:
    kept = system("MultiMix", settings()).fit(view(unlabelled=0), Run(seed=0))
    assert set(kept.history.losses[-1][1]) == TERMS["MultiMix"]
    given = settings(when_full="drop the term")
    dropped = system("MultiMix", given).fit(view(unlabelled=0), Run(seed=0))
    assert set(dropped.history.losses[-1][1]) == {"cross-entropy", "dice"}


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("alignment", ["mean map", "index"])
def test_switches_train(detach: bool, alignment: str) -> None:
    given = settings(detach=detach, alignment=alignment)
    predictor = system("MultiMix", given).fit(view(), Run(seed=0))
    assert all(p.isfinite().all() for p in predictor.network.parameters())


def test_bfloat16_stays_close_to_float32() -> None:
    given = settings(steps=10, dropout=0.0, rule=LastStep())
    runs = [
        system("MultiMix", with_recipe(given, precision=p)).fit(view(), Run(seed=0))
        for p in ("float32", "bfloat16")
    ]
    exact, rounded = (run.history.losses[0][1] for run in runs)
    for name in ("cross-entropy", "dice"):
        assert rounded[name] == pytest.approx(exact[name], rel=0.02)
        assert rounded[name] != exact[name]
    assert {p.dtype for p in runs[1].network.parameters()} == {torch.float32}


def test_minibatches_use_every_image_before_any_again() -> None:
    drawn = shuffled(7, 3, torch.Generator().manual_seed(0))
    stream = torch.cat([next(drawn) for _ in range(14)])  # 42 = 6 rounds of 7
    assert all(sorted(part.tolist()) == list(range(7)) for part in stream.split(7))
    assert len({tuple(part.tolist()) for part in stream.split(7)}) > 1
    few = next(shuffled(2, 5, torch.Generator().manual_seed(0)))
    assert len(few) == 5
    with pytest.raises(ValueError, match="empty"):
        next(shuffled(0, 3, torch.Generator()))


def test_ablations_have_names_and_nonsense_is_refused() -> None:
    assert MultiTask(consistency=True).name == "UMTL-KL"
    assert MultiTask(bridge=True, consistency=True).name == "UMTL-S-KL"
    assert MultiTask(ssl="mixmatch").name == "UMTL-MM"
    for switches, message in [
        ({"classify": False, "segment": False}, "needs a problem"),
        ({"segment": False, "bridge": True}, "bridge"),
        ({"classify": False, "ssl": "confidence"}, "needs classify"),
        ({"segment": False, "consistency": True}, "consistency"),
    ]:
        with pytest.raises(ValueError, match=message):
            MultiTask(**switches)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="none of the systems U-Net"):
        system("UNet")
    for field, value in [
        ("steps", 0),
        ("threshold", 1.5),
        ("learning_rate", 0.0),
        ("precision", "float16"),
        ("alignment", "nothing"),
        ("when_full", "stop"),
    ]:
        with pytest.raises(ValueError, match=field):
            settings(**{field: value})


def test_no_labelled_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="the task has none"):
        system("Enc", settings()).fit(view(labelled=0), Run(seed=0))


def test_progress_is_called_once_a_step() -> None:
    calls: list[tuple[int, int]] = []
    run = Run(0, progress=lambda step, of, _: calls.append((step, of)))
    system("Enc", settings()).fit(view(), run)
    assert calls == [(1, 3), (2, 3), (3, 3)]
