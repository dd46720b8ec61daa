"""The run store: one folder per finished run, found by the run's key, there as a whole or not at all.

A run is written into a temporary folder of the same file system, flushed to the disk, and renamed to
its place in one step. Whoever is killed at any moment leaves either a complete entry or a temporary
folder, which the next study clears away. Two processes that finish the same run both rename; the
second finds the place taken and drops its copy. Every file's checksum stands in a manifest, so that a
damaged entry is an error that names the folder and never a wrong number.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

KEY = re.compile(r"[0-9a-f]{64}")
MANIFEST, ROWS, IMAGES, PROVENANCE = "manifest.json", "rows.json", "images.npz", "provenance.json"
ROW_FIELDS = {"evaluation", "domain", "problem", "metric", "value"}
ABANDONED_AFTER = 24 * 3600.0
"""Seconds after which a temporary folder of another machine counts as left behind."""


class CorruptRunError(RuntimeError):
    """An entry of the run store is damaged."""


@dataclass(frozen=True)
class RunResult:
    """What a run leaves: tidy rows, arrays per image by path, and where they come from."""

    rows: list[dict[str, Any]]
    images: dict[str, NDArray[np.generic]]
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        for row in self.rows:
            if set(row) != ROW_FIELDS:
                raise ValueError(f"a row has the fields {sorted(ROW_FIELDS)}, got {sorted(row)}")


class RunStore:
    """A folder of finished runs; created on first use. Safe to share between processes."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    @property
    def artefacts(self) -> Path:
        """Where methods may keep what runs share; it may be deleted at any time."""
        return self.root / "artefacts"

    def path(self, key: str) -> Path:
        """Where the run of this key lies, or would lie."""
        if not KEY.fullmatch(key):
            raise ValueError(f"{key!r} is no run key: 64 hexadecimal digits are expected")
        return self.root / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether the run is finished: entries appear complete, so the folder decides."""
        return self.path(key).is_dir()

    def keys(self) -> list[str]:
        """The keys of all finished runs, sorted."""
        return sorted(p.name for p in self.root.glob("??/*") if KEY.fullmatch(p.name))

    def write(self, key: str, result: RunResult) -> None:
        """Store a finished run atomically; an entry that exists already stays as it is."""
        target = self.path(key)
        if target.is_dir():
            return
        files = {
            ROWS: _json(result.rows),
            IMAGES: _npz(result.images),
            PROVENANCE: _json(result.provenance),
        }
        sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        files[MANIFEST] = _json({"key": key, "files": sums})
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = self._drafts() / f"{socket.gethostname()}~{os.getpid()}~{uuid.uuid4().hex}"
        try:
            draft.mkdir(parents=True)
            for name, data in files.items():
                _write(draft / name, data)
            _flush(draft)
            _rename(draft, target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        _flush(target.parent)

    def read(self, key: str, images: bool = True) -> RunResult:
        """A finished run; `images=False` skips the arrays.

        Raises `KeyError` when the run is not there and `CorruptRunError` when it is damaged.
        """
        folder = self.path(key)
        if not folder.is_dir():
            raise KeyError(f"no finished run {key} in {self.root}")
        try:
            sums = json.loads((folder / MANIFEST).read_bytes())["files"]
            wanted = (ROWS, PROVENANCE, *((IMAGES,) if images else ()))
            files = {name: _verified(folder / name, sums[name]) for name in wanted}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptRunError(
                f"the run in {folder} is damaged ({error}); delete this folder and run again"
            ) from error
        arrays = _arrays(files[IMAGES]) if images else {}
        return RunResult(json.loads(files[ROWS]), arrays, json.loads(files[PROVENANCE]))

    def sweep(self) -> int:
        """Delete temporary folders whose process is dead; returns how many there were."""
        dead = [d for d in self._drafts().glob("*~*~*") if _is_dead(d)]
        for draft in dead:
            shutil.rmtree(draft, ignore_errors=True)
        return len(dead)

    def _drafts(self) -> Path:
        """Temporary folders lie in the store itself: renaming is atomic within a file system only."""
        return self.root / "drafts"


def _is_dead(draft: Path) -> bool:
    host, pid, _ = draft.name.split("~")
    if host == socket.gethostname() and os.name == "posix":
        try:
            os.kill(int(pid), 0)  # signal 0 asks whether the process exists
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False
    try:
        return time.time() - draft.stat().st_mtime > ABANDONED_AFTER
    except FileNotFoundError:
        return False  # its owner has just renamed it


def _write(file: Path, data: bytes) -> None:
    with file.open("xb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())


def _flush(folder: Path) -> None:
    """Make names in a folder durable; Windows cannot open folders and needs no flush."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename(draft: Path, target: Path) -> None:
    """Put a draft in its place; where another process was faster, keep its entry and drop ours."""
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(draft)


def _verified(file: Path, checksum: str) -> bytes:
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != checksum:
        raise ValueError(f"{file.name} does not have the checksum in {MANIFEST}")
    return data


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()


def _npz(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _arrays(data: bytes) -> dict[str, NDArray[np.generic]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}
