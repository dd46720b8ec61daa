"""Training a stage: losses, draws, pairing over methods, sharing through the run store."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from medda_lib.methods.continual import training
from medda_lib.methods.continual.augmentation import augmented
from medda_lib.methods.continual.learner import learn_stream
from medda_lib.methods.continual.sequential import JointTraining, Sequential
from medda_lib.methods.continual.settings import Trainer
from medda_lib.methods.continual.training import (
    Regulariser,
    draw,
    new_network,
    predictor,
    scans,
    stage_seed,
    supervised,
    train,
    train_plain,
)
from medda_lib.methods.predictor import NetworkPredictor, as_scan
from medda_lib.methods.training import History, with_recipe
from medda_lib.networks.dyn_unet import (
    DynUNet,
    dyn_unet,
    first_norms,
    levels,
    recorded,
)
from medda_lib.networks.one_scan import of_one
from medda_lib.studies.method import Run
from medda_lib.studies.setting import CONTINUAL
from medda_lib.studies.stream import ALL_AT_ONCE
from medda_lib.studies.task import Task, volumes
from tests.methods.compare import same
from tests.methods.continual_toy import SHAPE, TRAINER, balls, toy_run, toy_task

CPU = torch.device("cpu")
Report = tuple[int, int, dict[str, float]]


def reporting(into: list[Report]) -> Run:
    """A run that notes its progress."""

    def note(step: int, steps: int, losses: dict[str, float]) -> None:
        into.append((step, steps, losses))

    return replace(toy_run(), progress=note)


def test_the_loss_is_dice_and_cross_entropy_equally_weighted() -> None:
    logits = torch.randn(3, 1, 4, 5, 6, requires_grad=True)
    masks = torch.rand(3, 1, 4, 5, 6) < 0.3
    p, y = logits.sigmoid(), masks.float()
    entropy = -(y * p.log() + (1 - y) * (1 - p).log()).mean()
    dice = [
        1 - (2 * (p[i] * y[i]).sum() + 1) / (p[i].sum() + y[i].sum() + 1) for i in range(len(p))
    ]
    wanted = entropy + torch.stack(dice).mean()
    found = supervised(logits, masks)
    torch.testing.assert_close(found, wanted)
    (gradient,) = torch.autograd.grad(found, logits, retain_graph=True)
    torch.testing.assert_close(gradient, torch.autograd.grad(wanted, logits)[0])


def test_deep_supervision_halves_the_weight_of_each_level() -> None:
    logits = torch.randn(2, 3, 1, 4, 4, 4)
    masks = torch.rand(2, 1, 4, 4, 4) < 0.3
    each = [supervised(logits[:, k], masks) for k in range(3)]
    wanted = (each[0] + each[1] / 2 + each[2] / 4) / 1.75
    torch.testing.assert_close(supervised(logits, masks), wanted)


def test_methods_of_a_repetition_start_and_draw_alike() -> None:
    assert same(new_network(TRAINER, toy_run()), new_network(TRAINER, toy_run()))
    assert not same(new_network(TRAINER, toy_run()), new_network(TRAINER, toy_run(repetition=1)))
    seeds = {stage_seed(TRAINER, r, n) for r in range(3) for n in range(4)}
    assert len(seeds) == 12


def test_draws_are_scans_with_their_masks() -> None:
    pool = balls("a", 3, 0.9)
    images, masks = scans(pool)
    assert torch.equal(images[:, 0], volumes(pool.images, pool.depth))
    x, y = draw(images, masks, TRAINER, torch.Generator().manual_seed(0))
    for one, mask in zip(x, y, strict=True):
        found = [i for i in range(3) if torch.equal(images[i], one)]
        assert found
        assert torch.equal(masks[found[0]], mask)


@pytest.mark.parametrize("patch", [(4, 8, 4), (8, 12, 8), (12, 16, 12)])
def test_patches_are_windows_of_the_scan(patch: tuple[int, int, int]) -> None:
    """Larger patches than the scan fill up with zeros."""
    pool = balls("a", 2, 0.9)
    trainer = with_recipe(replace(TRAINER, patch=patch), batch=4)
    images, masks = scans(pool)
    x, y = draw(images, masks, trainer, torch.Generator().manual_seed(0))
    assert x.shape == y.shape == (4, 1, *patch)
    assert float(x[y].mean()) == pytest.approx(0.9, abs=0.05)
    if patch == SHAPE:
        assert any(torch.equal(x[0], image) for image in images)
    if patch[0] > SHAPE[0]:
        assert float(x[:, :, 0].abs().max()) == 0
        of_either = ([0] * i + [1] * (4 - i) for i in range(5))
        assert int(y.sum()) in {int(masks[which].sum()) for which in of_either}


class Watching(Regulariser):
    """Adds a known loss and notes what it is shown."""

    def __init__(self) -> None:
        self.gradients: list[Tensor] = []
        self.steps = 0

    def on_parameters(self, network: DynUNet) -> Tensor:
        """The sum of all parameters: its gradient is 1 everywhere."""
        return torch.stack([p.sum() for p in network.parameters()]).sum()

    def saw_gradients(self, network: DynUNet) -> None:
        """Keeps the first parameter's gradient."""
        gradient = next(network.parameters()).grad
        assert gradient is not None
        self.gradients.append(gradient.clone())

    def took_step(self, network: DynUNet) -> None:
        """Counts."""
        self.steps += 1


def test_gradients_of_data_are_seen_before_those_of_parameters() -> None:
    pool, run = balls("a", 2, 0.9), toy_run()
    trainer = with_recipe(TRAINER, steps=1)
    network = new_network(trainer, run)
    watching = Watching()
    images, masks = scans(pool)
    generator = torch.Generator().manual_seed(stage_seed(trainer, 0, 1))
    x, y = draw(images, masks, trainer, generator)
    twin = new_network(trainer, run).train()
    wanted = torch.autograd.grad(supervised(twin(x), y), next(twin.parameters()))[0]
    train(network, pool, trainer, 1, run, watching)
    torch.testing.assert_close(watching.gradients[0], wanted)
    assert watching.steps == 1


def test_each_added_loss_changes_the_training() -> None:
    class Outputs(Regulariser):
        def on_outputs(self, images: Tensor, logits: Tensor) -> Tensor:
            assert images.shape == logits.shape
            return logits.square().mean()

    pool = balls("a", 2, 0.9)
    found = []
    for regulariser in (Regulariser(), Watching(), Outputs()):
        network = new_network(TRAINER, toy_run())
        train(network, pool, TRAINER, 1, toy_run(), regulariser)
        found.append(network)
    assert not same(found[0], found[1])
    assert not same(found[0], found[2])
    assert not found[0].training


def test_plain_training_is_shared_through_the_run_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = balls("a", 2, 0.9)
    first = new_network(TRAINER, toy_run())
    train_plain(first, pool, TRAINER, 1, toy_run(tmp_path))
    assert len(list(tmp_path.iterdir())) == 1
    alone = new_network(TRAINER, toy_run())
    train(alone, pool, TRAINER, 1, toy_run())
    assert same(first, alone)
    calls: list[int] = []
    real = training.train

    def counted(*arguments: object) -> History:
        calls.append(1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "train", counted)
    again = new_network(TRAINER, toy_run())
    train_plain(again, pool, TRAINER, 1, toy_run(tmp_path))
    assert same(again, first)
    assert not calls
    others = (
        (again, pool, 1),  # other weights to start from
        (new_network(TRAINER, toy_run()), balls("b", 2, 0.9), 1),  # other scans
        (new_network(TRAINER, toy_run()), pool, 2),  # another stage's draws
    )
    for network, scans_, number in others:
        train_plain(network, scans_, TRAINER, number, toy_run(tmp_path))
    assert len(calls) == len(others)


def test_sequential_leaves_a_copy_after_each_stage() -> None:
    task = toy_task()
    found = Sequential(TRAINER).fit(task.view(CONTINUAL), toy_run())
    assert list(found.after) == [1, 2, 3]
    networks = [p.network for p in found.after.values() if isinstance(p, NetworkPredictor)]
    assert not same(networks[0], networks[1])
    again = Sequential(TRAINER).fit(task.view(CONTINUAL), toy_run())
    last = again.after[3]
    assert isinstance(last, NetworkPredictor)
    assert same(last.network, networks[2])


def test_joint_training_sees_all_stages_and_as_many_steps() -> None:
    reports: list[Report] = []
    found = JointTraining(TRAINER).fit(toy_task().view(ALL_AT_ONCE), reporting(reports))
    assert list(found.after) == [3]
    assert [(step, of) for step, of, _ in reports] == [(step, 6) for step in range(1, 7)]


def test_a_stream_is_needed() -> None:
    with pytest.raises(TypeError, match="StreamTask"):
        learn_stream(Task("empty", {}).view(CONTINUAL), toy_run(), TRAINER)


def test_a_predictor_takes_the_slices_of_one_scan() -> None:
    pool = balls("a", 1, 0.9)
    network = new_network(TRAINER, toy_run())
    whole = predictor(network, TRAINER, CPU).masks(pool.images)
    assert whole.shape == pool.images.shape
    with torch.no_grad():
        wanted = network(volumes(pool.images, pool.depth)[:, None]).sigmoid()[0, 0]
    torch.testing.assert_close(whole[:, 0], wanted)
    patches = replace(TRAINER, patch=(8, 12, 8))
    torch.testing.assert_close(predictor(network, patches, CPU).masks(pool.images), whole)
    with pytest.raises(ValueError, match="slices"):
        as_scan(torch.rand(3, 2, 4, 4))


def test_the_network_has_batch_norms_and_levels() -> None:
    network = dyn_unet((2, 3, 4, 5), deep_supervision=1)
    assert [norm.num_features for norm in first_norms(network)] == [2, 2]
    x = torch.rand(2, 1, 16, 16, 16)
    with recorded(levels(network)) as outputs:
        result = network.train()(x)
    assert result.shape == (2, 2, 1, 16, 16, 16)
    sides = [output.shape[-1] for output in outputs]
    assert sides == [16, 8, 4, 2, 4, 8, 16]
    assert network.eval()(x).shape == x.shape
    with recorded(first_norms(network)) as norms:
        network(x)
    network(x)  # no longer recorded
    assert len(norms) == 2
    centred = norms[0].detach()
    assert (centred < -0.5).any(), "the activation's work in place must not reach the record"


def test_one_scan_is_seen_as_it_would_be_alone() -> None:
    network = new_network(TRAINER, toy_run())
    scan = torch.rand(1, 1, *SHAPE)
    with torch.no_grad():
        torch.testing.assert_close(of_one(network, scan), network(scan))


def test_augmentation_moves_image_and_mask_together() -> None:
    pool = balls("a", 6, 0.95)
    images, masks = scans(pool)
    generator = torch.Generator().manual_seed(1)
    changed, moved = augmented(images, masks, generator)
    assert changed.shape == images.shape
    assert moved.dtype == torch.bool
    assert 0 <= float(changed.min()) <= float(changed.max()) <= 1
    assert not torch.equal(moved, masks)
    for image, mask in zip(changed, moved, strict=True):
        assert float(image[mask].mean()) > float(image[~mask].mean()) + 0.1
    again = augmented(images, masks, torch.Generator().manual_seed(1))
    assert torch.equal(again[0], changed)
    assert torch.equal(again[1], moved)


def test_wrong_networks_are_named() -> None:
    with pytest.raises(ValueError, match="patch"):
        Trainer(patch=(10, 8, 8))
    with pytest.raises(ValueError, match="filters"):
        dyn_unet((2, 3))
    with pytest.raises(ValueError, match="deep_supervision"):
        dyn_unet((2, 3, 4), deep_supervision=2)


def test_the_recipe_of_the_paper() -> None:
    trainer = Trainer.paper()
    assert trainer.recipe.steps == 200 * 250
    network = dyn_unet(trainer.filters, trainer.deep_supervision)
    assert all(side % 2 ** (len(trainer.filters) - 1) == 0 for side in trainer.patch or ())
    assert sum(p.numel() for p in network.parameters()) > 1e6
