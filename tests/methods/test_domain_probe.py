"""The classifier of sites finds a difference where there is one, and none where there is none."""

import numpy as np
import pytest
import torch

from medda_lib.methods.domain_probe import DomainProbe, simple_features
from medda_lib.metrics.classification import summary
from medda_lib.studies.method import Run
from medda_lib.studies.setting import TEST_TIME, Role
from medda_lib.studies.task import CLASSIFICATION, SEGMENTATION, Pool, Slot, Task
from tests.methods import two_sites


def both(seed: int, contrast: float) -> Pool:
    """Scans of two sites with the site as label; the second has another contrast."""
    here, there = two_sites.scans(40, seed), two_sites.scans(40, seed + 1, contrast)
    labels = torch.tensor([0] * len(here) + [1] * len(there))
    return Pool(torch.cat([here.images, there.images]), here.patients + there.patients, labels)


@pytest.mark.parametrize("seen", ["simple", "network"])
@pytest.mark.parametrize(("contrast", "low", "high"), [(0.25, 0.9, 1.0), (0.5, 0.25, 0.75)])
def test_sites_are_told_apart_where_they_differ(
    seen: str, contrast: float, low: float, high: float
) -> None:
    pools = {
        Slot(Role.LABELLED_SOURCE, SEGMENTATION, "here"): two_sites.scans(2, 1),
        Slot(Role.LABELLED_SOURCE, CLASSIFICATION, "both"): both(20, contrast),
    }
    view = Task("toy", pools).view(TEST_TIME)
    probe = DomainProbe(two_sites.SEGMENTER, seen).fit(view, Run(0))  # type: ignore[arg-type]
    test = both(40, contrast)
    auc = summary(probe.classify(test.images), test.need_labels())["auc"]
    assert low <= auc <= high


def test_simple_features_are_what_they_are_called() -> None:
    images = two_sites.scans(1, 3).images
    found, x = simple_features(images).numpy(), images.numpy()[:, 0]
    np.testing.assert_allclose(found[:, 0], x.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], x.std((1, 2), ddof=1), rtol=1e-5)
    np.testing.assert_allclose(found[:, 4], np.median(x, axis=(1, 2)), rtol=1e-5)
    gradient = np.abs(np.diff(x, axis=1)).mean((1, 2)) + np.abs(np.diff(x, axis=2)).mean((1, 2))
    np.testing.assert_allclose(found[:, 7], gradient, rtol=1e-5)
    with pytest.raises(ValueError, match="seen"):
        DomainProbe(two_sites.SEGMENTER, "all")  # type: ignore[arg-type]
