"""Tables 4 and 5 of the paper against the network: every printed shape, layer by layer.

The shapes are observed, not derived: an image goes through the bridged network with a hook on every
layer, and the layers are lined up with the rows of the tables in the order in which they run.
"""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor, nn

from medda_lib.networks.multimix import MultiMixNet
from medda_lib.studies.reported import reported

SIZE = 256
Shapes = tuple[str, str, str]


def observed(network: nn.Module, size: int = SIZE) -> dict[str, list[Shapes]]:
    """(kind, input, output) of every layer in running order, for tables "4" and "5".

    Shapes are spelled as the tables spell them, "m x height x width x channels".
    """
    seen: dict[str, list[Shapes]] = {"4": [], "5": []}
    handles = []
    for name, module in network.named_modules():
        if next(module.children(), None) is None:
            table = "5" if name.startswith("decoder") else "4"

            def note(
                layer: nn.Module, inputs: tuple[Tensor], output: Tensor, to: str = table
            ) -> None:
                seen[to].append((type(layer).__name__, spelled(inputs[0]), spelled(output)))

            handles.append(module.register_forward_hook(note))
    try:
        network(torch.rand(1, 1, size, size))
    finally:
        for handle in handles:
            handle.remove()
    return seen


def spelled(x: Tensor) -> str:
    """A shape as the paper prints it: channels last, the minibatch as m."""
    return " x ".join(("m", *map(str, (*x.shape[2:], x.shape[1]))))


def compare() -> pd.DataFrame:
    """One row per printed shape: table, row, layer, column, paper, ours, equal.

    Raises ValueError when a table has more or fewer rows than the network has layers.
    """
    seen = observed(MultiMixNet(bridge=True, literal=True).eval())
    rows = []
    for table, layers in seen.items():
        printed = reported("multimix", table)
        names = list(dict.fromkeys(printed["row"]))
        if len(names) != len(layers):
            raise ValueError(f"table {table}: {len(names)} rows, {len(layers)} layers")
        ours = {
            (name, column): (kind, shape)
            for name, (kind, before, after) in zip(names, layers, strict=True)
            for column, shape in (("Input Feature Maps", before), ("Output Feature Maps", after))
        }
        for cell in printed.to_dict("records"):
            kind, shape = ours[cell["row"], cell["column"]]
            equal = cell["mean"] == shape
            rows.append((table, cell["row"], kind, cell["column"], cell["mean"], shape, equal))
    columns = ["table", "row", "layer", "column", "paper", "ours", "equal"]
    return pd.DataFrame(rows, columns=columns)
