"""PLOP: pooled features against loops, its distances, and labels that stay."""

import pytest
import torch
from torch import Tensor

from medda_lib.methods.continual import training
from medda_lib.methods.continual.plop import PLOP
from medda_lib.methods.continual.pooled_outputs import local_pod, pod_distance, pod_loss
from medda_lib.methods.continual.training import Regulariser, new_network, supervised
from medda_lib.networks.dyn_unet import copied, levels, recorded
from medda_lib.studies.stream import TOLD_BOUNDARIES
from tests.methods.continual_toy import GREYS, TRAINER, balls, toy_run, toy_task


def pooled_by_loops(x: Tensor, scales: int) -> list[float]:
    """Sorted means along lines of one scan's features (c, d, h, w), region by region as published."""
    means = []
    for s in range(scales):
        d, h, w = (side // 2**s for side in x.shape[1:])
        for i in range(2**s):
            for j in range(2**s):
                for k in range(2**s):
                    slices = [
                        slice(n * side, (n + 1) * side) for n, side in ((i, d), (j, h), (k, w))
                    ]
                    for channel in x[(slice(None), *slices)]:
                        means += [
                            float(channel[:, b, c].mean()) for b in range(h) for c in range(w)
                        ]
                        means += [
                            float(channel[a, :, c].mean()) for a in range(d) for c in range(w)
                        ]
                        means += [float(channel[a, b].mean()) for a in range(d) for b in range(h)]
    return sorted(means)


@pytest.mark.parametrize(
    ("shape", "scales"), [((2, 4, 8, 4), 1), ((2, 4, 4, 8), 2), ((1, 4, 8, 4), 3)]
)
def test_pooled_features_by_loops(shape: tuple[int, ...], scales: int) -> None:
    """The set of means is the published one; their order does not matter to a distance."""
    x = torch.randn(2, *shape)
    found = local_pod(x, scales)
    for one, scan in zip(found, x, strict=True):
        wanted = torch.tensor(pooled_by_loops(scan, scales))
        torch.testing.assert_close(one.sort().values, wanted)


def test_the_distance_by_loops() -> None:
    """Means are linear, so the distance is the root of the summed squares of the difference's means."""
    new, old = torch.randn(2, 2, 4, 4, 4), torch.randn(2, 2, 4, 4, 4)
    each = [
        sum(m * m for m in pooled_by_loops(a - b, 3)) ** 0.5 for a, b in zip(new, old, strict=True)
    ]
    assert float(pod_distance(new, old)) == pytest.approx(sum(each) / 2, rel=1e-5)


def test_sides_that_do_not_divide_are_cut_nearly_equal() -> None:
    x = torch.randn(1, 1, 3, 5, 2)
    found = local_pod(x, 3)
    lines = [5 * 2, 3 * 2, 3 * 5]
    cuts = [[1, 1, 1], [2, 2, 2], [3, 4, 2]]
    assert found.shape == (1, sum(n * k for row in cuts for n, k in zip(lines, row, strict=True)))
    assert torch.isfinite(found).all()
    halves = x[0, 0].mean(dim=1), x[0, 0, :, :3].mean(dim=1), x[0, 0, :, 3:].mean(dim=1)
    for part in halves:
        for value in part.flatten().tolist():
            assert (found - value).abs().min() < 1e-6


def test_equal_features_have_distance_zero_and_finite_gradients() -> None:
    old = torch.randn(2, 3, 4, 4, 4)
    new = old.clone().requires_grad_()
    loss = pod_distance(new, old)
    (gradient,) = torch.autograd.grad(loss, new)
    assert float(loss.detach()) == 0
    assert torch.isfinite(gradient).all()
    with pytest.raises(ValueError, match="differ"):
        pod_distance(old, old[:, :2])


def test_scale_matters_unless_normalised() -> None:
    new, old = torch.rand(2, 3, 4, 4, 4), torch.rand(2, 3, 4, 4, 4)
    plain, scaled = pod_distance(new, old), pod_distance(7 * new, 7 * old)
    torch.testing.assert_close(scaled, 7 * plain)
    one, other = (
        pod_distance(new, old, normalise=True),
        pod_distance(7 * new, 0.2 * old, normalise=True),
    )
    torch.testing.assert_close(one, other)
    assert 0 < float(one) <= 2


def test_gradients_of_the_distance() -> None:
    new = torch.randn(1, 1, 4, 4, 2, dtype=torch.float64, requires_grad=True)
    old = torch.randn(1, 1, 4, 4, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: pod_distance(x, old, 2), [new])
    assert torch.autograd.gradcheck(lambda x: pod_distance(x, old, 2, normalise=True), [new])


def test_the_loss_is_a_weighted_mean_over_layers() -> None:
    new = [torch.randn(2, c, 4, 4, 4) for c in (2, 3)]
    old = [torch.randn(2, c, 4, 4, 4) for c in (2, 3)]
    wanted = (0.5 * pod_distance(new[0], old[0]) + 2 * pod_distance(new[1], old[1])) / 2
    torch.testing.assert_close(pod_loss(new, old, [0.5, 2.0]), wanted)


def test_equal_networks_differ_by_nothing_and_others_in_every_block() -> None:
    network, images = new_network(TRAINER, toy_run()), torch.rand(2, 1, 8, 12, 8)
    held = PLOP(TRAINER).against(copied(network, TRAINER.filters))
    logits = held.forward(network, images)
    assert torch.equal(logits, Regulariser().forward(network, images))
    assert float(held.on_outputs(images, logits).detach()) == 0
    other = new_network(TRAINER, toy_run(repetition=1))
    with recorded(levels(network)) as old, torch.no_grad():
        answer = network(images)
    with recorded(levels(other)) as new, torch.no_grad():
        present = other(images)
    assert len(old) == len(new) == 5
    each = [0.01 * pod_distance(a, b) for a, b in zip(new, old, strict=True)]
    wanted = torch.stack([*each, 0.0005 * pod_distance(present, answer)]).mean()
    found = held.on_outputs(images, held.forward(other, images))
    torch.testing.assert_close(found.detach(), wanted)
    found.backward()
    block = other.get_submodule("input_block")
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in block.parameters())
    assert not held._features, "features of a batch are not kept"


def test_equal_classes_leave_nothing_to_label(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is told the labels of the stage's own scans, also where an old network is asked."""
    told: list[Tensor] = []

    def watched(logits: Tensor, masks: Tensor) -> Tensor:
        told.append(masks)
        return supervised(logits, masks)

    monkeypatch.setattr(training, "supervised", watched)
    PLOP(TRAINER).fit(toy_task().view(TOLD_BOUNDARIES), toy_run())
    assert len(told) == len(GREYS) * TRAINER.recipe.steps
    for step, masks in enumerate(told):
        number = step // TRAINER.recipe.steps
        _, own = training.scans(balls(f"train {number + 1}", 4, GREYS[number]))
        assert all((own == mask).flatten(1).all(1).any() for mask in masks)


def test_published_values() -> None:
    found = PLOP.paper()
    assert (found.features, found.logits, found.scales) == (0.01, 0.0005, 3)
    with pytest.raises(ValueError, match="scales"):
        PLOP(scales=0)
