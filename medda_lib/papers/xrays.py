"""Looking inside a live run on chest X-rays: saliency by class, Grad-CAM, features, and two widgets.

Phantoms have what real images lack, the true outline of the disease. So here a map can be judged: does
its highest point lie in the disease, and how much of it does? Each function that draws returns the
figure and its alt text; what is drawn comes from the arguments alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from ipywidgets import VBox
from numpy.typing import NDArray
from torch import Tensor

from medda_lib.figures.boundaries import outline
from medda_lib.figures.cam import cam_panels
from medda_lib.figures.cam import grad_cam as compute_grad_cam
from medda_lib.figures.dial import dial
from medda_lib.figures.embedding import embedding, project
from medda_lib.figures.saliency import saliency as draw_saliency
from medda_lib.figures.style import TRUTH
from medda_lib.figures.threshold import threshold
from medda_lib.methods.normalise import standardise
from medda_lib.methods.predictor import NetworkPredictor
from medda_lib.metrics import saliency as saliency_metrics
from medda_lib.metrics import segmentation
from medda_lib.networks.bridge import saliency as saliency_maps
from medda_lib.networks.multimix import MultiMixNet
from medda_lib.papers.live import Live
from medda_lib.papers.pictures import Drawn
from medda_lib.tasks.phantom_pools import phantom_images

CLASSES = ("normal", "pneumonia")
TOTAL = 70_000
Maps = NDArray[np.float32]


def network_of(live: Live) -> NetworkPredictor[MultiMixNet]:
    """The predictor of a run with encoder and classifier; TypeError for another."""
    if not isinstance(live.predictor, NetworkPredictor):
        raise TypeError(f"{live.name}: expected a network, got {type(live.predictor).__name__}")
    return live.predictor


class ClassScores(torch.nn.Module):
    """The network as images -> class logits, which is what Grad-CAM wants."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Class logits (n, 2) of standardised images (n, 1, h, w)."""
        logits: Tensor = self.network.classify(self.network.encode(x))  # type: ignore[operator]
        return logits


def class_saliency(live: Live, images: Tensor, wanted: int) -> Maps:
    """Saliency (n, h, w) in [0, 1] of one class for raw images (n, 1, h, w), dropout off."""
    network = network_of(live).network.eval()
    x = standardise(images.to(next(network.parameters()).device)).requires_grad_()
    with torch.enable_grad():
        logits = network.classify(network.encode(x))
        classes = torch.full((len(x),), wanted, device=x.device)
        maps = saliency_maps(logits, x, classes)
    return maps[:, 0].detach().cpu().numpy()


def saliency(live: Live, problem: str, count: int = 2) -> Drawn:
    """Saliency of both classes on images in and across domain."""
    parts, titles = [], []
    for evaluation in ("in-domain", "cross-domain"):
        try:
            domain, pool = live.test(problem, evaluation)
        except KeyError:  # this kind of data has no such test
            continue
        parts.append(pool.images[:count])
        titles += [domain] * len(parts[-1])
    images = torch.cat(parts)
    maps = {f"saliency, {name}": class_saliency(live, images, k) for k, name in enumerate(CLASSES)}
    alike = np.mean(
        [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(*maps.values(), strict=True)]
    )
    return draw_saliency(images[:, 0].numpy(), maps, titles), (
        f"Images of {', '.join(dict.fromkeys(titles))} with a saliency map for each class; the two "
        f"maps of an image correlate at {alike:.2f} on average."
    )


def ill(live: Live, count: int) -> tuple[Tensor, list[int]]:
    """The first test images with pneumonia, and their numbers in the test pool."""
    _, pool = live.test("classification", "in-domain")
    chosen = pool.need_labels().nonzero().squeeze(1)[:count]
    return pool.images[chosen], chosen.tolist()


def disease(live: Live, numbers: list[int]) -> NDArray[np.bool_]:
    """The true outlines (n, h, w) of the disease in test phantoms; ValueError for real images."""
    if not live.on_phantoms:
        raise ValueError("only phantoms know where the disease is: train with data='phantom'")
    domain, pool = live.test("classification", "in-domain")
    known = phantom_images(domain, "test", numbers, pool.images.shape[-1])
    outlines: NDArray[np.bool_] = known.disease[:, 0].numpy()
    return outlines


def both_maps(live: Live, images: Tensor) -> dict[str, Maps]:
    """Input saliency and Grad-CAM of the pneumonia class (n, h, w)."""
    network = network_of(live).network.eval()
    x = standardise(images.to(next(network.parameters()).device))
    layer = network.encoder.blocks[-1]
    return {
        "input saliency": class_saliency(live, images, 1),
        "Grad-CAM": compute_grad_cam(ClassScores(network), layer, x, [1] * len(x)),
    }


def grad_cam(live: Live, count: int = 3) -> Drawn:
    """Input saliency above Grad-CAM on test images with pneumonia; true outlines where known."""
    images, numbers = ill(live, count)
    maps, grey = both_maps(live, images), images[:, 0].numpy()
    figure = cam_panels(
        np.concatenate([grey] * len(maps)),
        np.concatenate(list(maps.values())),
        [f"{name} {i + 1}" for name in maps for i in range(len(grey))],
        columns=len(grey),
    )
    if live.on_phantoms:
        for axis, mask in zip(figure.axes, [*disease(live, numbers)] * len(maps), strict=False):
            outline(axis, mask, TRUTH, "-", 1.4)
    return figure, f"{count} test images with pneumonia under input saliency, then under Grad-CAM."


def pointing(live: Live, count: int = 100) -> pd.DataFrame:
    """How well each map points at the true disease, over up to `count` phantoms.

    "peak inside": share of images whose highest value lies in the disease. "mass inside": mean
    share of the map's sum in the disease. The last row is what a flat map gets: the disease's area.
    """
    images, numbers = ill(live, count)
    outlines = disease(live, numbers)
    rows = {}
    for name, values in both_maps(live, images).items():
        peak, mass = saliency_metrics.pointing, saliency_metrics.mass_inside
        found = {"peak inside": peak(values, outlines), "mass inside": mass(values, outlines)}
        rows[name] = {measure: each.mean() for measure, each in found.items()}
    area = outlines.mean()
    rows["flat map"] = {"peak inside": area, "mass inside": area}
    return pd.DataFrame(rows).T.round(3)


def embeddings(live: Live, seed: int, count: int = 80) -> Drawn:
    """t-SNE and UMAP of pooled encoder features of test images, by class and by domain."""
    features, classes, domains = [], [], []
    for slot, pool in live.task.tests().items():
        images = pool.images[:count]
        features.append(network_of(live).features(images).numpy())
        domains += [slot.domain] * len(images)
        labels = None if pool.labels is None else pool.labels[:count].tolist()
        classes += ["unknown"] * len(images) if labels is None else [CLASSES[k] for k in labels]
    stacked = np.concatenate(features)
    points = {name: project(stacked, name, seed) for name in ("t-SNE", "UMAP")}
    return embedding(points, classes, domains), (
        f"Two projections of the encoder's features of {len(stacked)} test images, coloured by class "
        f"and by domain ({', '.join(dict.fromkeys(domains))})."
    )


def dial_widget(live: Live, ends: tuple[str, str], steps: int = 4, patients: int = 24) -> VBox:
    """The dial: one patient ever more like the other hospital, and the mean Dice of many."""
    start, end = ends
    (size,) = {pool.images.shape[-1] for pool in live.task.tests().values()}
    strengths = np.linspace(0, 1, steps)
    images, truths, found, scores = [], [], [], []
    for strength in strengths:
        known = phantom_images(f"{start}>{end}@{strength}", "test", range(patients), size)
        predicted = live.segment(known.images)
        scores.append(segmentation.dice(predicted >= 0.5, known.lungs).mean())
        images.append(known.images[0, 0].numpy())
        truths.append(known.lungs[0, 0].numpy())
        found.append(predicted[0, 0].numpy())
    return dial(
        np.stack(images),
        np.stack(truths),
        np.stack(found),
        strengths.tolist(),
        np.array(scores),
        description=f"{start} to {end}",
        score_label=f"mean Dice of {patients} patients",
        total=TOTAL,
    )


def threshold_widget(live: Live) -> VBox:
    """The pseudo-label threshold: how many test guesses it keeps, and how many of those are right."""
    _, pool = live.test("classification", "in-domain")
    probabilities = live.predictor.classify(pool.images)
    if probabilities is None:
        raise ValueError(f"{live.name} has no classifier; train a system that classifies")
    confidence, guess = probabilities.detach().cpu().max(dim=1)
    correct = guess == pool.need_labels()
    steps = np.arange(0.5, 1.0, 0.05).tolist()
    return threshold(confidence.numpy(), correct.numpy(), steps, TOTAL)
