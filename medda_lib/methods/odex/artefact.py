"""A pool in one file: weights, histories, ranges and settings, and nothing that can run code.

The file is made by `torch.save` from tensors, numbers and strings, and opened with `weights_only=True`,
which builds nothing else. What comes back predicts bit for bit as what was saved.
"""

from __future__ import annotations

import dataclasses
import pickle
import uuid
from pathlib import Path
from typing import Any

import torch

from medda_lib.methods.odex.distances import Distance, Gram, Mahalanobis
from medda_lib.methods.odex.pool import Measure, Model, Range
from medda_lib.methods.odex.predictor import PoolPredictor
from medda_lib.networks.dyn_unet import dyn_unet

FORMAT = "medda pool of models, 2"


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
    return {
        "format": FORMAT,
        "patch": predictor.patch,
        "measure": {
            "distance": type(measure.distance).__name__,
            "shrinkage": getattr(measure.distance, "shrinkage", None),
            "history": measure.history,
            "compare": measure.compare,
            "within": measure.within,
        },
        "models": [_packed_model(model) for model in predictor.models],
    }


def _packed_model(model: Model) -> dict[str, Any]:
    weights = {name: tensor.cpu() for name, tensor in model.network.state_dict().items()}
    within = None if model.within is None else dataclasses.astuple(model.within)
    history = [dict(entry) for entry in model.history]
    network = model.network
    return {
        "filters": list(network.filters),
        "deep_supervision": network.deep_supr_num if network.deep_supervision else 0,
        "weights": weights,
        "history": history,
        "within": within,
        "dice": model.dice,
    }


def _unpacked(packed: dict[str, Any], device: torch.device) -> PoolPredictor:
    said = dict(packed["measure"])
    distance = _distance(said.pop("distance"), said.pop("shrinkage"))
    models = tuple(_model(each, device) for each in packed["models"])
    return PoolPredictor(models, Measure(distance, **said), packed["patch"], device)


def _distance(name: str, shrinkage: float | None) -> Distance:
    if name == "Gram":
        return Gram()
    if name == "Mahalanobis" and shrinkage is not None:
        return Mahalanobis(shrinkage)
    raise KeyError(f"distance {name!r}")


def _model(packed: dict[str, Any], device: torch.device) -> Model:
    network = dyn_unet(packed["filters"], packed["deep_supervision"])
    network.load_state_dict(packed["weights"])
    network.to(device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    within = None if packed["within"] is None else Range(*packed["within"])
    return Model(network.eval(), tuple(packed["history"]), within, packed["dice"])
