"""The nine systems on a debug task: they run, learn, repeat, and avoid the released code's pitfalls."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from medda_lib.methods.multimix import SYSTEMS, MultiTask, Settings, steps, system
from medda_lib.methods.multimix.batches import shuffled
from medda_lib.methods.multimix.scores import accuracy, mean_dice
from medda_lib.methods.training import EachSteps, with_recipe
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.studies.method import BestValidation, LastStep, Run
from tests.methods.compare import same
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


@pytest.mark.parametrize("unlabelled", [12, 0])
@pytest.mark.parametrize("name", SYSTEMS)
def test_each_system_has_its_heads_and_losses(name: str, unlabelled: int) -> None:
    """With unlabelled images and, as |D_l| = Full leaves it, without any."""
    method = system(name, settings(steps=1))
    assert method.name == name
    predictor = method.fit(view(unlabelled=unlabelled), Run(seed=1))
    assert set(predictor.history.losses[0][1]) == TERMS[name]
    images = images_of(2, 99)[0]
    assert (predictor.classify(images) is None) == (name == "U-Net")
    assert (predictor.segment(images) is None) == name.startswith("Enc")
    assert predictor.network.bridge is (name in {"UMTL-S", "UMTL-SSL-S", "MultiMix"})


def test_dropping_the_term_leaves_the_unlabelled_losses_out() -> None:
    given = settings(steps=1, when_full="drop the term")
    dropped = system("MultiMix", given).fit(view(unlabelled=0), Run(seed=0))
    assert set(dropped.history.losses[0][1]) == {"cross-entropy", "dice"}


def test_another_seed_is_another_training() -> None:
    one, two = (system("Enc", settings(steps=1)).fit(view(), Run(seed)) for seed in (1, 3))
    assert not same(one.network, two.network)


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
    """Training (all sets), validation and prediction (the released code: segmentation only)."""
    seen: list[tuple[bool, Tensor]] = []
    encode = MultiMixNet.encode

    def watched(network: MultiMixNet, images: Tensor) -> list[Tensor]:
        seen.append((network.training, images.detach().clone()))
        return encode(network, images)

    monkeypatch.setattr(MultiMixNet, "encode", watched)
    predictor = system(name, settings(steps=1)).fit(view(), Run(seed=0))
    trained = len(seen)
    for ask in (predictor.classify, predictor.segment):
        ask(images_of(2, 99)[0])
    assert {training for training, _ in seen[:trained]} == {True, False}
    assert len(seen) > trained
    for _, images in seen:
        mean, spread = images.mean(dim=(1, 2, 3)), images.std(dim=(1, 2, 3), correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-5)
        torch.testing.assert_close(spread, torch.ones_like(spread), rtol=0, atol=1e-4)


def test_predictions_ignore_brightness_contrast_and_batch() -> None:
    predictor = system("MultiMix", settings(steps=1)).fit(view(), Run(seed=0))
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
    predictor = system("UMTL-S", settings(steps=1)).fit(view(), Run(seed=0))
    images = images_of(66, 5)[0]
    zero, one = (predictor.saliency(images, torch.full((66,), c)) for c in (0, 1))
    assert zero.shape == images.shape
    assert not torch.allclose(zero, one)
    classes = predictor.classify(images)
    assert classes is not None
    expected = torch.where(classes.argmax(dim=1).view(-1, 1, 1, 1) == 0, zero, one)
    torch.testing.assert_close(predictor.saliency(images), expected)


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("alignment", ["mean map", "index"])
def test_switches_train(detach: bool, alignment: str) -> None:
    given = settings(steps=1, detach=detach, alignment=alignment)
    predictor = system("MultiMix", given).fit(view(), Run(seed=0))
    assert all(p.isfinite().all() for p in predictor.network.parameters())


def test_bfloat16_stays_close_to_float32() -> None:
    given = settings(steps=1, dropout=0.0, rule=LastStep())
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
        ("width", 0),
        ("threshold", 1.5),
        ("alignment", "nothing"),
        ("when_full", "stop"),
    ]:
        with pytest.raises(ValueError, match=field):
            settings(**{field: value})


def test_no_labelled_image_is_an_error() -> None:
    with pytest.raises(ValueError, match="the task has none"):
        system("Enc", settings()).fit(view(labelled=0), Run(seed=0))
