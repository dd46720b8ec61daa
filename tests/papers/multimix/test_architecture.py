"""Tables 4 and 5 against the network: all shapes are met, and a wrong network is found out."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from medda_lib.networks.multimix import MultiMixNet
from medda_lib.networks.shapes import observed
from medda_lib.papers.multimix import pictures
from medda_lib.studies.reported import reported


def test_every_printed_shape_is_met() -> None:
    frame = pictures.layers()
    printed = sum(len(reported("multimix", table)) for table in ("4", "5"))
    assert len(frame) == printed > 100
    assert frame["equal"].all(), frame[~frame["equal"]]
    assert (frame["paper"] == frame["ours"]).all()


def test_the_rows_are_layers_in_running_order() -> None:
    frame = pictures.layers()
    kinds = frame.drop_duplicates(["table", "row"]).groupby("table")["layer"].agg(list)
    block = ["Conv2d", "InstanceNorm", "LeakyReLU"] * 2 + ["Dropout"]
    assert kinds["4"] == [*block, "MaxPool"] * 5 + ["AdaptiveAvgPool2d", "Flatten", "Linear"]
    assert kinds["5"] == ["Upsample", *block] * 4 + ["Conv2d"]


def test_a_wider_network_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MultiMixNet", partial(MultiMixNet, 32))
    frame = pictures.layers()
    wrong = frame[~frame["equal"]]
    assert len(wrong) > 90
    assert {"4", "5"} == set(wrong["table"])


def test_a_network_without_the_bridge_differs_in_its_first_decoder_block_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unbridged(*, bridge: bool, literal: bool) -> MultiMixNet:
        assert bridge
        return MultiMixNet(literal=literal)

    monkeypatch.setattr(pictures, "MultiMixNet", unbridged)
    wrong = pictures.layers().query("not equal")
    assert wrong["table"].tolist() == ["5"]
    assert wrong["paper"].tolist() == ["m x 32 x 32 x 386"]
    assert wrong["ours"].tolist() == ["m x 32 x 32 x 384"]


def test_a_network_with_another_number_of_layers_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Longer(MultiMixNet):
        def __init__(self, *, bridge: bool, literal: bool) -> None:
            super().__init__(bridge=bridge, literal=literal)
            assert self.decoder is not None
            self.decoder.last = nn.Sequential(nn.Identity(), self.decoder.last)  # type: ignore[assignment]

    monkeypatch.setattr(pictures, "MultiMixNet", Longer)
    with pytest.raises(ValueError, match=r"table 5: \d+ rows, \d+ layers"):
        pictures.layers()


def test_shapes_are_spelled_as_in_the_paper_and_hooks_are_taken_off() -> None:
    assert pictures.spelled((3, 16, 256, 128)) == "m x 256 x 128 x 16"
    assert pictures.spelled((3, 2)) == "m x 2"
    network = MultiMixNet(width=2, bridge=True, literal=True).eval()
    assert observed(network, torch.rand(1, 1, 32, 32))[0].before == (1, 1, 32, 32)
    assert not any(module._forward_hooks for module in network.modules())
