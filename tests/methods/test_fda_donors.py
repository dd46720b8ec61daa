from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from medda_lib.methods.fda import srsim
from medda_lib.methods.fda.donors import (
    BLIND,
    Choice,
    random_donors,
    reach_of,
    similar_donors,
    similarities,
)


def slices(n: int, seed: int) -> Tensor:
    coarse = torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(16, 16), mode="bicubic").clamp(0, 1)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def brute_force(choice: Choice, target: Tensor, sources: Tensor, count: int) -> list[list[int]]:
    """Lists of slice numbers, best first, from SR-SIM of single pairs."""
    depth = len(target)
    scans = len(sources) // depth

    def alike(k: int, number: int) -> float:
        one, other = srsim.features(target[k][None]), srsim.features(sources[number][None])
        return float(srsim.similarity(one, other))

    if choice == "3D":
        score = {s: sum(alike(k, s * depth + k) for k in range(depth)) for s in range(scans)}
        best = sorted(score, key=score.__getitem__, reverse=True)[:count]
        return [[s * depth + k for s in best] for k in range(depth)]
    m = {"2D": 0, "2.5D": 2}[choice]
    found = []
    for k in range(depth):
        near = [j for j in range(k - m, k + m + 1) if 0 <= j < depth]
        score = {s * depth + j: alike(k, s * depth + j) for s in range(scans) for j in near}
        found.append(sorted(score, key=score.__getitem__, reverse=True)[:count])
    return found


LOOKING: tuple[Choice, ...] = ("2D", "2.5D", "3D")


@pytest.mark.parametrize("choice", LOOKING)
@pytest.mark.parametrize(("depth", "scans", "count"), [(1, 3, 2), (6, 5, 3), (4, 2, 2)])
def test_the_most_similar_are_found(choice: Choice, depth: int, scans: int, count: int) -> None:
    target, sources = slices(depth, 0), slices(depth * scans, 1)
    table = similarities(srsim.features(target), srsim.features(sources), reach_of(choice))
    found = similar_donors(choice, table, count)
    assert found.tolist() == brute_force(choice, target, sources, count)


@settings(max_examples=30, deadline=None)
@given(
    depth=st.integers(1, 8),
    scans=st.integers(1, 5),
    count=st.integers(1, 5),
    seed=st.integers(0, 2**32),
)
def test_choices_on_random_similarities(depth: int, scans: int, count: int, seed: int) -> None:
    table = torch.rand(depth, scans, 5, generator=generator(seed))
    for k in range(depth):
        for j in range(-2, 3):
            if not 0 <= k + j < depth:
                table[k, :, j + 2] = -torch.inf
    count = min(count, scans)
    found = similar_donors("2.5D", table, count)
    for k in range(depth):
        near = {
            s * depth + k + j - 2: float(table[k, s, j])
            for s in range(scans)
            for j in range(5)
            if 0 <= k + j - 2 < depth
        }
        assert found[k].tolist() == sorted(near, key=near.__getitem__, reverse=True)[:count]
        assert all(abs(n % depth - k) <= 2 for n in found[k].tolist())
    flat = similar_donors("2D", table[:, :, 2:3], count)
    assert ((flat - torch.arange(depth)[:, None]) % depth == 0).all()
    whole = similar_donors("3D", table[:, :, 2:3], count)
    assert len({tuple(row) for row in (whole - torch.arange(depth)[:, None]).tolist()}) == 1


def test_a_scan_is_most_similar_to_itself() -> None:
    sources = slices(4 * 6, 2)
    known = srsim.features(sources)
    for s in range(6):
        own = srsim.features(sources[4 * s : 4 * s + 4])
        for choice in LOOKING:
            table = similarities(own, known, reach_of(choice))
            assert similar_donors(choice, table, 1)[:, 0].tolist() == list(range(4 * s, 4 * s + 4))


def test_positions_beyond_the_ends_are_no_candidates() -> None:
    table = similarities(srsim.features(slices(3, 0)), srsim.features(slices(6, 1)), 2)
    assert table.shape == (3, 2, 5)
    assert torch.isneginf(table[0, :, :2]).all()
    assert torch.isneginf(table[2, :, 3:]).all()
    assert table[1, :, 1:4].isfinite().all()


def test_ties_go_to_the_lower_number() -> None:
    table = torch.zeros(2, 4, 1)
    assert similar_donors("2D", table, 2).tolist() == [[0, 2], [1, 3]]
    assert similar_donors("3D", table, 2).tolist() == [[0, 2], [1, 3]]


@pytest.mark.parametrize("choice", ["random", "any slice"])
def test_random_donors_are_different_and_in_place(choice: Choice) -> None:
    found = random_donors(choice, 10, 6, 4, generator(0))
    assert found.shape == (10, 4)
    assert all(len(set(row)) == 4 for row in found.tolist())
    assert int(found.min()) >= 0
    assert int(found.max()) < 60
    at_home = (found % 10 == torch.arange(10)[:, None]).all()
    assert bool(at_home) == (choice == "random")
    assert len({tuple(row) for row in (found // 10).tolist()}) > 1  # drawn anew for each slice


def test_random_donors_are_uniform() -> None:
    found = random_donors("random", 4000, 5, 2, generator(1)) // 4000
    share = torch.bincount(found.flatten(), minlength=5) / 8000
    torch.testing.assert_close(share, torch.full((5,), 0.2), atol=0.02, rtol=0)


@pytest.mark.parametrize("choice", ["random", "any slice", "2D", "3D"])
def test_too_few_candidates_are_an_error(choice: Choice) -> None:
    def choose() -> Tensor:
        if choice in BLIND:
            return random_donors(choice, 1, 3, 4, generator(0))
        return similar_donors(choice, torch.rand(1, 3, 1), 4)

    with pytest.raises(ValueError, match="fewer donors or more source scans"):
        choose()


def test_sources_must_be_whole_scans() -> None:
    with pytest.raises(ValueError, match="whole scans of 4"):
        similarities(srsim.features(slices(4, 0)), srsim.features(slices(6, 1)))
