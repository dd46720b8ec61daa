"""A pool in one file: weights, histories, ranges and settings, and nothing that can run code.

The file is made by `torch.save` from tensors, numbers and strings, and opened with `weights_only=True`,
which builds nothing else. What comes back predicts bit for bit as what was saved.
"""

from __future__ import annotations

import dataclasses
import pickle
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch

from medda_lib.methods.odex.distances import Distance, Gram, Mahalanobis
from medda_lib.methods.odex.pool import Measure, Model
from medda_lib.methods.odex.predictor import PoolPredictor
from medda_lib.methods.odex.ranges import Range
from medda_lib.networks.dyn_unet import DynUNet, dyn_unet
from medda_lib.studies.artefacts import Tensors

FORMAT = "medda pool of models, 3"
DISTANCES: dict[str, Callable[..., Distance]] = {"Mahalanobis": Mahalanobis, "Gram": Gram}


def save(predictor: PoolPredictor, file: Path) -> None:
    """Write a pool; the file appears whole or not at all."""
    draft = file.with_name(f"{file.name}.{uuid.uuid4().hex}")
    try:
        torch.save(_packed(predictor), draft)
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def load(file: Path, device: torch.device | None = None) -> PoolPredictor:
    """Read a pool onto a device (the CPU). Raises ValueError, naming the file, for anything else."""
    device = device or torch.device("cpu")
    try:
        packed = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as reason:
        raise ValueError(f"{file}: not a file that `save` wrote: {reason}") from reason
    if not isinstance(packed, dict) or packed.get("format") != FORMAT:
        raise ValueError(f"{file}: holds something else than a pool of models ({FORMAT!r})")
    try:
        return _unpacked(packed, device)
    except (KeyError, TypeError, RuntimeError) as reason:
        raise ValueError(f"{file}: a damaged pool of models: {reason}") from reason


def _packed(predictor: PoolPredictor) -> dict[str, Any]:
    measure = predictor.measure
    switches = {f.name: getattr(measure, f.name) for f in dataclasses.fields(measure)}
    return {
        "format": FORMAT,
        "patch": predictor.patch,
        "distance": type(measure.distance).__name__,
        "measure": switches | {"distance": dataclasses.asdict(cast("Any", measure.distance))},
        "models": [_packed_model(model) for model in predictor.models],
    }


def _packed_model(model: Model) -> dict[str, Any]:
    within = None if model.within is None else dataclasses.astuple(model.within)
    history = [dict(entry) for entry in model.history]
    network = model.network
    return {
        "filters": list(network.filters),
        "deep_supervision": network.deep_supr_num if network.deep_supervision else 0,
        "weights": _weights(network),
        "reader": None if model.reader is None else _weights(model.reader),
        "ranges": [dataclasses.astuple(one) for one in model.ranges],
        "history": history,
        "began": model.began,
        "within": within,
        "dice": model.dice,
    }


def _weights(network: DynUNet) -> Tensors:
    return {name: tensor.cpu() for name, tensor in network.state_dict().items()}


def _unpacked(packed: dict[str, Any], device: torch.device) -> PoolPredictor:
    switches = dict(packed["measure"])
    distance = DISTANCES[packed["distance"]](**switches.pop("distance"))
    models = tuple(_model(each, device) for each in packed["models"])
    return PoolPredictor(models, Measure(distance, **switches), packed["patch"], device)


def _model(packed: dict[str, Any], device: torch.device) -> Model:
    def network(weights: Tensors) -> DynUNet:
        made = dyn_unet(packed["filters"], packed["deep_supervision"])
        made.load_state_dict(weights)
        made.to(device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        return made.eval()

    within = None if packed["within"] is None else Range(*packed["within"])
    reader = None if packed["reader"] is None else network(packed["reader"])
    ranges = tuple(Range(*each) for each in packed["ranges"])
    return Model(
        network(packed["weights"]),
        tuple(packed["history"]),
        within,
        packed["dice"],
        ranges,
        reader,
        packed["began"],
    )
