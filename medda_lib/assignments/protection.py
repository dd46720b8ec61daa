"""What a host protects from a submission: not looked up but tried, by a worker that attacks."""

from __future__ import annotations

from dataclasses import dataclass

from medda_lib.assignments.attack import attempts
from medda_lib.assignments.limits import Limits
from medda_lib.assignments.sandbox import Sandbox, SandboxError, sandbox


@dataclass(frozen=True)
class Protection:
    """One thing that a submission must not be able to do."""

    what: str
    holds: bool
    lost: str  # what may happen if it does not hold


def protections() -> tuple[Protection, ...]:
    """What a submission is kept from on this host, found by letting one try."""
    with sandbox(Limits(memory_mb=1024), protected=False) as made:
        return tried(made)


def tried(made: Sandbox) -> tuple[Protection, ...]:
    """The same in a sandbox that runs already."""
    able = attempts(made)
    return tuple(Protection(what, not able[key], lost) for key, (what, lost) in _TABLE.items())


def require(made: Sandbox) -> None:
    """Refuse to go on where a protection is missing.

    Raises:
        SandboxError: names what is missing.
    """
    lacking = [p for p in tried(made) if not p.holds]
    if lacking:
        lines = "\n".join(f"  {p.what}: no ({p.lost})" for p in lacking)
        raise SandboxError(
            "this host cannot protect you from the submissions:\n"
            f"{lines}\n"
            "Grade on Linux 5.13 or newer with user namespaces, or in a virtual machine or container"
            " that holds nothing else, where --unprotected (protected=False) accepts the risk. Marks are"
            " computed in another process in any case."
        )


_TABLE = {
    "read": ("files cannot be read", "a submission may read hidden tests and your files"),
    "write": ("files cannot be changed", "a submission may delete or change your files"),
    "connect": ("no network", "a submission may send hidden inputs away"),
    "signal": ("processes cannot be seen or stopped", "a submission may stop or read the grading"),
    "memory": ("memory is limited", "a submission may use all memory"),
    "processes": ("processes are limited", "a submission may start processes without end"),
    "disk": ("files are limited", "a submission may fill the disk"),
}
