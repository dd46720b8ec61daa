"""The same layers, faster on the CPU; every function here equals a plain one and is tested against it.

Where the time of a training step went, measured, and what is done about it:
  - dropout drew a float per value: a byte is enough;
  - max-pooling looked for indices one square at a time: three comparisons of whole tensors do;
  - normalisation and activation each kept their input for the backward pass: the activation can be
    undone, so together they keep their result alone, which the next convolution keeps anyway;
  - a 3x3 convolution of an image whose pixels were doubled reads each value up to nine times where
    four suffice: it is a 4x4 transposed convolution of the small image.
All of them run on either memory layout; convolutions prefer channels last. All have second
derivatives, for the bridge that is not detached.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

BYTE = 256
CACHE = 2**20  # bytes
PLANE = (2, 3)
# Row j: which of the three taps of a kernel see a pixel's double at tap j of the transposed one.
DOUBLED = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))


def norm_act(x: Tensor, slope: float, epsilon: float) -> Tensor:
    """`leaky_relu(instance_norm(x))` of (n, c, h, w) without scale and shift."""
    result, _ = _NormAct.apply(x, slope, epsilon)  # type: ignore[no-untyped-call]
    return cast(Tensor, result)


class _NormAct(torch.autograd.Function):
    """Returns the result and 1 / standard deviation (n, c, 1, 1).

    The second is an output, not a hidden value, so that second derivatives see how it depends on x.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float, epsilon: float) -> tuple[Tensor, Tensor]:
        y, scale = torch.empty_like(x), x.new_empty(*x.shape[:2], 1, 1, dtype=_wide(x))
        for i in _slices(x):
            wide = x[i].to(scale.dtype)
            # Of a half-precision slice there is a copy to work in already.
            out = y[i] if wide.dtype == x.dtype else wide
            centred = torch.sub(wide, wide.mean(PLANE, keepdim=True), out=out)
            variance = (centred * centred).mean(PLANE, keepdim=True)
            torch.rsqrt(variance + epsilon, out=scale[i])
            F.leaky_relu_(centred.mul_(scale[i]), slope)
            if out is wide:
                y[i] = wide
        ctx.save_for_backward(y, scale)
        ctx.slope = slope
        ctx.set_materialize_grads(False)
        return y, scale

    @staticmethod
    def backward(
        ctx: Any, gradient: Tensor | None, of_scale: Tensor | None
    ) -> tuple[Tensor | None, None, None]:
        y, scale = ctx.saved_tensors
        if gradient is not None and of_scale is None and not torch.is_grad_enabled():
            return _first_backward(gradient, y, scale, ctx.slope), None, None
        normal = F.leaky_relu(y, 1 / ctx.slope)  # before the activation
        total: Tensor | None = None
        if gradient is not None:
            inner = torch.ops.aten.leaky_relu_backward(gradient, y, ctx.slope, True)
            along = (inner * normal).mean(PLANE, keepdim=True)
            total = (inner - inner.mean(PLANE, keepdim=True) - normal * along) * scale
        if of_scale is not None:
            pixels = y.shape[2] * y.shape[3]
            through = normal * (of_scale * scale * scale / -pixels)
            total = through if total is None else total + through
        return total, None, None


def _first_backward(gradient: Tensor, y: Tensor, scale: Tensor, slope: float) -> Tensor:
    """The same with two buffers. Slope and 1 / slope cancel in inner * normal = gradient * y."""
    total = torch.empty_like(y)
    for i in _slices(y):
        above, value = gradient[i].to(scale.dtype), y[i].to(scale.dtype)
        buffer = above * value
        along = buffer.mean(PLANE, keepdim=True)
        torch.ops.aten.leaky_relu.out(value, 1 / slope, out=buffer).mul_(along)
        inner = torch.ops.aten.leaky_relu_backward(above, value, slope, True)
        inner.sub_(inner.mean(PLANE, keepdim=True)).sub_(buffer)
        if value.dtype == y.dtype:
            torch.mul(inner, scale[i], out=total[i])
        else:
            total[i] = inner.mul_(scale[i])
    return total


def _wide(x: Tensor) -> torch.dtype:
    """What to calculate in: at least 32 bits. Half-precision sums are slow on the CPU, and coarse."""
    return torch.promote_types(x.dtype, torch.float32)


def _slices(x: Tensor) -> list[slice]:
    """Groups of images small enough that several passes over one stay in the processor's cache."""
    size = max(1, CACHE // (x[0].numel() * _wide(x).itemsize))
    return [slice(i, i + size) for i in range(0, len(x), size)]


def drop(x: Tensor, parts: int) -> Tensor:
    """Zero each value with probability `parts` / 256, divide the rest by what remains."""
    words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
    kept = words.view(torch.uint8)[: x.numel()].view(x.permute(0, 2, 3, 1).shape) >= parts
    kept = kept.permute(0, 3, 1, 2)  # the layout of x when channels come last
    return cast(Tensor, _Masked.apply(x, kept, BYTE / (BYTE - parts)))  # type: ignore[no-untyped-call]


class _Masked(torch.autograd.Function):
    """x * kept * scale, with one byte per value for the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(kept)
        ctx.scale = scale
        masked = torch.empty_like(x)
        for i in _slices(x):
            torch.mul(x[i], kept[i].to(x.dtype), out=masked[i]).mul_(scale)
        return masked

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (kept,) = ctx.saved_tensors
        masked = _Masked.apply(gradient, kept, ctx.scale)  # type: ignore[no-untyped-call]
        return cast(Tensor, masked), None, None


def max_pool(x: Tensor) -> Tensor:
    """`max_pool2d(x, 2)` for even sizes, with the same gradient at ties: to the first largest."""
    return cast(Tensor, _MaxPool.apply(x))  # type: ignore[no-untyped-call]


class _MaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        a, b, c, d = _corners(x)
        top, bottom = torch.maximum(a, b), torch.maximum(c, d)
        ctx.save_for_backward(b > a, d > c, bottom > top)
        return torch.maximum(top, bottom)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return cast(Tensor, _Unpool.apply(gradient, *ctx.saved_tensors))  # type: ignore[no-untyped-call]


class _Unpool(torch.autograd.Function):
    """Puts each value at the corner that was the largest, zeros at the other three."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, b_wins: Tensor, d_wins: Tensor, low: Tensor) -> Tensor:
        ctx.save_for_backward(b_wins, d_wins, low)
        n, c, h, w = g.shape
        last = g.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        spread = torch.empty(n, c, 2 * h, 2 * w, dtype=g.dtype, memory_format=layout)
        corners = _corners(spread)
        bottom = g * low
        torch.mul(g - bottom, b_wins, out=corners[1])
        torch.sub(g - bottom, corners[1], out=corners[0])
        torch.mul(bottom, d_wins, out=corners[3])
        torch.sub(bottom, corners[3], out=corners[2])
        return spread

    @staticmethod
    def backward(ctx: Any, second: Tensor) -> tuple[Tensor, None, None, None]:
        b_wins, d_wins, low = ctx.saved_tensors
        a, b, c, d = _corners(second)
        picked = torch.where(low, torch.where(d_wins, d, c), torch.where(b_wins, b, a))
        return picked, None, None, None


def _corners(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The four values of each 2x2 square as four views (n, c, h / 2, w / 2), row by row."""
    top, bottom = x[..., 0::2, :], x[..., 1::2, :]
    return top[..., 0::2], top[..., 1::2], bottom[..., 0::2], bottom[..., 1::2]


def upsample_conv(x: Tensor, weight: Tensor) -> Tensor:
    """`conv2d(upsample(x), weight, padding=1)` without building the upsampled tensor.

    Args:
        x: (n, a, h, w), whose pixels are to be doubled.
        weight: (b, a, 3, 3).

    Returns:
        (n, b, 2h, 2w). Output pixel o sees input pixel i through every tap k whose doubled pixel
        o + k - 1 is 2i or 2i + 1, so that tap j = o - 2i + 1 of the transposed kernel is the sum of
        taps 2 - j and 3 - j, those that exist.
    """
    taps = torch.tensor(DOUBLED, dtype=weight.dtype, device=weight.device)
    kernel = torch.einsum("jk,lm,bakm->abjl", taps, taps, weight)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1)


def join(parts: list[Tensor]) -> Tensor:
    """Channels of tensors of one size, one after the other, channels last in memory."""
    return torch.cat(parts, dim=1).contiguous(memory_format=torch.channels_last)
