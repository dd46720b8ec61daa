"""Noise of a magnitude image: Rician.

The scanner receives a complex signal with independent Gaussian noise of standard deviation sigma in its
real and imaginary parts and shows the magnitude. Where there is signal the noise is nearly Gaussian;
where there is none it is Rayleigh, with mean sigma sqrt(pi / 2): the background of a magnitude image is
not black (Gudbjartsson & Patz, Magn Reson Med 34 (1995) 910).
"""

from __future__ import annotations

import torch
from torch import Tensor


def rician(signal: Tensor, sigma: Tensor | float, noise: Tensor) -> Tensor:
    """|signal + sigma (n1 + i n2)|.

    signal: any shape, real, sign allowed. noise: standard normal numbers, (2, *signal.shape).
    sigma: in units of the signal, broadcasts against it.
    """
    if noise.shape != (2, *signal.shape):
        raise ValueError(f"noise: need {(2, *signal.shape)}, got {tuple(noise.shape)}")
    return torch.hypot(signal + sigma * noise[0], sigma * noise[1])
