"""Reading NIfTI files and refusing those whose place in the world cannot be trusted.

A NIfTI file holds an array and an affine: the map from array indices to millimetres in the patient, x
to the right, y to the front, z to the top. Everything that follows (orientation, spacing, putting a
mask on its image) rests on that affine, and a wrong one fails silently: a brain upside down is still a
fine array. So each way in which headers go wrong is an error here that names the file and the remedy.
A file holds the bytes that its header announces (fewer: refused before anything is allocated; more: a
warning) of real numbers (not colours, not complex ones). A label map holds the labels that its set
declares, so that an ignore value or another structure never joins the organ. The array stays as it is
stored; `resampling` brings it to a grid. nibabel does the decoding.
"""

from __future__ import annotations

import errno
import gzip
import math
import os
import struct
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from medda_lib.datasets.card import DatasetError
from medda_lib.datasets.folder import unreadable

Affine = NDArray[np.float64]
MaskRule = Literal["binary", "labels", "probability"]

SPACINGS = (0.05, 20.0)  # mm; outside of these a header is in metres or micrometres, or empty
SHEAR = 0.01  # cosine between two axes that should be perpendicular
DRIFT = 0.5  # voxels by which the two affines of a header may differ somewhere in the volume
OFFSET = 0.1  # voxels by which a mask may lie beside its image


@dataclass(frozen=True)
class Grid:
    """Where a file's voxels are: shape (a, b, c) as stored; affine (4, 4), index -> mm (x, y, z)."""

    path: Path
    shape: tuple[int, int, int]
    affine: Affine

    @property
    def spacing(self) -> NDArray[np.float64]:
        """(3,) mm between voxels along the stored axes."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def corners(self) -> NDArray[np.float64]:
        """(4, 8): the centres of the eight corner voxels, as homogeneous indices."""
        ends = np.array([(0, n - 1) for n in self.shape])
        index = np.stack(np.meshgrid(*ends, indexing="ij")).reshape(3, -1)
        return np.vstack([index, np.ones(8)])


@dataclass(frozen=True)
class Scan:
    """A grid and its values, (a, b, c) float32 as stored, header scaling applied; what is suspicious."""

    grid: Grid
    values: NDArray[np.float32]
    warnings: tuple[str, ...] = ()


def read_grid(path: Path) -> Grid:
    """The grid from the header alone. Raises DatasetError when it cannot be trusted.

    Refused: no NIfTI file, a shape that is not three-dimensional, neither qform nor sform, the two in
    contradiction, spacings of zero, beyond 0.05 to 20 mm or other than the affine's, sheared axes.
    """
    with opened(path) as image:
        return grid_of(path, image)


def read_scan(path: Path) -> Scan:
    """Grid and values. Raises DatasetError as `read_grid` does, and for broken values.

    Refused besides: truncated or damaged files, values that are not finite, one value throughout.
    """
    with opened(path) as image:
        grid = grid_of(path, image)
        warnings = verify(path, image)
        values = np.asarray(image.get_fdata(dtype=np.float32, caching="unchanged"))
    values = values.reshape(grid.shape)
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise DatasetError(
            f"{path}: {bad:,} values are not finite (NaN or infinite); get the file again, or set "
            "them to 0 if they mark the background"
        )
    if values.min() == values.max():
        raise DatasetError(f"{path}: every voxel is {values.min():g}; get the file again")
    return Scan(grid, values, warnings)


def read_mask(
    path: Path, image: Grid, rule: MaskRule = "binary", known: Collection[int] = ()
) -> NDArray[np.bool_]:
    """The mask that belongs to an image, (a, b, c) bool as stored.

    rule: what counts as inside. "binary": the one value other than 0; "labels": any region id, whole
    numbers above 0; "probability": more than 0.5 of values in [0, 1]. known: the ids that the set
    declares, () for any.
    Raises DatasetError as `read_scan` does, when the mask is on another grid than the image, holds
    values that the rule does not know, or marks nothing or everything.
    """
    same_grid(read_grid(path), image)
    try:
        values = read_scan(path).values
    except DatasetError as error:
        if "every voxel is" in str(error):
            raise DatasetError(f"{path}: the mask is empty or full; get the file again") from error
        raise
    _known(path, values, rule)
    _declared(path, values, known)
    inside = values > (0.5 if rule == "probability" else 0)
    if not inside.any():
        raise DatasetError(f"{path}: the mask is empty; get the file again")
    return np.asarray(inside)


def same_grid(mask: Grid, image: Grid) -> None:
    """Raise DatasetError unless the voxels of a mask lie on those of its image."""
    if mask.shape != image.shape:
        raise DatasetError(
            f"{mask.path}: mask of {_size(mask)} voxels, but {image.path.name} has {_size(image)}; "
            "get both files again, or resample the mask to the image's grid"
        )
    step = np.linalg.solve(image.affine, mask.affine) @ mask.corners() - mask.corners()
    if (off := float(np.abs(step).max())) > OFFSET:
        raise DatasetError(
            f"{mask.path}: the mask's affine puts it up to {off:.3g} voxels beside "
            f"{image.path.name}; get both files again, or copy the image's header if the arrays match"
        )


@contextmanager
def opened(path: Path) -> Iterator[nib.Nifti1Image]:
    """An opened image; everything that nibabel may raise inside becomes a DatasetError."""
    try:
        image = nib.load(path)
        if not isinstance(image, nib.Nifti1Image):
            raise DatasetError(f"{path}: a {type(image).__name__}, no NIfTI file; convert it")
        yield image
    except DatasetError:
        raise
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: the file is missing; extract the data set again") from error
    except ImageFileError as error:
        if not os.access(path, os.R_OK):
            raise unreadable(path, PermissionError(errno.EACCES, "Permission denied")) from error
        raise DatasetError(f"{path}: no NIfTI file ({error}); get it again") from error
    except HeaderDataError as error:
        raise DatasetError(f"{path}: broken NIfTI header ({error}); get it again") from error
    except (PermissionError, IsADirectoryError) as error:
        raise unreadable(path, error) from error
    # A cut gzip stream raises EOFError, a damaged one OSError or zlib.error, a cut .nii ValueError, an
    # absurd header nearly anything.
    except (
        ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RuntimeError,
        TypeError, ValueError, struct.error, zlib.error,
    ) as error:  # fmt: skip
        raise DatasetError(
            f"{path}: cannot be decoded ({error}); it is truncated or damaged: get it again"
        ) from error


def grid_of(path: Path, image: nib.Nifti1Image) -> Grid:
    """The grid of an opened image, as `read_grid` gives it."""
    if image.get_data_dtype().kind not in "iuf":
        raise DatasetError(
            f"{path}: values of type {image.get_data_dtype()} (colours or complex numbers); expected "
            "one real number per voxel: convert the original again"
        )
    shape = tuple(int(n) for n in image.shape)
    if len(shape) == 4 and shape[3] == 1:  # one volume in a series of one
        shape = shape[:3]
    if len(shape) != 3 or min(shape) < 2:
        raise DatasetError(
            f"{path}: shape {' x '.join(map(str, shape))}; expected one three-dimensional volume: "
            "split a series into its volumes and keep the one that belongs here"
        )
    stated = _stated_spacing(path, image)
    affine = _affine(path, image.header, shape)
    grid = Grid(path, (shape[0], shape[1], shape[2]), affine)
    _refuse_shear(grid)
    _refuse_spacing(grid, stated)
    return grid


def verify(path: Path, image: nib.Nifti1Image) -> tuple[str, ...]:
    """Compare the bytes of an opened file with what its header announces; warnings, or DatasetError.

    A gzip stream is read to its end, where its checksum is; nibabel stops at the last voxel.
    """
    proxy: Any = image.dataobj
    announced = int(proxy.offset) + math.prod(proxy.shape) * int(image.get_data_dtype().itemsize)
    found = _bytes(path)
    if found < announced:
        raise DatasetError(
            f"{path}: {found:,} bytes, but the header announces {announced:,} ({proxy.shape} voxels "
            f"from byte {proxy.offset}); it is truncated or damaged: get it again"
        )
    if found > announced:
        return (
            f"{path}: {found - announced:,} bytes more than the header announces; is it its own?",
        )
    return ()


def _bytes(path: Path) -> int:
    """The number of bytes of a file, of a gzip stream when unpacked."""
    if path.suffix.lower() != ".gz":
        return path.stat().st_size
    with gzip.open(path) as stream:
        return sum(len(part) for part in iter(lambda: stream.read(1 << 20), b""))


def _stated_spacing(path: Path, image: nib.Nifti1Image) -> NDArray[np.float64]:
    """(3,) mm as the file states them; nibabel's own header has zeros replaced by ones."""
    with nib.openers.ImageOpener(str(path)) as stream:
        header: Any = image.header_class.from_fileobj(stream, check=False)
    if np.isinf(header["scl_slope"]):
        raise DatasetError(f"{path}: the header scales values by infinity; get the file again")
    stated = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    if not np.all(np.isfinite(stated) & (stated > 0)):
        raise DatasetError(
            f"{path}: the header states voxels of {' x '.join(f'{s:g}' for s in stated)} mm; get the "
            "file again, or write the true spacing into pixdim"
        )
    return stated


def _affine(path: Path, header: Any, shape: tuple[int, ...]) -> Affine:
    """The sform where there is one, else the qform; they must not contradict each other."""
    qform, sform = header.get_qform(coded=True)[0], header.get_sform(coded=True)[0]
    if sform is None and qform is None:
        raise DatasetError(
            f"{path}: neither qform nor sform is set, so left and right are unknown; convert the "
            "original DICOM files again, or set the affine if you know it"
        )
    affine = np.asarray(qform if sform is None else sform, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise DatasetError(f"{path}: the affine is singular or not finite; get the file again")
    if qform is not None and sform is not None:
        corners = Grid(path, (shape[0], shape[1], shape[2]), affine).corners()
        drift = np.abs(np.linalg.solve(affine, qform @ corners) - corners).max()
        if drift > DRIFT:
            raise DatasetError(
                f"{path}: qform and sform contradict each other by up to {drift:.3g} voxels; find "
                "out which one is right and set the other one's code to 0"
            )
    return affine


def _refuse_spacing(grid: Grid, stated: NDArray[np.float64]) -> None:
    low, high = SPACINGS
    found = " x ".join(f"{s:g}" for s in grid.spacing)
    if not np.all((grid.spacing >= low) & (grid.spacing <= high)):
        raise DatasetError(
            f"{grid.path}: voxels of {found} mm; expected {low:g} to {high:g} mm: the header is empty "
            "or in another unit, get the file again"
        )
    if not np.allclose(stated, grid.spacing, rtol=0.01):
        raise DatasetError(
            f"{grid.path}: the header states voxels of {' x '.join(f'{s:g}' for s in stated)} mm, its "
            f"affine {found} mm; get the file again, or correct pixdim"
        )


def _refuse_shear(grid: Grid) -> None:
    axes = grid.affine[:3, :3] / grid.spacing
    cosine = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if cosine > SHEAR:
        raise DatasetError(
            f"{grid.path}: the affine is sheared (axes {90 - np.degrees(np.arcsin(cosine)):.1f} "
            "degrees apart instead of 90); resample the file to perpendicular axes first"
        )


def _known(path: Path, values: NDArray[np.float32], rule: MaskRule) -> None:
    """Raise DatasetError for values that the rule does not know."""
    if rule == "probability":
        fits, expected = bool(values.min() >= 0 and values.max() <= 1), "values in [0, 1]"
    elif rule == "labels":
        fits = bool(values.min() >= 0 and np.array_equal(values, np.round(values)))
        expected = "whole numbers from 0 up"
    else:
        low, high = values.min(), values.max()
        fits = bool(low == 0 and np.all((values == low) | (values == high)))
        expected = "0 outside and one value inside"
    if not fits:
        raise DatasetError(
            f"{path}: mask values from {values.min():g} to {values.max():g}, expected {expected}; "
            "this may be an image instead of a mask, or a mask resampled smoothly: get it again"
        )


def _declared(path: Path, values: NDArray[np.float32], known: Collection[int]) -> None:
    """Raise DatasetError for labels that the set does not declare."""
    found = {int(values.max())}
    if known and found <= set(
        known
    ):  # whole numbers from 0 up: counting them is faster than sorting
        found |= set(np.flatnonzero(np.bincount(values.ravel("K").astype(np.int32))).tolist())
    if known and (other := sorted(found - set(known))):
        ignored = "; 255 may mark what is to be ignored" if 255 in other else ""
        raise DatasetError(
            f"{path}: label {', '.join(map(str, other[:5]))}, but the set declares "
            f"{min(known)} to {max(known)}{ignored}: set it to 0, or get the file again"
        )


def _size(grid: Grid) -> str:
    return " x ".join(map(str, grid.shape))
