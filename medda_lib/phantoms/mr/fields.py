"""Smooth fields of a scanner: how strongly each place is received and how far it is tipped.

Receive coils are more sensitive to what is near them: an array around the head sees the scalp two or
three times better than the middle of the brain unless the scanner corrects for it, and a patient who
lies off centre is brighter on one side. The transmit field is smoothest at 1.5 T; at 3 T the wavelength
in tissue (about 26 cm) is that of the head, and the field peaks in its middle and falls towards the
sides (Sled & Pike, IEEE TMI 17 (1998) 653; Collins & Wang, MRM 65 (2011) 1470). All fields are low-order
polynomials of position, which is how slowly they vary.
"""

from __future__ import annotations

from torch import Tensor

TERMS = 9  # x, y, z, and the six products of two of them


def polynomial(coefficients: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Sum of TERMS terms up to second order; x, y, z broadcast and are about 1 at the head's edge.

    coefficients: (TERMS,) for x, y, z, xx, yy, zz, xy, xz, yz.
    """
    if coefficients.shape != (TERMS,):
        raise ValueError(f"coefficients: need ({TERMS},), got {tuple(coefficients.shape)}")
    a = [float(c) for c in coefficients]
    along_x = x * (a[0] + a[3] * x)
    along_y = y * (a[1] + a[4] * y + a[6] * x)
    return along_x + along_y + z * (a[2] + a[5] * z + a[7] * x + a[8] * y)


def receive(coefficients: Tensor, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Sensitivity of the receiver, exp of a polynomial: positive, 1 in the middle."""
    return polynomial(coefficients, x, y, z).clamp_(-2.5, 2.5).exp_()


def transmit(peak: float, tilt: float, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Flip angle over its nominal value: 1 + peak in the middle, 1 - peak at the edge.

    peak: about 0.03 at 1.5 T and 0.15 at 3 T. tilt: asymmetry from right to left.
    """
    squared = x * x + y * y + z * z
    return (1 + peak - 2 * peak * squared.clamp(max=1.3) + tilt * x).clamp_(0.6, 1.4)
