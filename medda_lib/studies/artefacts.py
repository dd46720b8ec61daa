"""What runs share is made once: tensors in memory and on disk, named by all that made them.

Methods that start from the same trained network should not each train it. `remembered` looks for the
result under a hash of everything that went into it (settings, input tensors, the code, library versions,
processor, threads), so that taking it gives the bits that making it again would: among the last few that
this process made or read, then in the run's folder of artefacts. A file is written under another name
first and renamed, so an interrupted run leaves nothing half written, and two runs that make the same
thing at the same time do not disturb each other.
"""

from __future__ import annotations

import hashlib
import io
import os
import uuid
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from medda_lib.studies.closure import code_closure, versions
from medda_lib.studies.machine import cpu, gpu
from medda_lib.studies.method import Run

Tensors = dict[str, Tensor]
CHECKSUM = hashlib.sha256().digest_size

_KEPT: OrderedDict[tuple[Path | None, str], Tensors] = OrderedDict()
_MOST = 12  # results that a process keeps: the source networks of a chapter's pairs


def forget() -> None:
    """Drop what this process keeps: what runs next starts from nothing, as in a new process."""
    _KEPT.clear()


def remembered(
    run: Run,
    made_by: tuple[object, ...],
    inputs: Iterable[Tensor],
    code: Iterable[str],
    make: Callable[[], Tensors],
) -> Tensors:
    """What `make` returns, when it was made before without making it again; copies each time.

    made_by: settings and seeds, with a `repr` that says all of them. inputs: the tensors it is made of.
    code: modules whose closure makes it. Without a folder (outside a study) memory alone is looked at.
    """
    place = (run.artefacts, _name(run, made_by, inputs, code))
    if place not in _KEPT:
        while len(_KEPT) >= _MOST:
            _KEPT.popitem(last=False)
        # Copied: what `make` gives may be a network's own weights, which go on changing.
        _KEPT[place] = _copied(_from_folder(run, place[1], make))
    _KEPT.move_to_end(place)
    return _copied(_KEPT[place])


def _copied(tensors: Tensors) -> Tensors:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}


def _from_folder(run: Run, name: str, make: Callable[[], Tensors]) -> Tensors:
    """From the run's folder, into which it goes where it was not there yet."""
    if run.artefacts is None:
        return make()
    file = run.artefacts / f"{name}.pt"
    found = read(file, run.device)
    if found is None:
        found = make()
        write(file, found)
    return found


def write(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Save tensors behind their checksum, so that the file appears whole or not at all."""
    buffer = io.BytesIO()
    torch.save({name: tensor.detach().cpu() for name, tensor in tensors.items()}, buffer)
    data = buffer.getvalue()
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.stem}.{uuid.uuid4().hex}")
    try:
        with draft.open("xb") as handle:
            handle.write(hashlib.sha256(data).digest() + data)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def read(file: Path, device: torch.device) -> Tensors | None:
    """What `write` saved; None where there is no such file, or a damaged one, which is dropped."""
    if not file.is_file():
        return None
    content = file.read_bytes()
    checksum, data = content[:CHECKSUM], content[CHECKSUM:]
    if hashlib.sha256(data).digest() != checksum:
        warnings.warn(f"{file} is damaged; it is dropped and made again", stacklevel=2)
        file.unlink(missing_ok=True)
        return None
    found: Tensors = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    return found


def _name(
    run: Run, made_by: tuple[object, ...], inputs: Iterable[Tensor], code: Iterable[str]
) -> str:
    surroundings = (
        made_by,
        sorted(code_closure(code).items()),
        sorted(versions().items()),
        (cpu(), gpu(str(run.device)), torch.get_num_threads()),
    )
    digest = hashlib.sha256(repr(surroundings).encode())
    for tensor in inputs:
        digest.update(repr((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:32]
