"""EWC: Fisher information per scan, closed forms, the two-task toy, penalties that add up."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from medda_lib.methods.continual.ewc import (
    EWC,
    Consolidation,
    FisherMemory,
    fisher_diagonal,
    loss_information,
    scores,
)
from medda_lib.methods.continual.quadratic import Anchor, flat, flat_gradient
from medda_lib.methods.continual.training import PLAIN, new_network, scans, supervised, train
from medda_lib.methods.training import with_recipe
from medda_lib.networks.dyn_unet import DynUNet
from tests.methods.continual_toy import TRAINER, balls, toy_run


class Conv(nn.Module):
    """Small enough for a vectorised reference."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv3d(1, 3, 3, padding=1)
        self.norm = nn.BatchNorm3d(3)
        self.last = nn.Conv3d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """One logit per voxel."""
        result: Tensor = self.last(self.norm(self.first(x)).tanh())
        return result


def test_the_fisher_diagonal_is_that_of_gradients_per_sample() -> None:
    network = Conv().eval()
    images, masks = torch.randn(5, 1, 4, 5, 6), torch.rand(5, 1, 4, 5, 6) < 0.4
    parameters = {name: p.detach() for name, p in network.named_parameters()}

    def likelihood(values: dict[str, Tensor], image: Tensor, mask: Tensor) -> Tensor:
        buffers = dict(network.named_buffers())
        p = functional_call(network, {**values, **buffers}, (image[None],)).sigmoid()[0]
        return torch.where(mask, p, 1 - p).log().sum()

    each = vmap(grad(likelihood), in_dims=(None, 0, 0))(parameters, images, masks)
    wanted = torch.cat([each[name].square().mean(0).flatten() for name in parameters])
    found = fisher_diagonal(network, images, masks)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    # The known pitfall: the squared gradient of the mean is another quantity.
    batch = scores(network, images, masks).mean(dim=0)
    assert float(batch.square().sum()) < 0.9 * float(found.sum())


def test_the_information_of_the_loss_is_a_mean_over_scans() -> None:
    """Each scan's squared gradient of Dice + cross entropy; not one batch's, as in public code."""
    network = Conv().eval()
    images, masks = torch.randn(5, 1, 4, 5, 6), torch.rand(5, 1, 4, 5, 6) < 0.4
    rows = []
    for image, mask in zip(images.split(1), masks.split(1), strict=True):
        network.zero_grad()
        supervised(network(image), mask).backward()
        rows.append(flat_gradient(network).clone())
    wanted = torch.stack(rows).square().mean(0)
    torch.testing.assert_close(loss_information(network, images, masks), wanted)


def test_information_per_voxel_is_that_of_a_mean_times_the_voxels() -> None:
    """Why one lambda means two things: F / V of a sum over V voxels is V times F of their mean."""
    network = Conv().eval()
    images, masks = torch.randn(3, 1, 4, 5, 6), torch.rand(3, 1, 4, 5, 6) < 0.4
    voxels = images[0].numel()
    per_voxel = fisher_diagonal(network, images, masks) / voxels
    of_mean = (scores(network, images, masks) / voxels).square().mean(0)
    torch.testing.assert_close(per_voxel, voxels * of_mean)


def test_logistic_regression_in_closed_form() -> None:
    """One voxel per scan, z = w x + b: the score is (y - sigmoid(z)) (x, 1)."""
    network = nn.Conv3d(1, 1, 1)
    x, y = torch.randn(50, 1, 1, 1, 1), torch.rand(50, 1, 1, 1, 1) < 0.5
    with torch.no_grad():
        missed = (y.float() - network(x).sigmoid()).flatten()
    values = x.flatten()
    wanted = torch.stack([(missed * values).square().mean(), missed.square().mean()])
    torch.testing.assert_close(fisher_diagonal(network, x, y), wanted)


def test_labels_drawn_from_the_network_give_the_curvature() -> None:
    """The identity behind the method: E[score^2] is minus the expected second derivative."""
    network = nn.Conv3d(1, 1, 1)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 1, 1, 1, 1, generator=generator)
    with torch.no_grad():
        p = network(x).sigmoid()
    y = torch.rand(p.shape, generator=generator) < p
    curvature = (p * (1 - p)).flatten()
    wanted = torch.stack([(curvature * x.flatten().square()).mean(), curvature.mean()])
    torch.testing.assert_close(fisher_diagonal(network, x, y), wanted, rtol=0.1, atol=0)


def test_two_tasks_of_a_linear_model_meet_at_the_weighted_mean() -> None:
    """Losses a/2 (w - u)^2 and b/2 (w - v)^2: with F = a and lambda = 1, EWC is joint training."""
    a, b = torch.rand(4) + 0.5, torch.rand(4) + 0.5
    u, v = torch.randn(4), torch.randn(4)
    model = nn.Linear(4, 1, bias=False)
    third = 2.0 * a
    anchors = [Anchor(u, a), Anchor(-u, third)]
    for count, strength in ((1, 1.0), (1, 0.4), (2, 0.4)):
        held = Consolidation(anchors[:count], strength)
        optimizer = torch.optim.LBFGS(
            model.parameters(), max_iter=50, line_search_fn="strong_wolfe"
        )

        def closure(held: Consolidation = held) -> Tensor:
            optimizer.zero_grad()  # noqa: B023 - used within the turn
            loss = (b / 2 * (flat(model) - v).square()).sum() + held.on_parameters(model)
            loss.backward()
            return loss

        optimizer.step(closure)
        pairs = list(zip([a, third][:count], [u, -u][:count], strict=True))
        weight = b + strength * torch.stack([f for f, _ in pairs]).sum(0)
        wanted = (b * v + strength * torch.stack([f * w for f, w in pairs]).sum(0)) / weight
        torch.testing.assert_close(flat(model).detach(), wanted, rtol=1e-3, atol=1e-3)


def test_flat_vectors_run_over_all_trained_parameters() -> None:
    network = new_network(TRAINER, toy_run())
    assert len(flat(network)) == sum(p.numel() for p in network.parameters())
    assert any("norm" in name for name, _ in network.named_parameters()), "affine norms take part"
    assert float(flat_gradient(network).abs().sum()) == 0
    (flat(network) * torch.arange(len(flat(network)))).sum().backward()
    wanted = torch.arange(len(flat(network)), dtype=torch.float32)
    assert torch.equal(flat_gradient(network), wanted), "gradients lie where their weights do"


def observed(memory: FisherMemory, network: DynUNet, number: int) -> Anchor:
    memory.observe(network, balls(f"scans {number}", 3, 0.9), number, toy_run())
    memory.commit()
    return memory.anchors[-1]


def test_what_a_boundary_keeps() -> None:
    network = new_network(TRAINER, toy_run())
    memory = FisherMemory(TRAINER, 0.4)
    memory.commit()
    assert memory.regulariser(network) is PLAIN, "nothing was seen before the first boundary"
    anchor = observed(memory, network, 1)
    images, masks = scans(balls("scans 1", 3, 0.9))
    wanted = fisher_diagonal(network.eval(), images, masks) / images[0].numel()
    torch.testing.assert_close(anchor.importance, wanted)
    assert not anchor.importance.requires_grad
    train(network, balls("b", 2, 0.2), TRAINER, 2, toy_run())
    second = observed(memory, network, 2)
    held = memory.regulariser(network)
    assert float(anchor.penalty(flat(network)).detach()) > 0
    assert float(second.penalty(flat(network)).detach()) == 0
    wanted = 0.2 * (anchor.importance * (flat(network) - anchor.weights).square()).sum()
    penalty = held.on_parameters(network)
    assert penalty is not None
    torch.testing.assert_close(penalty, wanted)
    memory.commit()
    assert len(memory.anchors) == 2, "a boundary without a new stage adds nothing"


def test_the_stiffer_the_less_it_moves() -> None:
    pool = balls("b", 2, 0.2)
    trainer = with_recipe(TRAINER, steps=5)
    moved = []
    for strength in (0.0, 10.0, 1e4):
        network = new_network(trainer, toy_run())
        memory = FisherMemory(trainer, strength)
        anchor = observed(memory, network, 1)
        train(network, pool, trainer, 2, toy_run(), memory.regulariser(network))
        moved.append(float(anchor.penalty(flat(network).detach())))
    assert moved[0] > moved[1] > moved[2]


def test_patches_stand_for_scans_where_training_is_on_patches() -> None:
    patches = replace(TRAINER, patch=(4, 8, 4), augment=True)
    memory = FisherMemory(patches, 0.4)
    network = new_network(patches, toy_run())
    first, again = observed(memory, network, 1), observed(memory, network, 1)
    assert torch.equal(first.importance, again.importance)
    assert not torch.equal(first.importance, observed(memory, network, 2).importance)


def test_the_memory_takes_the_information_it_is_told_to() -> None:
    network = new_network(TRAINER, toy_run())
    anchor = observed(FisherMemory(TRAINER, 0.4, "loss"), network, 1)
    wanted = loss_information(network.eval(), *scans(balls("scans 1", 3, 0.9)))
    torch.testing.assert_close(anchor.importance, wanted)
    with pytest.raises(ValueError, match="information"):
        EWC(TRAINER, information="batch")  # type: ignore[arg-type]


def test_defaults_are_the_code_bases() -> None:
    assert EWC.paper().strength == pytest.approx(0.4)
    assert EWC.paper().information == "likelihood"
