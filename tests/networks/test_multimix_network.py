"""The network has the layers of the paper's Tables 4 and 5, and its fast routes equal the plain ones."""

from __future__ import annotations

from collections import defaultdict

import pytest
import torch
from torch import Tensor, nn

from medda_lib.networks.blocks import Dropout, InstanceNorm, MaxPool
from medda_lib.networks.multimix import MultiMixNet

# (kind of layer, number, input height, input channels, output height, output channels); images square
Row = tuple[str, int, int, int, int, int]


def _double_conv(first: int, size: int, inputs: int, outputs: int) -> list[Row]:
    rows: list[Row] = []
    for number, before in ((first, inputs), (first + 1, outputs)):
        rows.append(("Conv", number, size, before, size, outputs))
        rows.append(("InstanceNorm", number, size, outputs, size, outputs))
        rows.append(("LReLU", number, size, outputs, size, outputs))
    return [*rows, ("Dropout", (first + 1) // 2, size, outputs, size, outputs)]


TABLE_4: list[Row] = [
    *_double_conv(1, 256, 1, 16),
    ("Maxpool", 1, 256, 16, 128, 16),
    *_double_conv(3, 128, 16, 32),
    ("Maxpool", 2, 128, 32, 64, 32),
    *_double_conv(5, 64, 32, 64),
    ("Maxpool", 3, 64, 64, 32, 64),
    *_double_conv(7, 32, 64, 128),
    ("Maxpool", 4, 32, 128, 16, 128),
    *_double_conv(9, 16, 128, 256),
    ("Maxpool", 5, 16, 256, 8, 256),
    ("Avgpool", 1, 8, 256, 1, 256),
    ("Fully Connected", 1, 1, 256, 1, 2),
]
TABLE_5: list[Row] = [
    ("Upsample", 1, 16, 256, 32, 256),
    *_double_conv(1, 32, 386, 128),
    ("Upsample", 2, 32, 128, 64, 128),
    *_double_conv(3, 64, 192, 64),
    ("Upsample", 3, 64, 64, 128, 64),
    *_double_conv(5, 128, 96, 32),
    ("Upsample", 4, 128, 32, 256, 32),
    *_double_conv(7, 256, 48, 16),
    ("Conv", 9, 256, 16, 256, 1),  # "Final Conv Layer"
]
KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "Conv",
    InstanceNorm: "InstanceNorm",
    nn.LeakyReLU: "LReLU",
    Dropout: "Dropout",
    MaxPool: "Maxpool",
    nn.AdaptiveAvgPool2d: "Avgpool",
    nn.Linear: "Fully Connected",
    nn.Upsample: "Upsample",
}


def layers_called(network: MultiMixNet, roots: list[nn.Module], images: Tensor) -> list[Row]:
    """Every layer below `roots` in the order of calling, numbered by kind, with its shapes."""
    rows: list[Row] = []
    counts: dict[str, int] = defaultdict(int)

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        kind = KINDS[type(module)]
        counts[kind] += 1
        (a, b), (c, d) = (
            (x.shape[-1] if x.ndim == 4 else 1, x.shape[1]) for x in (*inputs, output)
        )
        rows.append((kind, counts[kind], a, b, c, d))

    for root in roots:
        for module in root.modules():
            if type(module) in KINDS:
                module.register_forward_hook(note)
    network(images)
    return rows


def bridged() -> MultiMixNet:
    torch.manual_seed(0)
    return MultiMixNet(literal=True, bridge=True)


def test_encoder_is_table_4() -> None:
    network = bridged()
    assert network.encoder is not None
    assert network.classifier is not None
    roots: list[nn.Module] = [network.encoder, network.classifier]
    rows = layers_called(network, roots, torch.randn(1, 1, 256, 256))
    # One forward pass in code order: the bridge needs the classifier before the decoder runs.
    assert rows == TABLE_4


def test_decoder_is_table_5() -> None:
    network = bridged()
    assert network.decoder is not None
    assert layers_called(network, [network.decoder], torch.randn(1, 1, 256, 256)) == TABLE_5


def test_without_bridge_the_first_decoder_block_has_384_inputs() -> None:
    network = MultiMixNet(literal=True)
    assert network.decoder is not None
    rows = layers_called(network, [network.decoder], torch.randn(1, 1, 256, 256))
    assert rows[1] == ("Conv", 1, 32, 384, 32, 128)


def test_slope_and_dropout_are_the_papers() -> None:
    modules = list(MultiMixNet(bridge=True).modules())
    assert {m.negative_slope for m in modules if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert {m.probability for m in modules if isinstance(m, Dropout)} == {0.25}


@pytest.mark.parametrize("size", [32, 64, 96])
@pytest.mark.parametrize("bridge", [False, True])
def test_fast_routes_give_the_same_network(size: int, bridge: bool) -> None:
    """Same parameters, same outputs, same gradients (dropout off, double precision)."""
    torch.manual_seed(0)
    plain = MultiMixNet(4, 0.0, bridge=bridge, literal=True).double()
    fast = MultiMixNet(4, 0.0, bridge=bridge).double()
    fast.load_state_dict(plain.state_dict())
    images = torch.randn(3, 1, size, size, dtype=torch.float64)
    found = []
    for network in (plain, fast):
        classes, mask = network(images)
        assert classes is not None
        assert mask is not None
        assert classes.shape == (3, 2)
        assert mask.shape == images.shape
        loss = (mask * images.cos()).sum() + classes.square().sum()
        grads = torch.autograd.grad(loss, list(network.parameters()))
        found.append([classes, mask, *grads])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)


def test_bilinear_upsampling_by_hand() -> None:
    """Every doubling keeps corners and interpolates; the tables' shapes stay."""
    network = MultiMixNet(2, bridge=True, upsampling="bilinear")
    assert network.decoder is not None
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    for up in network.decoder.ups:
        torch.testing.assert_close(up(ramp)[0, 0, 0], torch.linspace(0, 3, 8))
    torch.manual_seed(0)
    rough, smooth = (
        MultiMixNet(2, 0.0, upsampling=how).eval().requires_grad_(False)
        for how in ("repeat", "bilinear")
    )
    smooth.load_state_dict(rough.state_dict())
    images = torch.randn(2, 1, 64, 64)
    assert smooth(images).mask.shape == images.shape
    assert not torch.allclose(smooth(images).mask, rough(images).mask)
    assert torch.equal(smooth(images).classes, rough(images).classes)


def test_images_do_not_mix() -> None:
    """The ground on which passes may be shared: an image's output ignores its neighbours."""
    torch.manual_seed(0)
    network = MultiMixNet(4, bridge=True).double().eval()
    images = torch.randn(5, 1, 64, 64, dtype=torch.float64)
    together = network(images)
    alone = [network(images[i : i + 1]) for i in range(5)]
    torch.testing.assert_close(together.classes, torch.cat([a.classes for a in alone]))
    torch.testing.assert_close(together.mask, torch.cat([a.mask for a in alone]))


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(ValueError, match="not a multiple of 32"):
        MultiMixNet(4).encode(torch.zeros(1, 1, 48, 64))
    with pytest.raises(ValueError, match="classify, segment or both"):
        MultiMixNet(4, classify=False, segment=False)
    with pytest.raises(ValueError, match="bridge joins both"):
        MultiMixNet(4, classify=False, bridge=True)
    with pytest.raises(ValueError, match="no classifier"):
        MultiMixNet(4, classify=False).classify([])
    with pytest.raises(ValueError, match="no decoder"):
        MultiMixNet(4, segment=False).decode([])
    with pytest.raises(ValueError, match="without a bridge input"):
        MultiMixNet(4, bridge=True).decode([])
    with pytest.raises(ValueError, match="not a probability"):
        MultiMixNet(4, dropout=1.0)
