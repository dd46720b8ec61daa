"""Settings as in the released code, twins with one idea off, and the pitfalls of that code."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from medda_lib.methods.multimix import Settings, steps, system
from medda_lib.methods.multimix.batches import ImageSets, image_sets
from medda_lib.networks.bridge import Bridging
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.studies.method import Run
from tests.methods.compare import same
from tests.methods.tiny import images_of, settings, view

RELEASED = Settings.released()
SWITCHED = {
    name: getattr(RELEASED, name)
    for name in ("alignment", "strong_views", "upsampling", "bridging", "mixmatch")
}


def test_released_differs_from_the_papers_where_the_paper_is_silent() -> None:
    assert replace(RELEASED, **{n: getattr(Settings(), n) for n in SWITCHED}) == Settings.paper()
    assert RELEASED.bridging == Bridging(scaled=False, shrinking="bilinear", evaluation=True)


@pytest.mark.parametrize("name", ["MultiMix", "Enc-MM"])
def test_trains_with_the_released_choices(name: str) -> None:
    found = system(name, settings(steps=2, **SWITCHED)).fit(view(), Run(seed=0))
    assert all(p.isfinite().all() for p in found.network.parameters())
    assert found.network.training is False


def context(given: Settings) -> steps.Context:
    torch.manual_seed(0)
    network = MultiMixNet(2, given.dropout, bridge=True, bridging=given.bridging)
    return steps.Context(network.train(), given, torch.Generator().manual_seed(0))


def masks_seen(given: Settings, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What the bridge handed to the decoder in two training passes over the same images."""
    seen: list[Tensor] = []
    decode = MultiMixNet.decode

    def watched(
        network: MultiMixNet, values: list[Tensor], bridged: Tensor | None = None
    ) -> Tensor:
        assert bridged is not None
        seen.append(bridged.detach())
        return decode(network, values, bridged)

    monkeypatch.setattr(MultiMixNet, "decode", watched)
    asked = context(given)
    for _ in range(2):
        steps.mask_logits(asked, images_of(3, 0)[0])
    assert asked.network.training
    return seen


@pytest.mark.parametrize("evaluation", [False, True])
def test_saliency_of_training_with_and_without_dropout(
    evaluation: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In evaluation mode the map does not depend on what dropout does; the mask still does."""
    given = settings(dropout=0.5, bridging=Bridging(evaluation=evaluation))
    first, second = masks_seen(given, monkeypatch)
    assert torch.equal(first, second) is evaluation


def test_a_prediction_drops_nothing_after_the_saliency_pass() -> None:
    """The released code's encoder is in training mode again once a map was asked for."""
    given = settings(steps=1, dropout=0.5, **SWITCHED)
    predictor = system("MultiMix", given).fit(view(), Run(seed=0))
    images = images_of(4, 99)[0]
    for ask in (predictor.segment, predictor.classify, predictor.saliency):
        first, again = ask(images), ask(images)
        assert first is not None
        assert again is not None
        assert torch.equal(first, again)
    assert not any(module.training for module in predictor.network.modules())


def test_labelled_images_are_augmented_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The released code replays the batches of an epoch's first round, as they were augmented."""
    seen: list[Tensor] = []
    kept = steps.confidence_losses

    def watched(*given: Tensor) -> steps.Losses:
        seen.append(given[1])
        return kept(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(steps, "confidence_losses", watched)
    asked = context(settings())
    sets: ImageSets = image_sets(
        view(labelled=4), "classification", "reuse labelled", torch.device("cpu")
    )
    assert sets.unlabelled is not None
    step = steps.confidence(asked, sets, sets.unlabelled)
    for number in range(1, 4):
        step(number)
    sums = [tuple(sorted(images.double().sum(dim=(1, 2, 3)).tolist())) for images in seen]
    assert len(set(sums)) == 3, "the same four images, three times in other views"


TWINS = {
    "pseudo-label": {"pseudo_weight": 0.0},
    "consistency": {"consistency_weight": 0.0},
    "dice": {"dice_weight": 0.0},
    "cross-entropy": {"class_weight": 0.0},
}


@pytest.mark.parametrize("term", TWINS)
def test_a_twin_has_the_same_loop_with_one_term_off(term: str) -> None:
    """The first step's other losses are those of MultiMix: same images, same random numbers."""
    given = settings(steps=1, threshold=0.5)
    whole, twin = (
        system("MultiMix", one).fit(view(), Run(seed=0)).history.losses[0][1]
        for one in (given, replace(given, **TWINS[term]))  # type: ignore[arg-type]
    )
    off = {"cross-entropy", "pseudo-label"} if term == "cross-entropy" else {term}
    for name, value in whole.items():
        assert value > 0
        assert twin[name] == (0 if name in off else value)


def test_the_twin_without_saliency_sees_the_image_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(dropout=0.0)
    whole = masks_seen(given, monkeypatch)[0]
    twin = masks_seen(replace(given, bridging=Bridging(weight=0.0)), monkeypatch)[0]
    assert float(whole[:, 0].abs().max()) > 0
    assert torch.equal(twin[:, 0], torch.zeros_like(twin[:, 0]))
    assert torch.equal(twin[:, 1], whole[:, 1])


def test_options_at_their_defaults_change_nothing() -> None:
    plain, spelled = (
        settings(steps=2),
        settings(
            steps=2,
            class_weight=1.0,
            strong_views="any number",
            upsampling="repeat",
            bridging=Bridging(),
        ),
    )
    assert plain == spelled
    one, two = (system("MultiMix", s).fit(view(), Run(seed=0)) for s in (plain, spelled))
    assert same(one.network, two.network)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"strong_views": "three"}, "strong_views"), ({"upsampling": "nearest"}, "upsampling")],
)
def test_unknown_options_are_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Settings(**change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shrinking"):
        Bridging(shrinking="median")  # type: ignore[arg-type]
