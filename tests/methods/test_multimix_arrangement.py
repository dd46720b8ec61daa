"""Our arrangement of a step's passes gives the losses and gradients of the plain one."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest
import torch
from torch import nn

from tests.benchmarks import benchmark


@pytest.fixture(scope="module")
def step_benchmark() -> ModuleType:
    """`benchmarks/multimix_step.py`, imported from its path."""
    return benchmark("multimix_step")


@pytest.mark.parametrize("plain", ["released", "released*"])
def test_same_losses_and_gradients(step_benchmark: ModuleType, plain: str) -> None:
    """Double precision, dropout off, a threshold that some images pass and some do not."""
    double = {
        name: value.double() if value.is_floating_point() else value
        for name, value in vars(step_benchmark.random_sets(64, batch=3)).items()
    }
    sets = step_benchmark.Sets(**double)
    found = []
    for variant in ("ours", plain):
        context = step_benchmark.prepare(variant, 0.0, "cpu")
        context.network.double()
        with torch.no_grad():
            scores = context.logits(sets.weak).softmax(dim=1).amax(dim=1)
        context.settings = replace(context.settings, threshold=float(scores.median()) - 1e-7)
        step = step_benchmark.ours if variant == "ours" else step_benchmark.released
        losses = step(context, sets)
        found.append((losses, {k: p.grad for k, p in context.network.named_parameters()}))
    (losses, grads), (plain_losses, plain_grads) = found
    assert losses.keys() == plain_losses.keys()
    assert float(losses["pseudo-label"]) > 0
    for name, loss in losses.items():
        torch.testing.assert_close(loss, plain_losses[name], rtol=1e-5, atol=1e-9)
    for name, gradient in grads.items():
        assert gradient is not None
        torch.testing.assert_close(gradient, plain_grads[name], rtol=1e-4, atol=1e-8)


def test_stock_variant_has_stock_layers(step_benchmark: ModuleType) -> None:
    kinds = {type(m) for m in step_benchmark.prepare("released", 0.25, "cpu").network.modules()}
    assert {nn.InstanceNorm2d, nn.MaxPool2d, nn.Dropout} <= kinds
