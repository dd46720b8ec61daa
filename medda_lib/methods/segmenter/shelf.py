"""Source networks on disk: trained once for all runs of a store, whatever process they end up in.

Thirty pairs of sites and five methods start from six networks. A network's file is named by the hash
of all that made it (settings, seed, the scans themselves, the code of the training, library versions,
processor, threads), so that taking it from the shelf gives the bits that training it again would. It
is written under another name first and renamed, so an interrupted run leaves nothing half written.
"""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import torch
from torch import Tensor

from medda_lib.methods.segmenter.settings import Segmenter
from medda_lib.networks.residual_unet import ResidualUNet
from medda_lib.studies.closure import code_closure, versions
from medda_lib.studies.machine import cpu, gpu
from medda_lib.studies.method import Run
from medda_lib.studies.task import Pool

TRAINING = "medda_lib.methods.segmenter.training"

Curve = tuple[tuple[int, float], ...]


def place(pool: Pool, settings: Segmenter, seed: int, run: Run) -> Path | None:
    """The file of a network; None where the run has no folder for artefacts."""
    if run.artefacts is None:
        return None
    made_by = (
        settings,
        seed,
        sorted(code_closure([TRAINING]).items()),
        sorted(versions().items()),
        (cpu(), gpu(str(run.device)), torch.get_num_threads()),
    )
    digest = hashlib.sha256(repr(made_by).encode())
    for tensor in (pool.images, pool.need_masks()):
        digest.update(tensor.numpy().tobytes())
    return run.artefacts / f"{digest.hexdigest()[:32]}.pt"


def put(file: Path, network: ResidualUNet, losses: Curve) -> None:
    """Store a network and the losses of its training."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.stem}.{uuid.uuid4().hex}")
    content: dict[str, Tensor] = {f"network.{k}": v for k, v in network.state_dict().items()}
    content["losses"] = torch.tensor([value for _, value in losses], dtype=torch.float64)
    try:
        torch.save(content, draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def take(file: Path, settings: Segmenter, device: torch.device) -> tuple[ResidualUNet, Curve]:
    """The network of a file, in evaluation mode, and its losses."""
    content: dict[str, Tensor] = torch.load(file, map_location=device, weights_only=True)
    losses = tuple(enumerate(content.pop("losses").tolist(), start=1))
    network = ResidualUNet(settings.width, settings.levels)
    network.load_state_dict({k.removeprefix("network."): v for k, v in content.items()})
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval(), losses
