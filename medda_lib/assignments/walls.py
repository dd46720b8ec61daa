"""The walls around a submission, built by its own process before it meets the student's code.

On Linux they are namespaces (no other process, no network, a root folder that holds the interpreter, its
packages, the system's libraries and an empty scratch folder in memory), Landlock as a second
wall around files, resource limits, an unprivileged user and no capability. Where a wall cannot be
built, its reason is returned; whoever started the process decides what that means.
"""

from __future__ import annotations

import os
import resource
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from medda_lib.assignments import linux
from medda_lib.assignments.limits import Limits

SCRATCH = Path("/scratch")
NOBODY = 65534
USERS = 2_000_000_000  # users from here on own nothing: each worker started by root is one of them
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")
_DEVICES = tuple(Path("/dev") / name for name in ("null", "zero", "full", "random", "urandom"))
_STAGE = Path("/sys")  # a folder that exists and is not needed: the new root is made there
_TEMPORARY = "tmp"

Owner = tuple[int, int]


def readable() -> list[Path]:
    """What a submission may read: the interpreter, its packages, the system's libraries."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    packages = {p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")}
    packages |= {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
    named = {Path(p) for p in (*_SYSTEM, *_SETTINGS, *prefixes, *packages)}
    found = {path for path in named if path.exists()}
    return sorted(path for path in found if not found & set(path.parents))


def separate() -> list[str]:
    """New namespaces for the children of this process; reasons why not."""
    user, group = os.geteuid(), os.getegid()
    try:
        if user == 0:
            linux.unshare(linux.NEWPID)
            return []
        linux.unshare(linux.NEWUSER | linux.NEWPID)
        own = Path("/proc/self")
        (own / "setgroups").write_text("deny")
        (own / "uid_map").write_text(f"{user} {user} 1")
        (own / "gid_map").write_text(f"{group} {group} 1")
    except OSError as error:
        return [f"namespaces: {error}"]
    return []


def owner(number: int) -> Owner:
    """The user and group that a worker becomes: for root a user of its own, else the caller.

    Args:
        number: of the worker, below 100 million; the kernel counts processes by user.
    """
    if os.geteuid() != 0:
        return os.getuid(), os.getgid()
    for name in ("uid_map", "gid_map"):  # in a container root may not become just anybody
        spans = [line.split() for line in Path("/proc/self", name).read_text().splitlines()]
        if not any(int(s) <= USERS + number < int(s) + int(n) for s, _, n in spans):
            return NOBODY, NOBODY
    return USERS + number, USERS + number


def build(limits: Limits, scratch: Path, user: Owner) -> list[str]:
    """Put the walls around this process; what could not be built, with the reason.

    Args:
        limits: what the submission may use.
        scratch: an empty folder, used only where a file system in memory cannot be made.
        user: whom the process becomes.
    """
    root = os.geteuid() == 0
    packages = readable()  # while this process may still look into every folder
    missing = []

    def attempt(name: str, step: Callable[[], None]) -> bool:
        try:
            step()
        except OSError as error:
            missing.append(f"{name}: {error}")
            return False
        return True

    attempt("network", lambda: linux.unshare(linux.NEWNET | linux.NEWIPC | linux.NEWUTS))
    inside = attempt("root folder", lambda: _new_root(limits, user))
    where = SCRATCH if inside else scratch
    if not inside and root:
        os.chown(where, *user)
    os.chdir(where)
    os.environ.update(HOME=str(where), TMPDIR=str(where), MPLCONFIGDIR=str(where))
    _resources(limits)
    if root:
        os.setgroups([])
        os.setresgid(*[user[1]] * 3)
        os.setresuid(*[user[0]] * 3)
    if sys.platform == "linux":
        attempt("capabilities", linux.drop_capabilities)
        attempt("privileges", linux.no_new_privileges)
        attempt("parent", linux.die_with_parent)
    if linux.landlock_version():
        below = [Path("/")] if inside else packages
        attempt("landlock", lambda: linux.landlock(below, [*_DEVICES, where]))
    elif not inside:
        missing.append("landlock: not in this kernel")
    return missing


def _new_root(limits: Limits, user: Owner) -> None:
    """A root folder of our own, read-only but for the scratch folder, which lives in memory."""
    linux.unshare(linux.NEWNS)
    linux.make_private()
    linux.mount("none", _STAGE, "tmpfs", options="size=4m,mode=755")
    for path in readable():
        if path.is_symlink():
            _staged(path).symlink_to(path.readlink())
        else:
            _show(path)
    linux.freeze_below(_STAGE)
    linux.thaw(_STAGE)  # the stage itself takes more folders
    for path in _DEVICES:
        _show(path)
    _staged(SCRATCH).mkdir()
    temporary = _STAGE / _TEMPORARY
    if not temporary.exists():  # it does where the environment itself lies in /tmp
        temporary.symlink_to(SCRATCH)
    options = f"size={limits.scratch_mb}m,nr_inodes=4096,mode=700,uid={user[0]},gid={user[1]}"
    linux.mount("none", _staged(SCRATCH), "tmpfs", linux.NOSUID | linux.NODEV, options)
    linux.pivot(_STAGE)
    linux.freeze(Path("/"))


def _staged(path: Path) -> Path:
    """Where a path of the new root is while it is put together; makes the folder above."""
    staged = _STAGE / path.relative_to("/")
    staged.parent.mkdir(parents=True, exist_ok=True)
    return staged


def _show(path: Path) -> None:
    """The same path in the new root."""
    target = _staged(path)
    if path.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    linux.bind(path.resolve(), target)


def _resources(limits: Limits) -> None:
    """Limits of the kernel on each process."""
    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": int(limits.submission_seconds) + 1,
        "RLIMIT_DATA": limits.memory_mb << 20,
        "RLIMIT_FSIZE": limits.file_mb << 20,
        "RLIMIT_NOFILE": 256,
    }
    if linux.version() >= (5, 14):  # before, it counts all processes of the user
        wanted["RLIMIT_NPROC"] = limits.processes
    for name, value in wanted.items():
        if hasattr(resource, name):
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (most, most))
