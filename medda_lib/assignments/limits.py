"""What a submission may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Time for parts and the whole of a submission; memory, processes and files of its sandbox."""

    cell_seconds: float = 60.0  # each cell of the submission, and the checks of each exercise
    submission_seconds: float = 600.0  # wall time for all of it
    memory_mb: int = 2048  # of each process, and of all together
    processes: int = 32  # threads count, too
    scratch_mb: int = 256  # files, all together
    file_mb: int = 64  # one file

    def __post_init__(self) -> None:
        """Refuse limits that nothing can run in.

        Raises:
            ValueError: a limit is not positive, or the memory is too little for torch.
        """
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"limits: {name} must be positive, not {value}")
        if self.memory_mb < 512:
            raise ValueError(f"limits: memory_mb = {self.memory_mb}; torch needs 512 to start")
