"""The operators make the mistakes that they promise, each once, and no text that is no Python."""

from __future__ import annotations

import ast
import itertools

import pytest

from tests.assignments.master import limited
from tests.assignments.mutants import mutants

SOLUTION = '''
def loss(x: Tensor, mask: Tensor, weight: float = 0.5) -> Tensor:
    """Not changed: 1 + 2."""
    if weight < 0:
        raise ValueError(f"{weight} - 1")
    kept = [v - 1 for v in range(len(x)) if mask[v] and v > 0]
    both = zip(kept, x, strict=True)
    total = torch.where(mask & known, x.abs(), x)
    total += (x**2 / weight).sum(dim=1)
    return total[mask], both
'''


@pytest.mark.parametrize(
    "name",
    [
        "weight < 0 -> weight <= 0",
        "weight < 0 -> weight > 0",
        "weight < 0 -> True",
        "0.5 -> 1.0",
        "v - 1 -> v",
        "v - 1 -> 1 - v",
        "v - 1 -> v + 1",
        "range(len(x)) -> range(len(x) + 1)",
        "mask[v] and v > 0 -> v > 0",
        "mask[v] and v > 0 -> mask[v] or v > 0",
        "mask & known -> known",
        "mask & known -> mask | known",
        "x.abs() -> x",
        "total += (x ** 2...ight).sum(dim=1) -> pass",
        "(x ** 2 / weight).sum(dim=1) -> (x ** 2 / weight).mean(dim=1)",
        "(x ** 2 / weight).sum(dim=1) -> (x ** 2 / weight).sum()",
        "1 -> 0 (2)",
        "x ** 2 -> x",
        "x ** 2 / weight -> weight / x ** 2",
        "x ** 2 / weight -> x ** 2 * weight",
        "total[mask] -> total",
        "mask -> x (3)",
    ],
)
def test_a_mistake_is_made(name: str) -> None:
    assert f"loss: {name}" in mutants(SOLUTION)


def test_mutants_differ_from_the_solution_and_from_each_other() -> None:
    found = mutants(SOLUTION)
    meanings = [ast.dump(ast.parse(source)) for source in [SOLUTION, *found.values()]]
    assert len(set(meanings)) == len(meanings) > 80
    assert mutants(SOLUTION) == found


def test_what_does_nothing_is_left_alone() -> None:
    for source in mutants(SOLUTION).values():
        for text in ('"""Not changed: 1 + 2."""', 'ValueError(f"{weight} - 1")', "-> Tensor:"):
            assert text in source
        assert "strict=False" not in source


def test_endless_loop_ends() -> None:
    with pytest.raises(TimeoutError), limited(1):
        all(True for _ in itertools.count())
