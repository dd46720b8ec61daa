"""The system calls behind the sandbox that Python 3.11 has no function for. Linux only.

Each function raises OSError with the call's name when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from pathlib import Path

NEWNS, NEWUTS, NEWIPC = 0x00020000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
_MS_RDONLY, NOSUID, NODEV = 1, 2, 4
_MS_REMOUNT, _MS_BIND, _MS_REC, _MS_PRIVATE = 32, 4096, 16384, 1 << 18
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_MOUNT_SETATTR = 442  # this one and Landlock's have the same numbers everywhere
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_FS_EXECUTE, _FS_WRITE, _FS_READ, _FS_READ_DIR, _FS_TRUNCATE = 1, 2, 4, 8, 1 << 14
_FILE_RIGHTS = _FS_EXECUTE | _FS_WRITE | _FS_READ | _FS_TRUNCATE | 1 << 15

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(number: int, what: str, *args: object) -> int:
    if _libc is None:
        raise OSError(f"{what}: there is no such call on {sys.platform}")
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    return _check(int(_libc.syscall(ctypes.c_long(number), *wide)), what)


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` name."""
    if _libc is None:
        raise OSError(f"unshare: there are no namespaces on {sys.platform}")
    _check(_libc.unshare(flags), "unshare")


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process."""
    if _libc is None:
        raise OSError(f"prctl: there is no such call on {sys.platform}")
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def die_with_parent() -> None:
    """Be killed when the parent ends."""
    prctl(1, 9)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends."""
    prctl(36, 1)


def no_new_privileges() -> None:
    """No program that is started later has more rights than this one."""
    prctl(38, 1)


def drop_capabilities() -> None:
    """Give up all capabilities for good."""
    for capability in range(64):
        try:
            prctl(24, capability)
        except OSError:
            break  # beyond the last one that this kernel knows, or none to drop
    header, data = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if _libc is not None:
        _check(_libc.capset(header, data), "capset")


def mount(source: str, target: Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Attach a file system."""
    if _libc is None:
        raise OSError(f"mount: not on {sys.platform}")
    texts = [text.encode() if text else None for text in (source, str(target), kind)]
    arguments = (*texts, ctypes.c_ulong(flags), options.encode() if options else None)
    _check(_libc.mount(*arguments), f"mount {target}")


def make_private() -> None:
    """Mounts of this namespace are nobody else's."""
    mount("none", Path("/"), flags=_MS_REC | _MS_PRIVATE)


def bind(source: Path, target: Path) -> None:
    """Show a file or folder, with what is mounted below it, at another place."""
    mount(str(source), target, flags=_MS_BIND | _MS_REC)


def freeze(path: Path) -> None:
    """One mount is read-only from now on."""
    mount("none", path, flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY | NOSUID)


def thaw(path: Path) -> None:
    """One mount can be written to again."""
    mount("none", path, flags=_MS_REMOUNT | _MS_BIND | NOSUID)


def freeze_below(path: Path) -> None:
    """Everything mounted at and below a path is read-only, without devices, from now on."""
    attr = struct.pack("QQQQ", _MS_RDONLY | NOSUID | NODEV, 0, 0, 0)
    at, recursive = -100, 0x8000
    where = str(path).encode()
    _syscall(_MOUNT_SETATTR, f"mount_setattr {path}", at, where, recursive, attr, len(attr))


def pivot(root: Path) -> None:
    """Make a mounted folder the root, and forget the old one."""
    if platform.machine() not in _PIVOT_ROOT:
        raise OSError(f"pivot_root: its number is not known on {platform.machine()}")
    os.chdir(root)
    _syscall(_PIVOT_ROOT[platform.machine()], "pivot_root", b".", b".")
    if _libc is not None:
        _check(_libc.umount2(b".", 2), "umount2")
    os.chdir("/")


def version() -> tuple[int, int]:
    """The kernel's version; (0, 0) where there is no Linux."""
    if sys.platform != "linux":
        return 0, 0
    major, minor = platform.release().split(".")[:2]
    return int(major), int("".join(filter(str.isdigit, minor)) or 0)


def landlock_version() -> int:
    """The version of Landlock that the kernel offers; 0 for none."""
    try:
        return _syscall(_LANDLOCK_CREATE, "landlock", None, 0, 1)
    except OSError:
        return 0


def landlock(readable: list[Path], writable: list[Path]) -> None:
    """Files below `readable` may be read, below `writable` changed, others not even opened.

    Where the kernel can, TCP, abstract sockets and signals to processes outside are refused as well.
    """
    offered = landlock_version()
    handled = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(offered, 16)) - 1
    attr = struct.pack("Q", handled)
    attr += struct.pack("Q", 3) * ((offered >= 4) + (offered >= 6))
    rules = _syscall(_LANDLOCK_CREATE, "landlock", attr, len(attr), 0)
    reading = _FS_EXECUTE | _FS_READ | _FS_READ_DIR
    for path, rights in [*((p, reading) for p in readable), *((p, handled) for p in writable)]:
        if path.exists():
            below = os.open(path, os.O_PATH | os.O_CLOEXEC)
            possible = handled if path.is_dir() else handled & _FILE_RIGHTS
            rule = struct.pack("=Qi", rights & possible, below)
            _syscall(_LANDLOCK_ADD, f"landlock {path}", rules, 1, rule, 0)
            os.close(below)
    _syscall(_LANDLOCK_RESTRICT, "landlock", rules, 0)
    os.close(rules)
