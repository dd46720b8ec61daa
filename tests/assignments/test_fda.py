"""The Fourier assignment: its famous mistakes, the library's functions on it, and where both meet."""

from __future__ import annotations

import pytest
import torch

from medda_lib.methods.fda import spectrum
from tests.assignments.master import Master, Swap
from tests.assignments.shared import RIGHT, AssignmentTests, Case, GradingTests

POLAR = "torch.polar(amplitude, of_target.angle())"
MIXED = "share * of_source.abs() + (1 - share) * of_target.abs()"
ROWS, COLUMNS = "fftfreq(h, spacing[0])", "fftfreq(w, spacing[1])"
EXPANDED = "step[1].expand(len(after_row)), step[0]"
SCORE = "float((near_p + weight * near_r) / (length_p.sum() + weight * length_r.sum()))"
# exercise -> what went wrong -> words of the solution, others in their place; two are graded, too
WRONG: dict[str, dict[str, Swap]] = {
    "swap": {
        "absolute value for the real part": ("angle())).real", "angle())).abs()"),
        "zero frequency taken to be in the middle": (
            "return torch.exp(-squared / (2 * sigma**2))",
            "return torch.fft.fftshift(torch.exp(-squared / (2 * sigma**2)))",
        ),
        "cycles per image for cycles per millimetre": (
            ROWS,
            "fftfreq(h, 1 / h)",
            COLUMNS,
            "fftfreq(w, 1 / w)",
        ),
        "phases swapped too": (POLAR, "share * of_source + (1 - share) * of_target"),
        "geometric mean of the amplitudes": (
            MIXED,
            "of_source.abs() ** share * of_target.abs() ** (1 - share)",
        ),
        "phase of the target by dividing by its amplitude": (
            POLAR,
            "amplitude * of_target / of_target.abs()",
        ),
        "transformed over the batch": (
            "torch.fft.fft2(targets)",
            "torch.fft.fftn(targets)",
            "torch.fft.ifft2(",
            "torch.fft.ifftn(",
        ),
        "result clipped to [0, 1]": (".real\n", ".real.clamp(0, 1)\n"),
    },
    "outline": {
        "edges counted, not measured": (
            EXPANDED,
            "(0 * step[1] + 1).expand(len(after_row)), (0 * step[0] + 1)",
        ),
        "surface Dice in one direction": ("near_p + weight * near_r", "(1 + weight) * near_p"),
        "distances in pixels, spacing exchanged": ("after_column]) * step", "after_column])"),
        '"less than" for "at most" the tolerance': ("<= tolerance", "< tolerance"),
        "image border is no outline": ("[1] * 4)", "[1] * 4, value=True)"),
        "mean of both shares": (
            SCORE,
            "float((near_p / length_p.sum() + weight * near_r / length_r.sum()) / (1 + weight))",
        ),
    },
    "beta": {
        "the other pair of the same target used": (
            "for own in targets:",
            "for own in range(len(targets)):",
            "if target != own]",
            "if q != own]",
        ),
        "test scores choose": ("tuning.argmax(dim=1,", "test.argmax(dim=1,"),
        "error of each window": (
            "mean >= mean[best] - error",
            "mean + others.std(dim=0).nan_to_num() / len(others) ** 0.5 >= mean[best]",
        ),
        "divided by r": ("others[:, best].std()", "others[:, best].std(correction=0)"),
        "regret never negative": (
            "picked[:, None])).mean()",
            "picked[:, None])).clamp(min=0).mean()",
        ),
    },
}
# exercise -> mutant that passes -> why it may
EQUIVALENT = {
    "swap": dict.fromkeys(
        (f"soft_swap: targets -> {other} (2)" for other in ("sources", "of_target", "of_source")),
        "only the shape is asked for, and all have one",
    ),
    "outline": dict.fromkeys(
        (f"outline_score: {m} -> length_{m}{n}" for n in ("", " (2)") for m in "pr"),
        "there are as many lengths as midpoints",
    ),
}
# exercise -> function of the library -> the lines that use it, in place of one function of the solution
BORROWED = {
    "swap": {
        "spectrum.swap": """
from medda_lib.methods.fda import spectrum

def soft_swap(targets, sources, spacing, sigma, strength=1.0):
    beta = sigma * max(spacing)
    full = spectrum.swap(targets[:, None], sources[:, None], beta)[:, 0]
    return strength * full + (1 - strength) * targets
""",
    },
    "outline": {
        "surface.surface_dice": """
from medda_lib.metrics import surface

def outline_score(prediction, reference, tolerance, spacing, weight=2.0):
    # of a scan of one slice, whose ends are no surface
    voxel = (min(spacing), *spacing)
    least = max(tolerance, *voxel)
    (score,) = surface.surface_dice(prediction[None], reference[None], voxel, [least])
    return score
""",
    },
    "beta": {
        "tuned.LeaveOnePairOut": """
import pandas as pd
from medda_lib.papers import tuned

def pick(tuning, targets):
    curves = pd.DataFrame(tuning.T.numpy())
    rule = tuned.LeaveOnePairOut()
    return torch.tensor([int(rule.choose(curves, p)) for p in curves.columns])
""",
    },
}

FDA = Case(
    Master("fda"),
    WRONG,
    EQUIVALENT,
    BORROWED,
    said={
        "swap": (
            "absolute value for the real part",
            (
                "expected [[0.5, 0.5], [-0.5, -0.5]], got [[0.5, 0.5], [0.5, 0.5]]: a black source "
                "takes the mean away: half of the pixels turn negative, and stay so"
            ),
        ),
        "outline": (
            "edges counted, not measured",
            (
                "expected [1.0, 1.0, 2.0, 2.0], got [1.0, 1.0, 1.0, 1.0]: sorted lengths; a pixel of "
                "1 mm x 2 mm has an outline of 1 + 2 + 1 + 2 mm"
            ),
        ),
        "beta": (RIGHT, ""),
    },
)


class TestFda(AssignmentTests):
    case = FDA


def test_variants_meet_the_library_where_they_should() -> None:
    own = FDA.master.solved()
    rng = torch.Generator().manual_seed(7)
    t, s = torch.rand(2, 5, 16, 16, generator=rng)
    close = torch.testing.assert_close
    # the narrowest and the widest window are those of the library
    for sigma, beta in ((0.0, 1 / 16), (1e6, 1.0)):
        wanted = spectrum.swap(t[:, None], s[:, None], beta)[:, 0]
        close(own["soft_swap"](t, s, (1.0, 1.0), sigma), wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
class TestFdaGrading(GradingTests):
    case = FDA
