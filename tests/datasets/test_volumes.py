"""The value that all loaders of whole scans return."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from medda_lib.datasets.volumes import Volumes

IMAGES = torch.rand(3, 4, 6, 5, generator=torch.Generator().manual_seed(0))


def volumes(**changes: Any) -> Volumes:
    fields: dict[str, Any] = {
        "images": IMAGES,
        "masks": IMAGES > 0.5,
        "spacing": (6.0, 1.5, 1.5),
        "patients": ("a", "b", "c"),
        "sites": ("one", "one", "two"),
    }
    return Volumes(**{**fields, **changes})


def test_scans_are_taken_in_the_order_asked_for() -> None:
    whole = volumes()
    some = whole.take([2, 0])
    assert (len(whole), len(some)) == (3, 2)
    assert torch.equal(some.images, IMAGES[[2, 0]])
    assert torch.equal(some.masks, IMAGES[[2, 0]] > 0.5)
    assert (some.patients, some.sites, some.spacing) == (("c", "a"), ("two", "one"), whole.spacing)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": IMAGES.double()}, r"images: expected float32 \(n, d, h, w\), got float64"),
        ({"images": IMAGES[0]}, r"images: expected float32 .* got float32 \(4, 6, 5\)"),
        ({"images": IMAGES * 300}, "images: values must lie in"),
        ({"images": IMAGES * float("nan")}, "images: values must lie in"),
        ({"masks": IMAGES}, "masks: expected bool"),
        ({"masks": IMAGES[:, :2] > 0.5}, r"masks: expected bool \(3, 4, 6, 5\)"),
        ({"masks": IMAGES > 2}, "masks: at least one is empty"),
        ({"spacing": (6.0, 0.0, 1.5)}, "spacing: expected three positive numbers"),
        ({"spacing": (6.0, 1.5, 1500.0)}, "spacing: expected three positive numbers"),
        ({"patients": ("a", "b")}, "patients: 2 names for 3 scans"),
        ({"patients": ("a", "b", "a")}, "patients: a name appears twice"),
        ({"sites": ()}, "sites: 0 names for 3 scans"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        volumes(**changes)
