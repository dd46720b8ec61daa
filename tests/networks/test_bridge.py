"""The saliency bridge: the right gradient, per image, and a switch that lets the loss through."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from medda_lib.networks.bridge import bridge_input, evaluating, input_gradient, saliency
from medda_lib.networks.multimix import MultiMixNet


def network() -> MultiMixNet:
    torch.manual_seed(0)
    return MultiMixNet(2, 0.0, bridge=True).double().eval()


def asked(n: int, size: int = 32) -> Tensor:
    rng = torch.Generator().manual_seed(1)
    images = torch.randn(n, 1, size, size, generator=rng, dtype=torch.float64)
    return images.requires_grad_()


def logits(net: MultiMixNet, images: Tensor) -> Tensor:
    return net.classify(net.encode(images))


def test_is_the_derivative_of_the_predicted_score() -> None:
    """Finite differences at some pixels of each image."""
    net, images = network(), asked(3)
    scores = logits(net, images)
    gradient = input_gradient(scores, images)
    chosen = scores.argmax(dim=1)
    for place in [(0, 5, 7), (1, 20, 3), (2, 31, 31)]:
        nudge = torch.zeros_like(images)
        nudge[place[0], 0, place[1], place[2]] = 1e-5
        with torch.no_grad():
            up, down = logits(net, images + nudge), logits(net, images - nudge)
        c = int(chosen[place[0]])
        slope = float(up[place[0], c] - down[place[0], c]) / 2e-5
        found = float(gradient[place[0], 0, place[1], place[2]])
        assert found == pytest.approx(slope, rel=1e-4, abs=1e-9)


def test_one_call_equals_one_call_per_image() -> None:
    net, images = network(), asked(4)
    together = saliency(logits(net, images), images)
    for i in range(4):
        one = images[i : i + 1].detach().requires_grad_()
        torch.testing.assert_close(together[i : i + 1], saliency(logits(net, one), one))


def test_map_is_between_0_and_1_and_ignores_the_scale_of_the_score() -> None:
    net, images = network(), asked(4)
    scores = logits(net, images)
    shown = saliency(scores, images)
    assert float(shown.min()) >= 0
    torch.testing.assert_close(shown.amax(dim=(1, 2, 3)), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(saliency(100 * scores, images), shown)
    flat = saliency(0 * scores, images)
    assert torch.equal(flat, torch.zeros_like(flat))


def test_classes_choose_what_is_explained() -> None:
    net, images = network(), asked(2)
    scores = logits(net, images)
    by_class = [input_gradient(scores, images, torch.full((2,), c)) for c in (0, 1)]
    assert not torch.allclose(by_class[0], by_class[1])
    predicted = scores.argmax(dim=1)
    expected = torch.stack([by_class[int(c)][i] for i, c in enumerate(predicted)])
    torch.testing.assert_close(input_gradient(scores, images), expected)


@pytest.mark.parametrize("detach", [True, False])
def test_detach_decides_whether_the_mask_trains_the_classifier(detach: bool) -> None:
    net, images = network(), asked(2)
    assert net.classifier is not None
    mask = net(images, detach=detach).mask
    (gradient,) = torch.autograd.grad(
        mask.square().sum(), net.classifier.linear.weight, allow_unused=True
    )
    assert (gradient is None) is detach


@pytest.mark.parametrize("literal", [False, True])
def test_gradient_through_the_map_is_right(literal: bool) -> None:
    """A loss of the map, moved along a random direction of all parameters, by finite differences."""
    torch.manual_seed(0)
    net = MultiMixNet(2, 0.0, bridge=True, literal=literal).double().eval()
    images = asked(2)
    parameters = [*net.encoder.parameters(), *(net.classifier or net).parameters()]

    def loss(detach: bool) -> Tensor:
        mask: Tensor = net(images, detach=detach).mask
        return (mask * images.detach().sin()).mean()

    directions = [torch.randn_like(p) for p in parameters]

    def slope(detach: bool) -> float:
        grads = torch.autograd.grad(
            loss(detach), parameters, allow_unused=True, materialize_grads=True
        )
        return sum(float((g * d).sum()) for g, d in zip(grads, directions, strict=True))

    def moved(step: float) -> float:
        with torch.no_grad():
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter.add_(direction, alpha=step)
        return float(loss(detach=True).detach())

    # A small step: the map jumps where an activation changes sign, and no jump may lie within.
    predicted, wrong = slope(detach=False), slope(detach=True)
    measured = (moved(1e-8) - moved(-2e-8)) / 2e-8
    assert predicted == pytest.approx(measured, rel=1e-4)
    assert wrong != pytest.approx(measured, rel=1e-2)


def test_bridge_input_is_the_mean_of_eight_by_eight() -> None:
    rng = torch.Generator().manual_seed(0)
    shown, images = torch.rand(2, 2, 1, 32, 64, generator=rng).unbind(0)
    joined = bridge_input(shown, images)
    assert joined.shape == (2, 2, 4, 8)
    torch.testing.assert_close(joined[1, 0, 2, 3], shown[1, 0, 16:24, 24:32].mean())
    torch.testing.assert_close(joined[0, 1, 0, 7], images[0, 0, :8, 56:].mean())


def test_bridge_input_by_interpolation_reads_aligned_corners() -> None:
    """As the released code scales down: the corners are the corners, four pixels make each value."""
    shown, images = torch.rand(2, 1, 1, 32, 32, generator=torch.Generator().manual_seed(0)).unbind(
        0
    )
    joined = bridge_input(shown, images, "bilinear")
    assert joined.shape == (1, 2, 4, 4)
    torch.testing.assert_close(joined[0, 0, 0, 3], shown[0, 0, 0, 31])
    at = 31 / 3  # between pixels 10 and 11
    row = shown[0, 0, 0]
    torch.testing.assert_close(joined[0, 0, 0, 1], row[10] + (at - 10) * (row[11] - row[10]))


def test_an_unscaled_map_is_the_gradients_size() -> None:
    net, images = network(), asked(2)
    scores = logits(net, images)
    expected = input_gradient(scores, images).abs()
    torch.testing.assert_close(saliency(scores, images, scaled=False), expected)


@pytest.mark.parametrize("mode", [True, False])
def test_evaluating_gives_back_the_mode(mode: bool) -> None:
    net = network().train(mode)
    with evaluating(net):
        assert not any(module.training for module in net.modules())
    assert all(module.training is mode for module in net.modules())


def test_images_must_require_gradients() -> None:
    net = network()
    images = asked(1).detach()
    with pytest.raises(ValueError, match="requires_grad_"):
        saliency(logits(net, images), images)
