"""The hippocampus phantom: determinism, volume, the dial, atrophy, labels, signal, errors."""

from dataclasses import asdict, replace
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy import ndimage

from medda_lib.phantoms.hippocampus_mr import SOURCES, TISSUES, Population, Source, render
from medda_lib.phantoms.hippocampus_mr.population import LOSS, Draws, person
from medda_lib.phantoms.hippocampus_mr.render import FIELD, Scene, grid, resample
from medda_lib.phantoms.mr.tissues import relaxation

FLUID, GREY, WHITE = (TISSUES.index(t) for t in ("fluid", "grey matter", "white matter"))
SEEDS = (2, 3, 5)


def changed(name: str = "decathlon", **numbers: float) -> Source:
    """A preset with some numbers of its population changed."""
    source = SOURCES[name]
    return replace(source, population=replace(source.population, **numbers))


@pytest.mark.parametrize(
    ("spacing", "shape"), [(1.0, (48, 60, 48)), (1.5, (32, 40, 32)), (3.0, (16, 20, 16))]
)
def test_shapes_and_range(spacing: float, shape: tuple[int, int, int]) -> None:
    crops = render(SOURCES["harp"], [3], spacing)
    assert len(crops) == 1
    assert crops.volumes.shape == crops.hippocampus.shape == crops.tissues.shape == (1, *shape)
    assert crops.volumes.dtype == torch.float32
    assert crops.hippocampus.dtype == torch.bool
    assert crops.tissues.dtype == torch.uint8
    assert crops.spacing == (spacing,) * 3
    assert float(crops.volumes.min()) == 0
    assert float(crops.volumes.max()) == 1


def test_percentiles_of_the_crop_are_the_ends_of_the_range() -> None:
    for volume, tissues in zip(*_fields(render(SOURCES["dryad"], SEEDS, 1.5)), strict=True):
        inside = volume[tissues > 0]  # air is what lies outside the crop
        assert float((inside == 0).float().mean()) == pytest.approx(0.01, abs=0.003)
        assert float((inside == 1).float().mean()) == pytest.approx(0.01, abs=0.003)
        assert float(volume[tissues == 0].abs().max()) == 0


def _fields(crops: object) -> tuple[torch.Tensor, torch.Tensor]:
    return crops.volumes, crops.tissues  # type: ignore[attr-defined]


def test_a_crop_depends_on_its_own_seed_only_and_on_nobodys_random_numbers() -> None:
    before = torch.get_rng_state()
    together = render(SOURCES["dryad"], [1, 2], 1.5)
    alone = render(SOURCES["dryad"], [2], 1.5)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(together.volumes[1], alone.volumes[0])
    assert torch.equal(together.hippocampus[1], alone.hippocampus[0])
    assert not torch.equal(together.hippocampus[0], together.hippocampus[1])


@pytest.mark.parametrize("name", SOURCES)
def test_the_mask_has_the_volume_of_the_person(name: str) -> None:
    for spacing, tolerance in ((1.0, 0.03), (1.5, 0.03), (3.0, 0.12)):
        masks = render(SOURCES[name], SEEDS, spacing).hippocampus
        for seed, mask in zip(SEEDS, masks, strict=True):
            target = person(SOURCES[name].population, Draws(seed)).volume
            assert int(mask.sum()) * spacing**3 == pytest.approx(target, rel=tolerance)


def test_the_mask_is_one_body_away_from_the_edge_of_the_field() -> None:
    for mask in render(SOURCES["decathlon"], range(12), 1.5).hippocampus.numpy():
        pieces, count = ndimage.label(mask)
        largest = np.bincount(pieces.ravel())[1:].max()
        assert count == 1 or largest > 0.99 * mask.sum()
        assert not mask[0].any()
        assert not mask[-1].any()
        assert not mask[:, :2].any()
        assert not mask[:, :, :3].any()


def test_volumes_follow_the_population() -> None:
    people = [person(SOURCES["decathlon"].population, Draws(seed)) for seed in range(400)]
    volumes = np.array([p.volume for p in people])
    expected = 1 - LOSS * np.mean([p.atrophy for p in people])
    mean = SOURCES["decathlon"].population.volume * expected
    assert volumes.mean() == pytest.approx(mean, rel=0.02)
    assert 300 < volumes.std() < 480
    assert 0.4 < np.mean([p.left for p in people]) < 0.6


def test_the_dial_ends_at_the_presets_and_moves_every_number_in_between() -> None:
    for a, b in combinations(SOURCES.values(), 2):
        assert a.towards(b, 0) is a
        assert a.towards(b, 1) is b
        middle = a.towards(b, 0.5)
        for part in ("site", "population"):
            ends = [asdict(getattr(s, part)) for s in (a, middle, b)]
            for key, value in ends[1].items():
                if key != "name":
                    low, high = sorted((ends[0][key], ends[2][key]))
                    assert low <= value <= high


def test_the_dial_is_continuous() -> None:
    a, b = SOURCES["harp"], SOURCES["dryad"]
    images, masks = [], []
    for strength in (0.0, 0.5, 0.501, 1.0):
        crops = render(a.towards(b, strength), SEEDS, 1.5)
        images.append(crops.volumes)
        masks.append(crops.hippocampus)
    step = float((images[1] - images[2]).abs().mean())
    whole = float((images[0] - images[3]).abs().mean())
    assert 0 < step < 0.05 * whole
    assert int((masks[1] ^ masks[2]).sum()) < 0.01 * int(masks[1].sum())
    half = float((images[0] - images[1]).abs().mean())
    assert 0.2 * whole < half < whole


def test_atrophy_takes_volume_from_the_hippocampus_and_gives_it_to_the_fluid() -> None:
    masks, fluid = [], []
    for atrophy in (0.0, 0.4, 0.8):
        crops = render(changed(atrophy=atrophy, atrophy_sd=0), SEEDS, 1.5)
        masks.append(crops.hippocampus.flatten(1).sum(1))
        fluid.append((crops.tissues == FLUID).flatten(1).sum(1))
    for small, large in ((1, 0), (2, 1)):
        assert bool((masks[small] < masks[large]).all())
        assert bool((fluid[small] > fluid[large]).all())
    assert float(masks[2].sum() / masks[0].sum()) == pytest.approx(1 - 0.8 * LOSS, abs=0.02)


@pytest.mark.parametrize("alveus", [0.0, 1.0])
def test_the_label_is_grey_and_white_only_by_the_rule(alveus: float) -> None:
    crops = render(changed(alveus=alveus, margin=0), SEEDS, 1.0)
    inside = crops.tissues[crops.hippocampus]
    grey = float((inside == GREY).float().mean())
    white = float((inside == WHITE).float().mean())
    assert grey + white > 0.95
    assert grey > (0.8 if alveus else 0.95)
    if alveus:
        assert white > 0.02


def test_left_and_right_are_mirror_images() -> None:
    left = render(changed(left=1.0), SEEDS, 1.5)
    right = render(changed(left=0.0), SEEDS, 1.5)
    assert torch.equal(left.hippocampus, right.hippocampus.flip(-1))
    assert torch.equal(left.tissues == GREY, (right.tissues == GREY).flip(-1))


def test_signal_is_that_of_the_sequence_where_a_tissue_is_pure() -> None:
    source = SOURCES["decathlon"]
    plain = replace(source.site, shading=0, falloff=0, uneven=0, dielectric=0)
    source = replace(source, site=plain, population=replace(source.population, contrast_sd=0))
    signal, _, canvas = Scene(source, 4).look()
    for tissue in ("brain stem", "white matter", "fluid"):
        expected = float(plain.sequence().signal(*relaxation(tissue, plain.field)))
        pure = canvas.labels == TISSUES.index(tissue)
        pure = torch.from_numpy(ndimage.binary_erosion(pure.numpy(), iterations=2))
        assert bool(pure.any())
        assert float(signal[pure].median()) == pytest.approx(expected, rel=1e-4)


def test_hippocampus_lies_between_fluid_and_white_matter() -> None:
    for source in SOURCES.values():
        crops = render(source, SEEDS, 1.5)
        for volume, mask, tissues in zip(
            crops.volumes, crops.hippocampus, crops.tissues, strict=True
        ):
            dark, middle, bright = (
                float(volume[part].mean()) for part in (tissues == FLUID, mask, tissues == WHITE)
            )
            assert dark + 0.1 < middle < bright - 0.1


def test_resampling_keeps_the_mean_and_agrees_with_blocks() -> None:
    fine = torch.rand(*FIELD, generator=torch.Generator().manual_seed(0))
    blocks = fine.reshape(16, 3, 20, 3, 16, 3).mean((1, 3, 5))
    torch.testing.assert_close(resample(fine, (16, 20, 16)), blocks)
    assert float(resample(fine, grid(1.5)).mean()) == pytest.approx(float(fine.mean()), abs=1e-6)


def test_errors_name_what_is_wrong() -> None:
    source = SOURCES["harp"]
    with pytest.raises(ValueError, match="spacing"):
        render(source, [0], 0.5)
    with pytest.raises(ValueError, match="spacing"):
        render(source, [0], 1.7)
    with pytest.raises(ValueError, match="seeds"):
        render(source, [-1])
    with pytest.raises(ValueError, match="strength"):
        source.towards(SOURCES["dryad"], 1.2)
    with pytest.raises(ValueError, match="strength"):
        source.population.towards(SOURCES["dryad"].population, -0.1)
    with pytest.raises(ValueError, match="volume"):
        Population(volume=0)
    with pytest.raises(ValueError, match="alveus"):
        Population(alveus=1.5)
    with pytest.raises(ValueError, match="volume_sd"):
        Population(volume_sd=-1)
    with pytest.raises(ValueError, match="age"):
        Population(age=float("nan"))
