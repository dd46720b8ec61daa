"""The walls around a submission, built by its own process before it meets the student's code.

On Linux they are namespaces (no other process, no network, a root folder that holds the interpreter, its
packages, the system's libraries and an empty scratch folder in memory), Landlock as a second
wall around files, resource limits, an unprivileged user and no capability. Where a wall cannot be
built, its reason is returned; whoever started the process decides what that means.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import sysconfig
from collections.abc import Callable

from medda_lib.assignments import linux
from medda_lib.assignments.limits import Limits

SCRATCH = "/scratch"
NOBODY = 65534
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_STAGE = "/sys"  # any folder that exists and is not needed: the new root is put together there


def readable() -> list[str]:
    """What a submission may read: the interpreter, its packages, the system's libraries."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    packages = {p for p in sys.path if os.path.basename(p) in ("site-packages", "dist-packages")}
    packages |= {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
    found = {p for p in (*_SYSTEM, *_SETTINGS, *prefixes, *packages) if os.path.exists(p)}
    return sorted(
        p for p in found if not any(p != q and p.startswith(q.rstrip("/") + "/") for q in found)
    )


def separate() -> list[str]:
    """New namespaces for the children of this process; reasons why not."""
    user, group = os.geteuid(), os.getegid()
    try:
        if user == 0:
            linux.unshare(linux.NEWPID)
            return []
        linux.unshare(linux.NEWUSER | linux.NEWPID)
        _put("/proc/self/setgroups", "deny")
        _put("/proc/self/uid_map", f"{user} {user} 1")
        _put("/proc/self/gid_map", f"{group} {group} 1")
    except OSError as error:
        return [f"namespaces: {error}"]
    return []


def build(limits: Limits, scratch: str) -> list[str]:
    """Put the walls around this process; what could not be built, with the reason.

    Args:
        limits: what the submission may use.
        scratch: an empty folder, used only where a file system in memory cannot be made.
    """
    root = os.geteuid() == 0
    owner = (NOBODY, NOBODY) if root else (os.getuid(), os.getgid())
    missing = []

    def attempt(name: str, step: Callable[[], None]) -> bool:
        try:
            step()
        except OSError as error:
            missing.append(f"{name}: {error}")
            return False
        return True

    attempt("network", lambda: linux.unshare(linux.NEWNET | linux.NEWIPC | linux.NEWUTS))
    inside = attempt("root folder", lambda: _new_root(limits, owner))
    where = SCRATCH if inside else scratch
    if not inside and root:
        os.chown(where, *owner)
    os.chdir(where)
    os.environ.update(HOME=where, TMPDIR=where, MPLCONFIGDIR=where)
    _resources(limits)
    if root:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    if sys.platform == "linux":
        attempt("capabilities", linux.drop_capabilities)
        attempt("privileges", linux.no_new_privileges)
        attempt("parent", linux.die_with_parent)
    if linux.landlock_version():
        below = ["/"] if inside else readable()
        devices = [*_DEVICES, where]
        attempt("landlock", lambda: linux.landlock(below, devices))
    elif not inside:
        missing.append("landlock: not in this kernel")
    return missing


def _new_root(limits: Limits, owner: tuple[int, int]) -> None:
    """A root folder of our own, read-only but for the scratch folder, which lives in memory."""
    linux.unshare(linux.NEWNS)
    linux.make_private()
    linux.mount("none", _STAGE, "tmpfs", options="size=4m,mode=755")
    for path in readable():
        if os.path.islink(path):
            os.symlink(os.readlink(path), _STAGE + path)
        else:
            _show(path)
    linux.freeze_below(_STAGE, devices=False)
    linux.mount("none", _STAGE, flags=32 | 4096)  # the stage itself takes more folders
    for path in _DEVICES:
        _show(path)
    for path in ("/tmp", SCRATCH):
        os.makedirs(_STAGE + path, exist_ok=True)
    os.rmdir(_STAGE + "/tmp")
    os.symlink(SCRATCH, _STAGE + "/tmp")
    options = f"size={limits.scratch_mb}m,nr_inodes=4096,mode=700,uid={owner[0]},gid={owner[1]}"
    linux.mount("none", _STAGE + SCRATCH, "tmpfs", flags=2 | 4, options=options)
    linux.pivot(_STAGE)
    linux.mount("none", "/", flags=1 | 2 | 32 | 4096)


def _show(path: str) -> None:
    """The same path in the new root."""
    target = _STAGE + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    linux.bind(os.path.realpath(path), target)


def _resources(limits: Limits) -> None:
    """Limits of the kernel on each process."""
    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_CPU": int(limits.submission_seconds) + 1,
        "RLIMIT_DATA": limits.memory_mb << 20,
        "RLIMIT_FSIZE": limits.file_mb << 20,
        "RLIMIT_NOFILE": 256,
    }
    release = [int("".join(filter(str.isdigit, p)) or 0) for p in platform.release().split(".")[:2]]
    if sys.platform == "linux" and release >= [5, 14]:  # before, it counts all of the user's
        wanted["RLIMIT_NPROC"] = limits.processes
    for name, value in wanted.items():
        if hasattr(resource, name):
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def _put(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
