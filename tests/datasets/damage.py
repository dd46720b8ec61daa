"""Ways in which a scan's files are damaged. Each returns the file that a report should name."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medda_lib.datasets import nifti
from tests.datasets.scans import Folder, store


def remove_mask(folder: Folder) -> Path:
    folder.mask.unlink()
    return folder.image


def remove_image(folder: Folder) -> Path:
    folder.image.unlink()
    return folder.mask


def truncate(folder: Folder) -> Path:
    data = folder.image.read_bytes()
    folder.image.write_bytes(data[: len(data) // 2])
    return folder.image


def empty_mask(folder: Folder) -> Path:
    grid = nifti.read_grid(folder.mask)
    return store(folder.mask, np.zeros(grid.shape), grid.affine)


def shift_mask(folder: Folder) -> Path:
    scan = nifti.read_scan(folder.mask)
    affine = scan.grid.affine.copy()
    affine[:3, 3] += 30
    return store(folder.mask, scan.values.copy(), affine)  # a copy: values may be the file itself


def image_as_mask(folder: Folder) -> Path:
    scan = nifti.read_scan(folder.image)
    return store(folder.mask, scan.values + 0.25, scan.grid.affine)


def break_value(folder: Folder) -> Path:
    scan = nifti.read_scan(folder.image)
    scan.values[3, 3, 3] = np.nan
    return store(folder.image, scan.values, scan.grid.affine)
