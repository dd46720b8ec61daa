"""One MultiMix training step: our arrangement of the passes against that of the released code.

Both compute the same losses on the same five image sets of ten (labelled and unlabelled of each
problem, the unlabelled ones of the classification problem in a weak and a strong view).

  released   each set in a pass of its own: a saliency pass (forward, backward into every weight), a
             forward pass, and a decoding, whether a loss uses the mask or not; one backward pass
             through it all; layers as PyTorch brings them
  released*  the same arrangement with our layers, to tell arrangement from layers
  ours       `medda_lib.methods.multimix.steps`

Every measurement runs in a process of its own and the variants take turns. Printed are wall
milliseconds per step (median over all steps), processor milliseconds, which other programs on the
machine disturb less, and the peak of the memory above that of the idle process. Ratios are to
`released` at the same precision; the last column is processor time against `released` at the first
of the precisions asked for.

    python benchmarks/multimix_step.py --sizes 64 128 --threads 1 2 --precisions float32 bfloat16
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from medda_lib.methods import losses
from medda_lib.methods.multimix import Settings, steps
from medda_lib.methods.normalise import standardise
from medda_lib.networks.blocks import Dropout, InstanceNorm, MaxPool
from medda_lib.networks.bridge import bridge_input
from medda_lib.networks.multimix import MultiMixNet

VARIANTS = ("released", "released*", "ours")
BATCH = 10


@dataclass(frozen=True)
class Sets:
    """The five image sets (10, 1, s, s) of a step, already augmented, and their truth."""

    labelled: Tensor
    labels: Tensor
    weak: Tensor
    strong: Tensor
    outlined: Tensor
    masks: Tensor
    bare: Tensor


def random_sets(size: int, seed: int = 0, batch: int = BATCH) -> Sets:
    """Smooth random images: the numbers do not matter for the time."""
    rng = torch.Generator().manual_seed(seed)
    images = [torch.rand(batch, 1, size, size, generator=rng) for _ in range(5)]
    labels = torch.randint(0, 2, (batch,), generator=rng)
    masks = torch.rand(batch, 1, size, size, generator=rng) > 1 / 2
    return Sets(images[0], labels, images[1], images[2], images[3], masks, images[4])


def with_stock_layers(network: nn.Module) -> nn.Module:
    """Replaces our layers by PyTorch's own."""
    for name, child in network.named_children():
        if isinstance(child, InstanceNorm):
            setattr(network, name, nn.InstanceNorm2d(child.channels))
        elif isinstance(child, MaxPool):
            setattr(network, name, nn.MaxPool2d(2))
        elif isinstance(child, Dropout):
            setattr(network, name, nn.Dropout(child.probability))
        else:
            with_stock_layers(child)
    return network


def ours(context: steps.Context, sets: Sets) -> dict[str, Tensor]:
    """Two groups of passes, each with its own backward pass; gradients are left in `.grad`."""
    parameters = list(context.network.parameters())
    found: dict[str, Tensor] = {}
    classification = (sets.labelled, sets.labels, sets.weak, sets.strong)
    for part in (
        partial(steps.confidence_losses, context, *classification),
        partial(steps.segmentation_losses, context, sets.outlined, sets.masks, sets.bare),
    ):
        terms = part()
        torch.stack(list(terms.values())).sum().backward(inputs=parameters)
        found |= {name: loss.detach() for name, loss in terms.items()}
    return found


def released(context: steps.Context, sets: Sets) -> dict[str, Tensor]:
    """Everything for every set, as the released code goes about it."""
    settings = context.settings
    images = (sets.labelled, sets.weak, sets.strong, sets.outlined, sets.bare)
    (known, _), (weak, _), (strong, _), (_, outlined), (_, bare) = [
        _everything(context.network, standardise(x)) for x in images
    ]
    kl = losses.segmentation_kl(outlined, bare, settings.alignment)
    unsupervised = losses.pseudo_label_loss(strong, weak, settings.threshold)
    found = {
        "cross-entropy": losses.labelled_cross_entropy(known, sets.labels),
        "pseudo-label": settings.pseudo_weight * unsupervised,
        "dice": settings.dice_weight * losses.dice_loss(outlined, sets.masks),
        "consistency": settings.consistency_weight * kl,
    }
    torch.stack(list(found.values())).sum().backward()
    return {name: loss.detach() for name, loss in found.items()}


def _everything(network: MultiMixNet, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Class logits and mask logits in float32, with a saliency pass of its own before."""
    network.eval()
    asked = inputs.clone().requires_grad_()
    scores = network.classify(network.encode(asked)).float()
    scores.max(dim=1).values.sum().backward()
    network.zero_grad(set_to_none=True)  # no loss has left a gradient yet
    network.train()
    shown = torch.zeros_like(inputs) if asked.grad is None else asked.grad.abs()
    shown = shown / shown.amax(dim=(1, 2, 3), keepdim=True)
    values = network.encode(inputs)
    mask = network.decode(values, bridge_input(shown, inputs)).float()
    return network.classify(values).float(), mask


def prepare(variant: str, dropout: float, device: str) -> steps.Context:
    """A MultiMix network of the paper's width with the layers of `variant`."""
    torch.manual_seed(0)
    settings = replace(Settings.paper(), dropout=dropout)
    network = MultiMixNet(settings.width, dropout, bridge=True, literal=variant == "released")
    if variant == "released":
        with_stock_layers(network)
    return steps.Context(network.to(device), settings, torch.Generator().manual_seed(0))


def measure(variant: str, size: int, precision: str, device: str, repeats: int) -> dict[str, float]:
    """Milliseconds of each kind and MiB of one variant, in this process."""
    context = prepare(variant, 0.25, device)
    on = {name: value.to(device) for name, value in vars(random_sets(size)).items()}
    sets, parameters = Sets(**on), list(context.network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=1e-4, fused=True)
    step: Callable[[steps.Context, Sets], dict[str, Tensor]]
    step = ours if variant == "ours" else released

    def once() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            step(context, sets)
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()

    idle = _memory(device)
    once()
    wall, processor = [], []
    for _ in range(repeats):
        before = time.perf_counter(), time.process_time()
        once()
        wall.append(time.perf_counter() - before[0])
        processor.append(time.process_time() - before[1])
    return {
        "wall": 1e3 * statistics.median(wall),
        "processor": 1e3 * statistics.median(processor),
        "memory": _memory(device) - idle,
    }


def _memory(device: str) -> float:
    """Peak so far in MiB: of the device's allocator, or of the process."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def apart(
    variant: str, size: int, precision: str, threads: int, options: argparse.Namespace
) -> dict[str, float]:
    """`measure` in a process of its own."""
    asked = json.dumps([variant, size, precision, options.device, options.repeats])
    command = [sys.executable, __file__, "--alone", asked, "--threads", str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def table(options: argparse.Namespace) -> None:
    """Prints one block per size, thread count and precision."""
    print(f"torch {torch.__version__}, {options.device}, batch 5 x {BATCH}, width 16")
    print(
        f"{'size':>4} {'threads':>7} {'precision':>9} {'variant':>9} {'wall ms':>8} {'cpu ms':>8} "
        f"{'MiB':>6} {'wall x':>7} {'cpu x':>6} {'in all x':>8}"
    )
    for size in options.sizes:
        for threads in options.threads:
            first: float | None = None
            for precision in options.precisions:
                rounds: dict[str, list[dict[str, float]]] = {v: [] for v in VARIANTS}
                for _ in range(options.rounds):
                    for variant in VARIANTS:
                        rounds[variant].append(apart(variant, size, precision, threads, options))
                best = {v: {k: min(r[k] for r in rs) for k in rs[0]} for v, rs in rounds.items()}
                base = best["released"]
                first = first or base["processor"]
                for variant, found in best.items():
                    print(
                        f"{size:>4} {threads:>7} {precision:>9} {variant:>9} {found['wall']:8.0f} "
                        f"{found['processor']:8.0f} {found['memory']:6.0f} "
                        f"{base['wall'] / found['wall']:7.2f} "
                        f"{base['processor'] / found['processor']:6.2f} "
                        f"{first / found['processor']:8.2f}",
                        flush=True,
                    )


def main() -> None:
    """Reads the options; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone is None:
        table(options)
        return
    torch.set_num_threads(options.threads[0])
    variant, size, precision, device, repeats = json.loads(options.alone)
    print(json.dumps(measure(variant, size, precision, device, repeats)))


if __name__ == "__main__":
    main()
