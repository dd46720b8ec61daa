"""The source network: its losses and schedules, its seed, its sharing between methods."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.shared import pretrained, source_seed
from medda_lib.methods.source_network.training import draw, inputs, predictor, segmentation_loss
from medda_lib.methods.training import SGD, Adam, LastFifth, Poly, Recipe, with_recipe
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies import artefacts
from medda_lib.studies.method import Run
from medda_lib.studies.setting import Role
from medda_lib.studies.task import Pool, Slot, Task
from tests.methods.compare import same, state

TINY = Segmenter(Recipe(3, schedule=Poly(), batch=2), width=2, levels=2)


def pool(seed: int = 0, n: int = 6, size: int = 16) -> Pool:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.zeros(n, 1, size, size, dtype=torch.bool)
    masks[..., 4:12, 4:12] = True
    images = 0.4 * torch.rand(n, 1, size, size, generator=generator) + 0.5 * masks
    return Pool(images, tuple(str(i) for i in range(n)), masks=masks)


def task(train: Pool) -> Task:
    return Task("toy", {Slot(Role.LABELLED_SOURCE, "segmentation", "here"): train})


def test_loss_is_the_papers_mixture() -> None:
    logits, masks = torch.randn(3, 1, 8, 8), torch.rand(3, 1, 8, 8) > 0.4
    p, y = logits.sigmoid(), masks.float()
    entropy = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    overlap = [(2 * (a * b).sum() + 1) / (a.sum() + b.sum() + 1) for a, b in zip(p, y, strict=True)]
    dice = 1 - torch.stack(overlap).mean()
    torch.testing.assert_close(segmentation_loss(logits, masks, replace(TINY, loss="bce")), entropy)
    both = segmentation_loss(logits, masks, replace(TINY, loss="bce+dice"))
    torch.testing.assert_close(both, 0.4 * entropy + 0.6 * dice)


def test_recipes_of_both_papers() -> None:
    fda, aiva = Segmenter.fda().recipe, Segmenter.aiva().recipe
    assert (fda.optimiser, fda.schedule) == (SGD(momentum=0.9, nesterov=True), LastFifth())
    assert (aiva.optimiser, aiva.schedule) == (Adam(), Poly(0.9))


def test_same_repetition_same_network_whatever_the_method_draws() -> None:
    train = pool()
    one = pretrained(train, TINY, "here", Run(1, repetition=2)).network
    torch.rand(100)
    artefacts.forget()
    two = pretrained(pool(), TINY, "here", Run(999, repetition=2)).network  # trained anew
    assert same(one, two)
    other = pretrained(train, TINY, "here", Run(1, repetition=3)).network
    elsewhere = pretrained(train, TINY, "there", Run(1, repetition=2)).network
    assert not same(one, other)
    assert not same(one, elsewhere)


def test_a_copy_may_be_changed_without_changing_the_next_one() -> None:
    train, run = pool(), Run(1)
    first = pretrained(train, TINY, "here", run).network
    before = state(first)
    with torch.no_grad():
        for p in first.parameters():
            p.add_(1.0)
    assert torch.equal(state(pretrained(train, TINY, "here", run).network), before)


def test_source_model_learns_and_predicts_probabilities() -> None:
    train = pool(n=8)
    method = SourceModel(Segmenter(Recipe(60, 1e-2, schedule=Poly(), batch=4), width=4, levels=2))
    fitted = method.fit(task(train).view(method.setting), Run(0))
    p = fitted.masks(train.images)
    assert p.shape == train.images.shape
    assert float(((p >= 0.5) == train.need_masks()).float().mean()) > 0.97
    ((name, losses),) = fitted.losses
    assert (name, len(losses)) == ("segmentation", 60)
    assert losses[-1][1] < losses[0][1] / 2
    assert fitted.classify(train.images) is None
    assert fitted.features(train.images).shape == (8, 8)


def test_prediction_does_not_depend_on_the_batch() -> None:
    found = predictor(ResidualUNet(2, 2), TINY, torch.device("cpu"))
    images = pool().images
    alone = torch.cat([found.masks(x[None]) for x in images])
    torch.testing.assert_close(found.masks(images), alone, rtol=1e-5, atol=1e-6)


def test_crops_are_windows_of_slices_with_their_masks() -> None:
    train = pool(size=16)
    settings = replace(TINY, crop=8)
    generator = torch.Generator().manual_seed(0)
    images, masks = draw(train, with_recipe(settings, batch=5), generator)
    assert images.shape == masks.shape == (5, 1, 8, 8)
    windows = train.images.unfold(2, 8, 1).unfold(3, 8, 1)
    for image in images:
        assert (windows == image[:, None, None]).all(dim=(-1, -2)).any()
    wide, _ = draw(train, replace(settings, crop=99), generator)
    assert wide.shape[-2:] == (16, 16)


def test_normalisation_is_that_of_the_settings() -> None:
    images = pool().images
    assert inputs(images, TINY) is images
    standard = inputs(images, replace(TINY, normalise="standardise"))
    torch.testing.assert_close(standard.mean((1, 2, 3)), torch.zeros(6), atol=1e-5, rtol=0)


def test_seeds_have_63_bits_and_differ() -> None:
    seeds = {source_seed(TINY, s, r) for s in ("sm3", "ge15") for r in range(3)}
    assert len(seeds) == 6
    assert all(0 <= s < 2**63 for s in seeds)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"loss": "dice"}, {"normalise": "whiten"}])
def test_wrong_settings_name_the_field(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(TINY, **wrong)  # type: ignore[arg-type]


def test_a_network_from_the_shelf_is_the_one_that_training_gives(tmp_path: Path) -> None:
    run = Run(1, repetition=4, artefacts=tmp_path / "shelf")
    alone = pretrained(pool(), TINY, "here", replace(run, artefacts=None))
    first = pretrained(pool(), TINY, "here", run)
    (file,) = (tmp_path / "shelf").iterdir()
    written = file.stat().st_mtime_ns
    artefacts.forget()
    second = pretrained(pool(), TINY, "here", run)
    assert file.stat().st_mtime_ns == written
    for one in (first, second):
        assert same(one.network, alone.network)
        assert one.history == alone.history
        x = pool(5).images
        torch.testing.assert_close(one.network(x), alone.network(x), rtol=0, atol=0)


@pytest.mark.parametrize("changed", ["scans", "settings", "repetition", "site", "threads", "code"])
def test_anything_else_has_another_place_on_the_shelf(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(1, artefacts=tmp_path)
    pretrained(pool(), TINY, "here", run)
    if changed == "threads":
        monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    if changed == "code":
        monkeypatch.setattr(artefacts, "code_closure", lambda _: {"training": "other"})
    pretrained(
        pool(9 if changed == "scans" else 0),
        with_recipe(TINY, steps=2) if changed == "settings" else TINY,
        "there" if changed == "site" else "here",
        replace(run, repetition=1) if changed == "repetition" else run,
    )
    assert len(list(tmp_path.iterdir())) == 2
