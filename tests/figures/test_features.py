"""Embeddings and Grad-CAM: deterministic, and right where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from medda_lib.figures.cam import cam_panels, grad_cam
from medda_lib.figures.embedding import embedding, project


def _two_groups() -> np.ndarray:
    features = np.random.default_rng(3).normal(0, 1, (60, 8))
    features[30:] += 6
    return features


@pytest.mark.parametrize("method", ["t-SNE", pytest.param("UMAP", marks=pytest.mark.slow)])
def test_projection_is_deterministic_and_keeps_groups(method: str) -> None:
    features = _two_groups()
    points = project(features, method, seed=5)
    assert points.shape == (60, 2)
    assert np.isfinite(points).all()
    assert np.array_equal(points, project(features, method, seed=5))
    centres = points[:30].mean(0), points[30:].mean(0)
    distance = [np.linalg.norm(points - c, axis=1) for c in centres]
    assert np.array_equal(distance[1] < distance[0], np.arange(60) >= 30)


@pytest.mark.parametrize(
    ("shape", "method", "message"), [((4, 2), "t-SNE", "n >= 5"), ((9, 2), "PCA", "unknown 'PCA'")]
)
def test_projection_refuses(shape: tuple[int, int], method: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        project(np.zeros(shape), method, seed=0)


def test_embedding_draws_every_point_in_both_columns() -> None:
    points = np.random.default_rng(0).random((6, 2))
    classes, domains = ["n", "p"] * 3, ["x"] * 4 + ["y"] * 2
    figure = embedding({"t-SNE": points}, classes, domains)
    for axis, title in zip(figure.axes, ("t-SNE, by class", "t-SNE, by domain"), strict=True):
        drawn = np.concatenate([np.asarray(c.get_offsets()) for c in axis.collections])
        assert sorted(map(tuple, drawn)) == sorted(map(tuple, points))
        assert axis.get_title() == title
    legend = figure.axes[1].get_legend()
    assert legend is not None
    assert {t.get_text() for t in legend.get_texts()} == {"x", "y"}
    with pytest.raises(ValueError, match="one length"):
        embedding({"t-SNE": points}, classes[:-1], domains)


class Quadrants(nn.Module):
    """Class 0 looks at the first channel, class 1 at the second: their maps are known."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(2, 2, 1, bias=False)
        self.features.weight.data = torch.eye(2)[:, :, None, None]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.features(x)
        return features.mean(dim=(2, 3))


def test_grad_cam_finds_the_channel_of_the_class() -> None:
    images = torch.zeros(2, 2, 8, 8)
    images[:, 0, :4, :4] = 1
    images[:, 1, 4:, 4:] = 1
    network = Quadrants().train()
    maps = grad_cam(network, network.features, images, [0, 1])
    assert maps.shape == (2, 8, 8)
    assert np.allclose(maps[0], images[0, 0], atol=1e-5)
    assert np.allclose(maps[1], images[1, 1], atol=1e-5)
    assert network.training, "the network's mode is left as found"
    with pytest.raises(ValueError, match="one length"):
        grad_cam(network, network.features, images, [0])


def test_cam_panels_lay_the_map_over_the_image() -> None:
    rng = np.random.default_rng(0)
    images, maps = rng.random((3, 8, 8)), rng.random((3, 8, 8))
    figure = cam_panels(images, maps, ["a", "b", "c"], columns=2)
    assert len(figure.axes) == 4
    below, above = figure.axes[2].images
    assert np.allclose(np.asarray(below.get_array()), images[2])
    assert np.allclose(np.asarray(above.get_array()), maps[2])
    assert above.get_clim() == (0, 1)
