"""Each fast layer against PyTorch's own: values, gradients, second derivatives."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from medda_lib.networks import fast
from medda_lib.networks.blocks import Dropout, InstanceNorm

LAYOUTS = [torch.contiguous_format, torch.channels_last]
PAIRS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {
    "norm_act": (
        lambda x: fast.norm_act(x, 0.2, 1e-5),
        lambda x: F.leaky_relu(F.instance_norm(x), 0.2),
    ),
    "instance norm": (lambda x: InstanceNorm(x.shape[1])(x), F.instance_norm),
    "max_pool": (fast.max_pool, lambda x: F.max_pool2d(x, 2)),
}


def random(*shape: int, layout: torch.memory_format = torch.contiguous_format) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(*shape, generator=rng, dtype=torch.float64)
    return x.contiguous(memory_format=layout).requires_grad_()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (3, 16, 64, 64), (40, 8, 64, 64)])
def test_equals_the_plain_layer(
    name: str, shape: tuple[int, ...], layout: torch.memory_format
) -> None:
    """Large shapes go through in several cache-sized groups of images."""
    ours, plain = PAIRS[name]
    x = random(*shape, layout=layout)
    a, b = ours(x), plain(x)
    torch.testing.assert_close(a, b)
    weights = torch.sin(torch.arange(a.numel(), dtype=torch.float64)).view(a.shape)
    (ga,), (gb,) = (torch.autograd.grad(y, x, weights) for y in (a, b))
    torch.testing.assert_close(ga, gb)


@pytest.mark.parametrize("name", ["norm_act", "max_pool"])
def test_first_and_second_derivatives(name: str) -> None:
    x = random(2, 2, 4, 4)
    assert gradcheck(PAIRS[name][0], x)
    assert gradgradcheck(PAIRS[name][0], x)


@pytest.mark.parametrize("create_graph", [False, True])
def test_half_precision_is_rounded_once(create_graph: bool) -> None:
    """Statistics and gradients are those of single precision; only what is kept is rounded."""
    x = (random(3, 4, 64, 64).detach() + 20).to(torch.bfloat16).requires_grad_()
    weights = torch.sin(torch.arange(x.numel())).view(x.shape).to(torch.bfloat16)
    exact = x.detach().double().requires_grad_()
    values, grads = [], []
    for value, norm_act in ((x, PAIRS["norm_act"][0]), (exact, PAIRS["norm_act"][1])):
        values.append(norm_act(value))
        (grad,) = torch.autograd.grad(
            (values[-1] * weights).sum(), value, create_graph=create_graph
        )
        grads.append(grad)
    assert values[0].dtype == grads[0].dtype == torch.bfloat16
    half = 2.0**-8  # of the last place, relative
    torch.testing.assert_close(values[0].double(), values[1], rtol=half, atol=1e-6)
    # The backward pass knows the rounded result, so its error is one of that size, not relative.
    size = float(grads[1].detach().abs().max())
    torch.testing.assert_close(grads[0].double(), grads[1], rtol=half, atol=2 * half * size)


def test_max_pool_gives_a_tie_to_the_first() -> None:
    rng = torch.Generator().manual_seed(0)
    x = torch.randint(0, 2, (3, 4, 8, 8), generator=rng).double().requires_grad_()
    grads = [torch.autograd.grad(f(x).cumsum(0).sum(), x)[0] for f in PAIRS["max_pool"]]
    assert torch.equal(*grads)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_upsample_conv(layout: torch.memory_format) -> None:
    x, weight = random(2, 3, 5, 4, layout=layout), random(6, 3, 3, 3)
    ours = fast.upsample_conv(x, weight)
    plain = F.conv2d(F.interpolate(x, scale_factor=2), weight, padding=1)
    torch.testing.assert_close(ours, plain)
    grads = [torch.autograd.grad(y.square().sum(), (x, weight)) for y in (ours, plain)]
    for a, b in zip(*grads, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("probability", [0.25, 0.5, 0.1])
def test_dropout_share_scale_and_gradient(probability: float) -> None:
    torch.manual_seed(0)
    layer = Dropout(probability).train()
    x = torch.ones(16, 8, 64, 64, requires_grad=True)
    y = layer(x)
    dropped = float((y == 0).float().mean())
    assert dropped == pytest.approx(round(probability * 256) / 256, abs=0.003)
    assert float(y.detach().mean()) == pytest.approx(1, abs=0.005)
    assert len(y.unique()) == 2
    (gradient,) = torch.autograd.grad(y.sum(), x)
    assert torch.equal(gradient, y.detach())  # the input is 1: both are mask times scale


def test_dropout_hits_every_place_and_image_independently() -> None:
    torch.manual_seed(0)
    kept = (Dropout(0.25).train()(torch.ones(400, 2, 8, 8)) != 0).float()
    places = kept.mean(dim=0)
    assert float((places - 0.75).abs().max()) < 5 * (0.75 * 0.25 / 400) ** 0.5
    correlation = torch.corrcoef(kept.flatten(1).T) - torch.eye(128)
    assert float(correlation.abs().max()) < 0.3  # about 6 standard errors of 8,000 pairs


def test_dropout_is_off_in_evaluation() -> None:
    x = torch.randn(2, 3, 4, 4)
    assert torch.equal(Dropout(0.25).eval()(x), x)
