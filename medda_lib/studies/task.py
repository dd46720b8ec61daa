"""A task is the data of one experiment, by role.

A `Pool` is a set of images of one domain with the truth that exists for one problem (class labels or
masks); of a volumetric modality it holds whole scans, slice by slice. A `Task` files pools under
slots (role, problem, domain) and checks at the boundary what would quietly spoil every number later:
shapes, types, value ranges, and patients who sit in the training and in the test data. A method never
gets the task, only the `View` that its setting allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from medda_lib.studies.setting import LeakError, Role, Setting

PROBLEMS = CLASSIFICATION, SEGMENTATION = "classification", "segmentation"


class Slot(NamedTuple):
    """Where a pool is filed."""

    role: Role
    problem: str
    domain: str


Spacing = tuple[float, float, float]


@dataclass(frozen=True)
class Pool:
    """Images (n, c, h, w) float32 in [0, 1], labels (n,) int64, masks (n, 1, h, w) bool.

    With `spacing` (slice, row, column; mm) the images are the slices of whole scans: those of a scan
    follow each other in order, `patients` names the scan of each slice, and all scans have the same
    number of slices, `depth`. native: the largest side (mm) of the voxels that scans were acquired with;
    0 where that is their spacing.

    `pixel` (n, 2) float64: height and width of single images' pixels in mm; NaN where nobody knows. None
    leaves distances in pixels.
    """

    images: Tensor
    patients: tuple[str, ...]
    labels: Tensor | None = None
    masks: Tensor | None = None
    spacing: Spacing | None = None
    native: float = 0.0
    pixel: Tensor | None = None

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.dtype != torch.float32 or self.images.ndim != 4:
            raise ValueError(f"images: expected float32 (n, c, h, w), got {_shape(self.images)}")
        if n and not (self.images.min() >= 0 and self.images.max() <= 1):
            raise ValueError("images: values must lie in [0, 1]; scale them where they are loaded")
        if len(self.patients) != n:
            raise ValueError(f"patients: {len(self.patients)} names for {n} images")
        if self.labels is not None and (self.labels.dtype, self.labels.shape) != (
            torch.int64,
            (n,),
        ):
            raise ValueError(f"labels: expected int64 ({n},), got {_shape(self.labels)}")
        wanted = (n, 1, *self.images.shape[2:])
        if self.masks is not None and (self.masks.dtype, self.masks.shape) != (torch.bool, wanted):
            raise ValueError(f"masks: expected bool {wanted}, got {_shape(self.masks)}")
        if self.spacing is not None:
            _check_scans(self.patients, self.spacing)
        if self.pixel is not None:
            _check_pixels(self.pixel, n)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def scans(self) -> tuple[str, ...]:
        """The scans of a pool with spacing, in order."""
        return tuple(dict.fromkeys(self.patients))

    @property
    def depth(self) -> int:
        """Slices of a scan; 1 for a pool without spacing."""
        return 1 if self.spacing is None else len(self) // len(self.scans)

    def take_scans(self, chosen: Sequence[int]) -> Pool:
        """The sub-pool of the scans with these numbers."""
        slices = [s * self.depth + k for s in chosen for k in range(self.depth)]
        return replace(self.take(torch.tensor(slices)), spacing=self.spacing, native=self.native)

    def take(self, indices: Tensor) -> Pool:
        """The sub-pool at `indices` (k,) int64: single images, no longer whole scans."""
        return Pool(
            self.images[indices],
            tuple(self.patients[i] for i in indices.tolist()),
            None if self.labels is None else self.labels[indices],
            None if self.masks is None else self.masks[indices],
            pixel=None if self.pixel is None else self.pixel[indices],
        )

    def need_labels(self) -> Tensor:
        """The class labels, or an error that says they are missing."""
        if self.labels is None:
            raise ValueError(
                "this pool has no class labels; use a pool of the classification problem"
            )
        return self.labels

    def need_masks(self) -> Tensor:
        """The masks, or an error that says they are missing."""
        if self.masks is None:
            raise ValueError("this pool has no masks; use a pool of the segmentation problem")
        return self.masks


@dataclass(frozen=True)
class BareImages:
    """Images of a role whose truth is not to be seen; asking for the truth raises `LeakError`."""

    images: Tensor
    role: Role
    spacing: Spacing | None = None
    depth: int = 1

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labels(self) -> Tensor:
        """Always raises `LeakError`."""
        raise LeakError(f"labels of the role {self.role.value!r} are not visible in this setting")

    @property
    def masks(self) -> Tensor:
        """Always raises `LeakError`."""
        raise LeakError(f"masks of the role {self.role.value!r} are not visible in this setting")


@dataclass(frozen=True)
class View:
    """What one setting shows of a task. It holds nothing else, so there is nothing to leak."""

    setting: Setting
    _truth: Mapping[Slot, Pool] = field(repr=False)
    _bare: Mapping[Slot, BareImages] = field(repr=False)

    def domains(self, role: Role, problem: str) -> tuple[str, ...]:
        """Domains for which the view holds this role and problem, in the task's order."""
        slots = (*self._truth, *self._bare)
        return tuple(s.domain for s in slots if (s.role, s.problem) == (role, problem))

    def labelled(self, role: Role, problem: str, domain: str | None = None) -> Pool:
        """Images with their truth. `domain` may be left out where there is one only."""
        if role not in self.setting.truth:
            raise LeakError(f"{self.setting.name}: the truth of {role.value!r} is not visible")
        return self._truth[self._slot(role, problem, domain)]

    def unlabelled(self, role: Role, problem: str, domain: str | None = None) -> BareImages:
        """Images without their truth."""
        if role not in self.setting.images:
            raise LeakError(f"{self.setting.name}: images of {role.value!r} are not visible")
        return self._bare[self._slot(role, problem, domain)]

    def _slot(self, role: Role, problem: str, domain: str | None) -> Slot:
        domains = self.domains(role, problem)
        if not domains:
            raise KeyError(f"the task has no pool for {role.value!r}, {problem!r}")
        if domain is None and len(domains) > 1:
            raise KeyError(f"{role.value!r}, {problem!r} exists for {domains}: name the domain")
        return Slot(role, problem, domain if domain is not None else domains[0])


@dataclass(frozen=True)
class Task:
    """Pools by slot. Patients may not sit both in training or validation and in the test data."""

    name: str
    pools: Mapping[Slot, Pool]

    def __post_init__(self) -> None:
        for slot in self.pools:
            if slot.problem not in PROBLEMS:
                raise ValueError(f"{self.name}: unknown problem {slot.problem!r}, use {PROBLEMS}")
        self._refuse_shared_patients()

    def _refuse_shared_patients(self) -> None:
        """Compare within a domain: equal names in two domains are two people."""
        for domain in {slot.domain for slot in self.pools}:
            owner: dict[str, str] = {}
            for slot, pool in self.pools.items():
                if slot.domain != domain:
                    continue
                part = _part(slot.role)
                for patient in set(pool.patients):
                    if owner.setdefault(patient, part) != part:
                        raise LeakError(
                            f"{self.name}: patient {patient!r} of {domain!r} is in {part} and in "
                            f"{owner[patient]}; split by patient"
                        )

    def view(self, setting: Setting) -> View:
        """What `setting` shows: pools with truth, bare images, and nothing else."""
        truth = {s: p for s, p in self.pools.items() if s.role in setting.truth}
        bare = {
            s: BareImages(p.images, s.role, p.spacing, p.depth)
            for s, p in self.pools.items()
            if s.role in setting.images
        }
        return View(setting, truth, bare)

    def tests(self) -> Mapping[Slot, Pool]:
        """The test pools: for the evaluator alone (a test holds that methods never import this)."""
        return {s: p for s, p in self.pools.items() if s.role is Role.TEST}


class TaskSpec(Protocol):
    """A frozen dataclass that can rebuild its task in any process: what a run's key hashes."""

    @property
    def name(self) -> str:
        """Short name for tables and messages."""
        ...

    def build(self, seed: int) -> Task:
        """The task of one repetition; equal seeds give equal tasks, bit for bit."""
        ...

    def evaluations(self) -> Mapping[Slot, str]:
        """Which evaluation ("in-domain", "cross-domain" ...) each test slot belongs to."""
        ...


def _part(role: Role) -> str:
    if role is Role.TEST:
        return "test"
    return "validation" if role in (Role.VALIDATION_SOURCE, Role.VALIDATION_TARGET) else "training"


def _check_scans(patients: tuple[str, ...], spacing: Spacing) -> None:
    """Refuse scans in pieces or of different lengths, and a spacing that is none."""
    if not all(0 < s < float("inf") for s in spacing):
        raise ValueError(f"spacing: need three positive numbers (mm), got {spacing}")
    lengths = [(name, len(list(slices))) for name, slices in groupby(patients)]
    names = [name for name, _ in lengths]
    if not names:
        raise ValueError("spacing: a pool with spacing needs at least one scan")
    if len(set(names)) != len(names):
        raise ValueError("patients: the slices of a scan must follow each other")
    if len({n for _, n in lengths}) != 1:
        raise ValueError(f"patients: scans differ in their number of slices: {dict(lengths)}")


def _check_pixels(pixel: Tensor, n: int) -> None:
    """Refuse sizes that are none, and sizes that are known of some images only."""
    if (pixel.dtype, pixel.shape) != (torch.float64, (n, 2)):
        raise ValueError(f"pixel: expected float64 ({n}, 2), got {_shape(pixel)}")
    if not bool(pixel.isnan().all() | (pixel.isfinite() & (pixel > 0)).all()):
        raise ValueError(
            "pixel: need positive numbers (mm), or NaN throughout where it is not known"
        )


def volumes(slices: Tensor, depth: int) -> Tensor:
    """(scans * depth, 1, h, w) as (scans, depth, h, w)."""
    return slices.view(-1, depth, *slices.shape[-2:])


def _shape(x: Tensor) -> str:
    return f"{x.dtype} {tuple(x.shape)}"
