"""Each way in which a NIfTI file goes wrong is an error that names the file and the remedy."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.nifti import read_grid, read_mask, read_scan
from tests.datasets.scans import ORIENTATIONS, affine_of, store

SHAPE = (6, 7, 8)
AFFINE = affine_of("RAS", (1.0, 2.0, 3.0), SHAPE, (4, 5, 6))
VALUES = np.random.default_rng(0).random(SHAPE, dtype=np.float32)


def edited(path: Path, change: Callable[[Any], object], values: Any = VALUES) -> Path:
    """A file whose header was changed after its affines were set."""
    image = nib.Nifti1Image(values, None)
    image.header.set_qform(AFFINE, 1)
    image.header.set_sform(AFFINE, 1)
    change(image.header)
    nib.save(image, path)
    return path


def cut(path: Path, share: float) -> Path:
    store(path, VALUES, AFFINE)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def damaged(path: Path) -> Path:
    store(path, VALUES, AFFINE)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes(40)
    path.write_bytes(data)
    return path


def other_format(path: Path) -> Path:
    nib.save(nib.MGHImage(VALUES, AFFINE), path.with_suffix("").with_suffix(".mgz"))
    return path.with_suffix("").with_suffix(".mgz")


def raw(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def with_value(value: float) -> np.ndarray[Any, Any]:
    values = VALUES.copy()
    values[1, 2, 3] = value
    return values


def sheared() -> np.ndarray[Any, Any]:
    affine = AFFINE.copy()
    affine[0, 1] = 0.4
    return affine


def contradicting(header: Any) -> None:
    turned = AFFINE.copy()
    turned[:3, 0] *= -1
    header.set_qform(turned, 1)


BROKEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda p: p, "the file is missing"),
    "text": (lambda p: raw(p, b"this is no image at all" * 40), "get it again"),
    "gzipped text": (lambda p: raw(p, gzip.compress(b"no image" * 400)), "no NIfTI file"),
    "empty": (lambda p: raw(p, b""), "get it again"),
    "other format": (other_format, "no NIfTI file; convert it"),
    "truncated": (lambda p: cut(p, 0.6), "truncated or damaged: get it again"),
    "truncated, not zipped": (lambda p: cut(p.with_suffix(""), 0.6), "truncated or damaged"),
    "damaged": (damaged, "truncated or damaged: get it again"),
    "series": (
        lambda p: store(p, np.stack([VALUES, VALUES], -1), AFFINE),
        r"shape 6 x 7 x 8 x 2; expected one three-dimensional volume",
    ),
    "one slice": (lambda p: store(p, VALUES[..., :1], AFFINE), "shape 6 x 7 x 1; expected"),
    "NaN": (lambda p: store(p, with_value(np.nan), AFFINE), "1 values are not finite"),
    "infinite": (lambda p: store(p, with_value(np.inf), AFFINE), "1 values are not finite"),
    "constant": (lambda p: store(p, np.ones(SHAPE), AFFINE), "every voxel is 1"),
    "no forms": (lambda p: store(p, VALUES, AFFINE, codes=(0, 0)), "neither qform nor sform"),
    "contradiction": (lambda p: edited(p, contradicting), "qform and sform contradict each other"),
    "sheared": (
        lambda p: edited(p, lambda h: (h.set_sform(sheared(), 1), h.set_qform(None, 0))),
        "the affine is sheared",
    ),
    "metres": (
        lambda p: store(p, VALUES, np.diag([0.001, 0.001, 0.001, 1])),
        r"voxels of 0\.001 x 0\.001 x 0\.001 mm; expected 0\.05 to 20 mm",
    ),
    "singular": (
        lambda p: edited(p, lambda h: (h.set_sform(np.diag([1, 0, 1, 1]), 1), h.set_qform(None, 0))),
        "the affine is singular",
    ),
    "zero spacing": (
        lambda p: edited(p, lambda h: h.__setitem__("pixdim", [1, 0, 2, 3, 1, 1, 1, 1])),
        "the header states voxels of 0 x 2 x 3 mm; get the file again",
    ),
    "other spacing": (
        lambda p: edited(
            p, lambda h: (h.set_qform(None, 0), h.__setitem__("pixdim", [1, 1, 2, 4, 1, 1, 1, 1]))
        ),
        r"the header states voxels of 1 x 2 x 4 mm, its affine 1 x 2 x 3 mm",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_files_are_named_with_the_remedy(fault: str, tmp_path: Path) -> None:
    make, message = BROKEN[fault]
    path = make(tmp_path / "scan.nii.gz")
    with pytest.raises(DatasetError, match=message) as caught:
        read_scan(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("codes", ORIENTATIONS)
@pytest.mark.parametrize("forms", [(1, 1), (0, 2), (1, 0), (1, 4)])
def test_sound_files_keep_values_and_affine(
    codes: str, forms: tuple[int, int], tmp_path: Path
) -> None:
    affine = affine_of(codes, (1, 2, 3), SHAPE, (4, 5, 6), tilt=17)
    scan = read_scan(store(tmp_path / "scan.nii.gz", VALUES, affine, codes=forms))
    np.testing.assert_array_equal(scan.values, VALUES)
    np.testing.assert_allclose(scan.grid.affine, affine, atol=1e-4)
    np.testing.assert_allclose(scan.grid.spacing, (1, 2, 3), rtol=1e-5)


def test_scaling_of_the_header_is_applied_and_a_series_of_one_is_a_volume(tmp_path: Path) -> None:
    image = nib.Nifti1Image((VALUES[..., None] * 1000).astype(np.float32), AFFINE)
    image.set_data_dtype(np.uint8)
    path = tmp_path / "scaled.nii.gz"
    nib.save(image, path)
    scan = read_scan(path)
    assert scan.values.shape == SHAPE
    np.testing.assert_allclose(scan.values, VALUES * 1000, atol=1000 / 255)
    assert read_grid(path).shape == SHAPE


INSIDE = VALUES > 0.5
MASKS: dict[str, tuple[Any, Any, Any, str]] = {  # values, affine, rule, message
    "other size": (INSIDE[:5], AFFINE, "binary", "mask of 5 x 7 x 8 voxels, but scan.nii.gz has 6"),
    "other place": (
        INSIDE, AFFINE + np.outer([0, 0, 1, 0], [0, 0, 0, 3.0]), "binary", "up to 1 voxels beside",
    ),
    "turned": (INSIDE, affine_of("LAS", (1, 2, 3), SHAPE, (4, 5, 6)), "binary", "voxels beside"),
    "empty": (INSIDE * 0, AFFINE, "binary", "the mask is empty or full"),
    "full": (INSIDE * 0 + 1, AFFINE, "labels", "the mask is empty or full"),
    "image": (VALUES, AFFINE, "binary", "expected 0 outside and one value inside"),
    "two values": (INSIDE * (1 + (VALUES > 0.8)), AFFINE, "binary", "one value inside"),
    "smooth": (VALUES * 3, AFFINE, "labels", "expected whole numbers from 0 up"),
    "negative": (INSIDE * -1, AFFINE, "labels", "expected whole numbers from 0 up"),
    "percent": (INSIDE * 100, AFFINE, "probability", r"expected values in \[0, 1\]"),
    "unsure": (VALUES * 0.4, AFFINE, "probability", "the mask is empty"),
}  # fmt: skip


@pytest.mark.parametrize("fault", MASKS)
def test_masks_that_do_not_fit_are_named_with_the_remedy(fault: str, tmp_path: Path) -> None:
    values, affine, rule, message = MASKS[fault]
    grid = read_grid(store(tmp_path / "scan.nii.gz", VALUES, AFFINE))
    path = store(tmp_path / "mask.nii.gz", values, affine)
    with pytest.raises(DatasetError, match=message) as caught:
        read_mask(path, grid, rule)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        (INSIDE * 255, "binary"),
        (INSIDE * (1 + (VALUES > 0.8)), "labels"),
        (np.where(INSIDE, 0.9, 0.2), "probability"),
    ],
)
def test_every_rule_finds_the_inside(values: Any, rule: Any, tmp_path: Path) -> None:
    grid = read_grid(store(tmp_path / "scan.nii.gz", VALUES, AFFINE))
    path = store(tmp_path / "mask.nii.gz", values, AFFINE)
    np.testing.assert_array_equal(read_mask(path, grid, rule), INSIDE)
