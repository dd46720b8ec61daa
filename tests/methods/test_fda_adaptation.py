from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from medda_lib.methods.fda import FourierAdaptation, FourierPredictor
from medda_lib.methods.fda.donors import CHOICES, Choice
from medda_lib.methods.fda.spectrum import swap
from medda_lib.methods.source_model import SourceModel
from medda_lib.methods.source_network.settings import Segmenter
from medda_lib.methods.source_network.training import predictor as predictor_of
from medda_lib.methods.training import SGD, Poly, Recipe
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME, Role
from medda_lib.studies.task import Pool, Slot, Task
from tests.methods.compare import state

DEPTH, SIZE = 4, 16
SEGMENTER = Segmenter(Recipe(3, schedule=Poly(), batch=4), width=2, levels=2)


def scans(count: int, seed: int, name: str = "p", spaced: bool = True) -> Pool:
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count * DEPTH, 1, 4, 4, generator=rng)
    images = torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bicubic").clamp(0, 1)
    patients = tuple(f"{name}{i // DEPTH}" for i in range(count * DEPTH))
    spacing = (6.0, 1.5, 1.5) if spaced else None
    return Pool(images, patients, masks=images > 0.5, spacing=spacing)


def task(spaced: bool = True) -> Task:
    pools = {
        Slot(Role.LABELLED_SOURCE, "segmentation", "here"): scans(5, 0, "a", spaced),
        Slot(Role.VALIDATION_SOURCE, "segmentation", "here"): scans(1, 1, "b"),
        Slot(Role.TEST, "segmentation", "there"): scans(2, 2, "c"),
    }
    return Task("toy", pools)


def fitted(
    choice: Choice = "3D", donors: int = 3, beta: float = 0.2, repetition: int = 0
) -> FourierPredictor:
    method = FourierAdaptation(SEGMENTER, choice, donors, beta)
    return method.fit(task().view(TEST_TIME), Run(seed=5, repetition=repetition))


def scan(number: int = 0) -> Tensor:
    return scans(2, 2).images[number * DEPTH : (number + 1) * DEPTH]


@pytest.mark.parametrize("choice", CHOICES)
def test_result_is_the_mean_of_the_networks_outputs(choice: Choice) -> None:
    predictor = fitted(choice)
    chosen = predictor.donors_of(scan())
    assert chosen.shape == (DEPTH, 3)
    found = predictor.segment(scan())
    sources = scans(5, 0).images[:, 0]
    for k in range(DEPTH):
        versions = swap(scan()[k : k + 1], sources[chosen[k]][None], 0.2)
        wanted = torch.stack([predictor.network.masks(v[None, None])[0] for v in versions[0]])
        torch.testing.assert_close(found[k], wanted.mean(dim=0), atol=1e-5, rtol=1e-4)
    assert found.shape == (DEPTH, 1, SIZE, SIZE)
    assert float(found.min()) >= 0
    assert float(found.max()) <= 1


@pytest.mark.parametrize("choice", CHOICES)
def test_nothing_swapped_is_the_source_model(choice: Choice) -> None:
    view, run = task().view(TEST_TIME), Run(seed=9)
    plain = SourceModel(SEGMENTER).fit(view, run).segment(scan())
    found = FourierAdaptation(SEGMENTER, choice, 2, 0.0).fit(view, run).segment(scan())
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("choice", CHOICES)
def test_everything_happens_on_the_networks_device(choice: Choice) -> None:
    """What is made without a device is made on another one here, where it meets no image."""
    predictor = fitted(choice)
    wanted = predictor.segment(scan())
    pool = task().pools[Slot(Role.LABELLED_SOURCE, "segmentation", "here")]
    network = predictor.network
    image = scan()
    with torch.device("meta"):
        again = FourierPredictor(predictor.settings, network, pool.images, DEPTH)
        found = again.segment(image)
    assert found.device.type == "cpu"
    assert torch.equal(found, wanted)


def test_mean_is_of_probabilities_not_of_logits() -> None:
    """One version certain, one certain of the opposite: the mean is a half."""

    class Sign(ResidualUNet):
        def forward(self, x: Tensor) -> Tensor:
            return torch.where(x.mean(dim=(2, 3), keepdim=True) > 0.5, 40.0, -10.0) + 0 * x

    network = predictor_of(Sign(2, 2), SEGMENTER, torch.device("cpu"))
    sources = torch.cat([torch.full((1, 1, SIZE, SIZE), v) for v in (0.2, 0.8)])
    method = FourierAdaptation(SEGMENTER, "random", 2, 1 / SIZE)  # swaps the mean grey value
    predictor = FourierPredictor(method, network, sources, depth=1)
    found = predictor.segment(torch.full((1, 1, SIZE, SIZE), 0.5))
    torch.testing.assert_close(found, torch.full_like(found, 0.5), atol=1e-4, rtol=0)


def test_same_repetition_same_donors_whatever_the_window() -> None:
    small, large = fitted("random", beta=0.1), fitted("random", beta=0.4)
    assert torch.equal(small.donors_of(scan()), large.donors_of(scan()))
    assert torch.equal(small.donors_of(scan()), small.donors_of(scan()))


def test_more_donors_include_the_fewer() -> None:
    few, many = fitted("random", donors=1), fitted("random", donors=4)
    assert torch.equal(few.donors_of(scan()), many.donors_of(scan())[:, :1])


@pytest.mark.parametrize("choice", ["random", "any slice"])
def test_scans_and_repetitions_get_different_random_donors(choice: Choice) -> None:
    """The released code resets its generator for each scan: all scans get the same donors."""
    first, second = fitted(choice), fitted(choice, repetition=1)
    drawn = [first.donors_of(scan(0)), first.donors_of(scan(1)), second.donors_of(scan(0))]
    assert not torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_order_of_scans_does_not_matter() -> None:
    predictor = fitted("random")
    forward = [predictor.segment(scan(i)) for i in (0, 1)]
    backward = [predictor.segment(scan(i)) for i in (1, 0)]
    assert torch.equal(forward[0], backward[1])
    assert torch.equal(forward[1], backward[0])


def test_the_network_stays_as_it_is() -> None:
    predictor = fitted()
    before = state(predictor.network.network)
    predictor.segment(scan())
    assert torch.equal(state(predictor.network.network), before)


def test_a_piece_of_a_scan_is_refused() -> None:
    with pytest.raises(ValueError, match="one whole scan"):
        fitted().segment(scan()[:2])


def test_sources_without_spacing_are_refused() -> None:
    method = FourierAdaptation(SEGMENTER)
    with pytest.raises(ValueError, match="whole scans"):
        method.fit(task(spaced=False).view(TEST_TIME), Run(seed=0))


@pytest.mark.parametrize("wrong", [{"choice": "4D"}, {"donors": 0}, {"beta": -0.1}])
def test_wrong_settings_are_named(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(FourierAdaptation(SEGMENTER), **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("choice", "donors", "name"),
    [
        ("random", 1, "FDA"),
        ("any slice", 1, "FDA (any slice)"),
        ("random", 7, "FDA + MST"),
        ("2.5D", 7, "FDA + MST + SR-SIM 2.5D"),
    ],
)
def test_names(choice: Choice, donors: int, name: str) -> None:
    assert FourierAdaptation(SEGMENTER, choice, donors).name == name


def test_paper_values() -> None:
    method = FourierAdaptation.paper()
    assert (method.choice, method.donors, method.beta) == ("3D", 7, 0.03)
    assert (method.segmenter.recipe.optimiser, method.segmenter.recipe.steps) == (SGD(), 10_000)
