"""Histogram matching against scikit-image, and what must not change."""

import numpy as np
import torch
from skimage.exposure import match_histograms

from medda_lib.methods.histogram_matching import HistogramMatching, curve, matched
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME
from tests.methods import two_sites


def test_agrees_with_scikit_image() -> None:
    rng = np.random.default_rng(0)
    target = torch.from_numpy(rng.gamma(2.0, 0.1, (6, 1, 24, 24)).clip(0, 1).astype(np.float32))
    source = torch.from_numpy(rng.beta(4.0, 2.0, (9, 1, 24, 24)).astype(np.float32))
    ours = matched(target, curve(source, 4096)).numpy()
    theirs = match_histograms(target.numpy().ravel(), source.numpy().ravel())
    # scikit-image takes the share of values up to each one, we its middle: half a rank apart.
    np.testing.assert_allclose(ours.ravel(), theirs, atol=0.02)
    assert np.abs(ours.ravel() - theirs).mean() < 2e-3


def test_order_is_kept_and_a_scan_of_the_source_stays_as_it_is() -> None:
    images = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    found = matched(images**3, curve(images, 1024))
    assert torch.equal(found.flatten().argsort(), (images**3).flatten().argsort())
    assert float((found - images).abs().max()) < 5e-3
    flat = torch.full((2, 1, 4, 4), 0.3)
    assert matched(flat, curve(images, 1024)).unique().numel() == 1


def test_the_predictor_segments_the_matched_scan() -> None:
    view = two_sites.task(source=3).view(TEST_TIME)
    predictor = HistogramMatching(two_sites.SEGMENTER).fit(view, Run(0))
    scan = two_sites.scans(1, 9, contrast=0.25).images
    wanted = predictor.network.masks(matched(scan, predictor.curve))
    assert torch.equal(predictor.segment(scan), wanted)
    assert predictor.classify(scan) is None
