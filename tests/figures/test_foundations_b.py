"""The maps of a CAM against closed forms and the package grad-cam; panels hold what they are given."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle
from torch import Tensor, nn

import medda_lib._torchvision  # noqa: F401 - has to run before pytorch_grad_cam
from medda_lib.figures import class_maps
from medda_lib.figures.display import LIMIT, encode
from medda_lib.figures.evidence import evidence
from medda_lib.figures.layout_panels import layout_panels
from medda_lib.figures.permutations import permutations


class Pooled(nn.Module):
    """Convolutions, global average pooling, a linear head: where Grad-CAM is CAM over P."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.late = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU())
        self.head = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.late(self.early(x)).mean(dim=(2, 3))
        out: Tensor = self.head(pooled)
        return out


def _margin(logits: Tensor) -> Tensor:
    return logits[:, 1] - logits[:, 0]


@pytest.fixture(scope="module")
def network() -> Pooled:
    torch.manual_seed(2)
    return Pooled().eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand((4, 1, 16, 16), generator=torch.Generator().manual_seed(0))


def test_grad_cam_is_cam_over_the_places_and_adds_up_to_the_score(
    network: Pooled, images: Tensor
) -> None:
    features, gradients = class_maps.activations(network, network.late, images, _margin)
    weights = network.head.weight[1] - network.head.weight[0]
    bias = (network.head.bias[1] - network.head.bias[0]).detach()
    cam = class_maps.cam(features, weights)
    assert cam.shape == (4, 8, 8)
    torch.testing.assert_close(64 * class_maps.grad_cam(features, gradients), cam)
    torch.testing.assert_close(64 * class_maps.elementwise(features, gradients), cam)
    torch.testing.assert_close(cam.mean((1, 2)) + bias, _margin(network(images)).detach())
    assert not cam.requires_grad


def test_away_from_the_last_layer_averaging_changes_the_map(
    network: Pooled, images: Tensor
) -> None:
    at = class_maps.activations(network, network.early, images, _margin)
    assert not torch.allclose(class_maps.grad_cam(*at), class_maps.elementwise(*at), atol=1e-4)


def test_elementwise_by_a_loop_over_channels(network: Pooled, images: Tensor) -> None:
    features, gradients = class_maps.activations(network, network.early, images, _margin)
    expected = torch.zeros_like(features[:, 0])
    for channel in range(features.shape[1]):
        expected += features[:, channel] * gradients[:, channel]
    torch.testing.assert_close(class_maps.elementwise(features, gradients), expected)


@pytest.mark.parametrize("layer", ["early", "late"])
@pytest.mark.parametrize("method", ["GradCAM", "GradCAMPlusPlus"])
def test_same_maps_as_the_package(network: Pooled, images: Tensor, layer: str, method: str) -> None:
    import pytorch_grad_cam

    own = {"GradCAM": class_maps.grad_cam, "GradCAMPlusPlus": class_maps.grad_cam_plus_plus}
    module = getattr(network, layer)
    found = own[method](*class_maps.activations(network, module, images, _margin))
    targets = [lambda logits: logits[1] - logits[0]] * len(images)
    with getattr(pytorch_grad_cam, method)(model=network, target_layers=[module]) as package:
        theirs = package(input_tensor=images, targets=targets)
    # The package stretches before it enlarges (by OpenCV), so compare at the grid's own size.
    low = found.relu().flatten(1).min(1).values[:, None, None]
    mine = class_maps.stretched(found.relu() - low)
    expected = torch.nn.functional.interpolate(mine[:, None], size=(16, 16), mode="bilinear")[:, 0]
    expected = (expected - expected.amin((1, 2), keepdim=True)) / (
        expected.amax((1, 2), keepdim=True) - expected.amin((1, 2), keepdim=True)
    ).clamp(min=1e-7)
    assert np.abs(theirs - expected.numpy()).max() < 0.02


def test_plus_plus_by_its_formula() -> None:
    features = torch.rand((1, 2, 3, 3), generator=torch.Generator().manual_seed(1))
    gradients = torch.randn((1, 2, 3, 3), generator=torch.Generator().manual_seed(3))
    expected = torch.zeros(3, 3)
    for c in range(2):
        weight = 0.0
        for g in gradients[0, c].flatten().tolist():
            below = 2 * g**2 + float(features[0, c].sum()) * g**3 + 1e-6
            weight += g**2 / below * max(g, 0.0)
        expected += weight * features[0, c]
    found = class_maps.grad_cam_plus_plus(features, gradients)
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-4)


def test_activations_refuse_a_layer_without_places(network: Pooled, images: Tensor) -> None:
    with pytest.raises(ValueError, match="layer"):
        class_maps.activations(network, network.head, images, _margin)


def test_stretched_cuts_and_scales_each_map() -> None:
    maps = torch.tensor([[[-1.0, 2.0]], [[0.1, 0.05]], [[-1.0, -2.0]]])
    expected = torch.tensor([[[0.0, 1.0]], [[1.0, 0.5]], [[0.0, 0.0]]])
    torch.testing.assert_close(class_maps.stretched(maps), expected)


def test_nearest_keeps_the_grid() -> None:
    small = torch.arange(4.0).reshape(1, 2, 2)
    large = class_maps.enlarged(small, 6, "nearest")
    assert large.shape == (1, 6, 6)
    assert sorted(large.unique().tolist()) == [0, 1, 2, 3]
    assert (large[0, :3, :3] == 0).all()


def test_evidence_shares_a_scale_unless_told_otherwise() -> None:
    images = np.full((2, 8, 8), 0.5)
    maps = np.zeros((2, 8, 8))
    maps[0, 2, 2], maps[1, 2, 2] = -4.0, 1.0
    shared, each = (evidence(images, {"map": maps}, each=e) for e in (False, True))
    shown = [
        [np.asarray(f.axes[2 + i].images[1].get_array()) for i in (0, 1)] for f in (shared, each)
    ]
    assert shown[0][0].min() == -1
    assert 0 < shown[0][1].max() < 1
    assert shown[1][0].min() == -1
    assert shown[1][1].max() == 1
    fixed = evidence(images, {"map": maps}, scale=8.0, masks=maps != 0, titles=["a", "b"])
    assert np.asarray(fixed.axes[2].images[1].get_array()).min() == pytest.approx(-0.5)
    with pytest.raises(ValueError, match="one length"):
        evidence(images, {"map": maps[:1]})


def test_layout_panels_hold_every_point_and_one_legend() -> None:
    rng = np.random.default_rng(0)
    one, two = rng.random((9, 2)), rng.random((5, 2))
    figure = layout_panels({"a": (one, ["x", "y", "z"] * 3), "b": (two, ["y"] * 5)}, columns=2)
    drawn = [
        np.concatenate([np.asarray(c.get_offsets()) for c in axis.collections])
        for axis in figure.axes
    ]
    assert sorted(map(tuple, drawn[0])) == sorted(map(tuple, one))
    assert sorted(map(tuple, drawn[1])) == sorted(map(tuple, two))
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["x", "y", "z"]
    first, second = (
        np.asarray(axis.collections[k].get_facecolor())
        for axis, k in zip(figure.axes, (1, 0), strict=True)
    )
    assert np.array_equal(first, second)
    with pytest.raises(ValueError, match="one length"):
        layout_panels({"a": (one, ["x"])})
    with pytest.raises(ValueError, match="nothing to draw"):
        layout_panels({})


def test_permutations_draw_the_value_on_its_histogram() -> None:
    chance = np.random.default_rng(0).normal(size=99)
    figure = permutations({"a": (2.5, chance, 0.01), "b": (-1.0, chance, 0.9)})
    axis = figure.axes[0]
    assert sum(p.get_height() for p in axis.patches if isinstance(p, Rectangle)) == 99
    assert np.asarray(axis.lines[0].get_xdata())[0] == 2.5
    assert "p = 0.010" in axis.get_title()
    assert len(encode(figure)[1]) <= LIMIT
    with pytest.raises(ValueError, match="nothing to draw"):
        permutations({})
