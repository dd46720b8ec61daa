"""A stream: data that arrive in stages, each gone when the next one comes.

The continual setting is a matter of time as much as of roles. A `StreamTask` holds all stages, but a
method gets a `StreamView`, whose `stream()` can be walked once, forwards. Each `Stage` opens its scans
only while it is the present one; when the next stage is asked for, the scans must be gone, and a method
that still holds them gets a `LeakError`. What a method learned is its business (weights, statistics, a
copy of its old self); scans are not. There is no buffer for rehearsal: a method that needs one would
need a setting of its own that hands it out.

Nobody tells a method which distribution a stage comes from (`Stage.task_label` always raises), nor
whether it differs from the last one. Baselines that were published for known task boundaries name the
setting `TOLD_BOUNDARIES`, and only then `Stage.boundary` answers. `ALL_AT_ONCE` is the upper bound.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from medda_lib.studies.setting import ALL_AT_ONCE, TOLD_BOUNDARIES, LeakError, Role, Setting
from medda_lib.studies.task import BareImages, Pool, Slot, Task, View

__all__ = ["ALL_AT_ONCE", "TOLD_BOUNDARIES", "Stage", "Stream", "StreamTask", "StreamView"]


class Stage:
    """One stage of a stream, open while it is the present one. `number` counts arrivals from 1."""

    def __init__(self, number: int, pool: Pool, boundary: bool, setting: Setting) -> None:
        self.number = number
        self._pool: Pool | None = _copied(pool)
        self._boundary = boundary
        self._setting = setting

    @property
    def pool(self) -> Pool:
        """The scans of this stage, whole, with masks and without names; LeakError when it is over.

        Use it inside a function that ends with the stage: scans that are still held when the next
        stage is asked for are a leak.
        """
        if self._pool is None:
            raise LeakError(f"stage {self.number} is over; its scans cannot be seen again")
        return self._pool

    @property
    def boundary(self) -> bool:
        """Whether the distribution changed with this stage; LeakError unless the setting tells."""
        if self._setting is not TOLD_BOUNDARIES:
            raise LeakError(
                f"{self._setting.name}: nobody announces a change of the data; a method that needs "
                "to be told must name the setting TOLD_BOUNDARIES"
            )
        return self._boundary

    @property
    def task_label(self) -> int:
        """Always raises `LeakError`: which distribution the scans come from is never told."""
        raise LeakError(f"{self._setting.name}: no task label exists, in training or in testing")

    def close(self) -> None:
        """End the stage. Raises LeakError when its scans are still held somewhere."""
        if self._pool is None:
            return
        held = [StorageWeakRef(tensor.untyped_storage()) for tensor in _tensors(self._pool)]
        self._pool = None
        if not _gone(held):
            gc.collect()  # what is held by a cycle alone is held by nobody
        if not _gone(held):
            raise LeakError(
                f"stage {self.number} is over, but its scans or parts of them are still held; let "
                "`stage.pool` be used in a function that returns before the next stage begins"
            )


class Stream:
    """The stages in their order, once. A second walk raises `LeakError`."""

    def __init__(
        self, pools: tuple[Pool, ...], boundaries: tuple[bool, ...], setting: Setting
    ) -> None:
        self._pools, self._boundaries, self._setting = pools, boundaries, setting
        self._begun = False

    def __len__(self) -> int:
        return len(self._pools)

    def __iter__(self) -> Iterator[Stage]:
        if self._begun:
            raise LeakError("the stream has been walked; earlier stages do not come again")
        self._begun = True
        return self._walk()

    def _walk(self) -> Iterator[Stage]:
        for number, pool in enumerate(self._pools, start=1):
            stage = Stage(number, pool, self._boundaries[number - 1], self._setting)
            yield stage
            stage.close()


@dataclass(frozen=True)
class StreamView(View):
    """What a continual setting shows: a stream and nothing else."""

    boundaries: tuple[bool, ...] = ()
    _walks: list[Stream] = field(default_factory=list, repr=False)

    def stream(self) -> Stream:
        """The stream; there is one per view, so asking twice does not start it again."""
        if not self._walks:
            pools = tuple(pool for slot, pool in self._truth.items() if slot.role is Role.STAGE)
            self._walks.append(Stream(pools, self.boundaries, self.setting))
        return self._walks[0]

    def labelled(self, role: Role, problem: str, domain: str | None = None) -> Pool:
        """As in any view, but stages are met through `stream()` only."""
        if role is Role.STAGE:
            raise LeakError(f"{self.setting.name}: stages come one at a time; use stream()")
        return super().labelled(role, problem, domain)

    def unlabelled(self, role: Role, problem: str, domain: str | None = None) -> BareImages:
        """As in any view, but stages are met through `stream()` only."""
        if role is Role.STAGE:
            raise LeakError(f"{self.setting.name}: stages come one at a time; use stream()")
        return super().unlabelled(role, problem, domain)


@dataclass(frozen=True)
class StreamTask(Task):
    """A task whose `STAGE` pools, in their order, are a stream.

    boundaries: for each stage, whether the distribution is another than in the stage before.
    """

    boundaries: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.boundaries) != len(self.stages):
            raise ValueError(
                f"{self.name}: boundaries has {len(self.boundaries)} entries for "
                f"{len(self.stages)} stages"
            )
        self._refuse_patients_of_other_stages()

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages' names, in order."""
        return tuple(slot.domain for slot in self.pools if slot.role is Role.STAGE)

    def view(self, setting: Setting) -> View:
        """A stream for the continual settings, an ordinary view for all others."""
        seen = super().view(setting)
        if Role.STAGE not in setting.truth or setting is ALL_AT_ONCE:
            return seen
        return StreamView(setting, seen._truth, seen._bare, self.boundaries)  # noqa: SLF001 - its own

    def _refuse_patients_of_other_stages(self) -> None:
        """Nobody may be learned from in one stage and tested on, or learned from again, in another."""
        owner: dict[str, Slot] = {}
        for slot, pool in self.pools.items():
            for patient in dict.fromkeys(pool.patients):
                first = owner.setdefault(patient, slot)
                if first != slot:
                    raise LeakError(
                        f"{self.name}: patient {patient!r} is in {first.role.value!r} of "
                        f"{first.domain!r} and in {slot.role.value!r} of {slot.domain!r}"
                    )


def _copied(pool: Pool) -> Pool:
    """The scans in memory of their own, named by number."""
    numbers = {name: f"scan {i}" for i, name in enumerate(dict.fromkeys(pool.patients))}
    return replace(
        pool,
        images=pool.images.clone(),
        patients=tuple(numbers[name] for name in pool.patients),
        labels=None if pool.labels is None else pool.labels.clone(),
        masks=None if pool.masks is None else pool.masks.clone(),
    )


def _gone(references: list[StorageWeakRef]) -> bool:
    """Whether the memory behind all references has been freed."""
    return all(reference.expired() for reference in references)


def _tensors(pool: Pool) -> tuple[Tensor, ...]:
    """The tensors of a pool."""
    every = (pool.images, pool.labels, pool.masks)
    return tuple(tensor for tensor in every if tensor is not None)
