"""The Fourier assignment: its wrong answers, and our library on its solutions."""

from __future__ import annotations

import pytest
import torch

from medda_lib.methods.fda import donors, spectrum, srsim
from tests.assignments.master import Master, Swap
from tests.assignments.shared import RIGHT, AssignmentTests, Case, GradingTests

# exercise -> what went wrong -> (right, wrong) pairs of text; the first two also go to nbgrader
WRONG: dict[str, dict[str, Swap]] = {
    "swap": {
        "absolute value for real part": (
            ("of_target.angle())).real", "of_target.angle())).abs()"),
        ),
        "zero frequency in the middle": (
            (
                "return distance < beta * min(h, w)",
                "return torch.fft.fftshift(distance < beta * min(h, w))",
            ),
        ),
        "square window": (
            (
                "(rows[:, None] ** 2 + columns[None, :] ** 2).sqrt()",
                "torch.maximum(rows[:, None].abs(), columns[None, :].abs())",
            ),
        ),
        "rim inside": (("distance < beta", "distance <= beta"),),
        "longer side": (("min(h, w)", "max(h, w)"),),
        "diameter for radius": (("beta * min(h, w)", "beta * min(h, w) / 2"),),
        "phase swapped too": (
            (
                "torch.polar(amplitude, of_target.angle())",
                "torch.where(inside, of_source, of_target)",
            ),
        ),
        "the other way round": (
            (
                "inside, of_source.abs(), of_target.abs()",
                "inside, of_target.abs(), of_source.abs()",
            ),
        ),
        "source's phase": (("of_target.angle()", "of_source.angle()"),),
        "clipped": ((".real\n", ".real.clamp(0, 1)\n"),),
        "rescaled": (
            (
                "return torch.fft.ifft2(torch.polar(amplitude, of_target.angle())).real",
                (
                    "return (lambda image: image / image.amax(dim=(1, 2), keepdim=True))("
                    "torch.fft.ifft2(torch.polar(amplitude, of_target.angle())).real)"
                ),
            ),
        ),
        "divided by the target's amplitude": (
            (
                "torch.polar(amplitude, of_target.angle())",
                "amplitude * of_target / of_target.abs()",
            ),
        ),
        "transformed over the batch": (
            ("torch.fft.fft2(targets)", "torch.fft.fftn(targets)"),
            ("torch.fft.ifft2(", "torch.fft.ifftn("),
        ),
    },
    "srsim": {
        "root forgotten": (("s_g.sqrt()", "s_g"),),
        "smaller saliency as weight": (("torch.maximum(v_a, v_b)", "torch.minimum(v_a, v_b)"),),
        "pairs by index": (
            ("v_a[:, None], g_a[:, None], v_b[None, :], g_b[None, :]", "v_a, g_a, v_b, g_b"),
        ),
        "gradients with the first constant": (
            (
                "(2 * g_a * g_b + 225) / (g_a**2 + g_b**2 + 225)",
                "(2 * g_a * g_b + 0.4) / (g_a**2 + g_b**2 + 0.4)",
            ),
        ),
        "not divided": ((" / weight.sum(dim=(-2, -1))", ""),),
        "0/0": (("weight = torch.where(total > 0, weight, torch.ones_like(weight))", "pass"),),
        "no saliency scores one": (
            (
                "weight = torch.where(total > 0, weight, torch.ones_like(weight))",
                "weight = weight + 0",
            ),
            (
                "return (s_v * s_g.sqrt() * weight).sum(dim=(-2, -1)) / weight.sum(dim=(-2, -1))",
                (
                    "up, down = ((x * weight).sum((-2, -1)) for x in (s_v * s_g.sqrt(), 1.0))\n"
                    "    return (up / down).nan_to_num(1)"
                ),
            ),
        ),
        "transposed": (
            (
                "[:, None], g_a[:, None], v_b[None, :], g_b[None, :]",
                "[None, :], g_a[None, :], v_b[:, None], g_b[:, None]",
            ),
        ),
    },
    "donors": {
        "ends wrap around": (
            (
                "near = range(max(k - m, 0), min(k + m + 1, depth))",
                "near = sorted({j % depth for j in range(k - m, k + m + 1)})",
            ),
        ),
        "least similar": ((".topk(count)", ".topk(count, largest=False)"),),
        "scans by their first slice": (("each.mean(dim=0)", "each[0]"),),
        "mean over all positions": (("each.mean(dim=0)", "similarity.mean(dim=(0, 2))"),),
        "one neighbour too few": (("min(k + m + 1, depth)", "min(k + m, depth)"),),
        "the whole scan": (
            ("near = range(max(k - m, 0), min(k + m + 1, depth))", "near = range(depth)"),
        ),
        "worst first": (("-float(similarity", "float(similarity"),),
        "same position only": (
            ("near = range(max(k - m, 0), min(k + m + 1, depth))", "near = [k]"),
        ),
        "order of slice and scan": (
            ("[(scan, j) for", "[(j, scan) for"),
            ("place[0], place[1]", "place[1], place[0]"),
        ),
        "other default": (("m: int = 2", "m: int = 1"),),
    },
    "surface": {
        "image border is no surface": (("(1, 1, 1, 1))", "(1, 1, 1, 1), value=True)"),),
        "volume for surface": (("return mask & ~inner", "return mask"),),
        "one direction only": (
            (
                "(distance.amin(dim=1) <= tolerance).sum() + (distance.amin(dim=0) <= tolerance).sum()",
                "2 * (distance.amin(dim=1) <= tolerance).sum()",
            ),
        ),
        "distance in pixels": (("* torch.tensor(spacing)", "* 1.0"),),
        "spacing the wrong way": (("torch.tensor(spacing)", "torch.tensor(spacing[::-1])"),),
        "strict tolerance": (("<= tolerance", "< tolerance"),),
        "empty masks score 0": (("return float(len(p) == len(q))", "return 0.0"),),
        "one empty mask scores 1": (("return float(len(p) == len(q))", "return 1.0"),),
        "means of both shares": (
            (
                "float(near) / (len(p) + len(q))",
                "sum(float((distance.amin(i) <= tolerance).double().mean()) for i in (0, 1)) / 2",
            ),
        ),
        "eight neighbours": (
            (
                "    return mask & ~inner",
                (
                    "    inner = inner & wide[:-2, :-2] & wide[2:, 2:] & wide[:-2, 2:] & wide[2:, :-2]\n"
                    "    return mask & ~inner"
                ),
            ),
        ),
    },
    "beta": {
        "own pair not left out": (
            (
                "(tuning.sum(dim=0) - tuning) / (len(tuning) - 1)",
                "tuning.mean(dim=0).expand_as(tuning)",
            ),
        ),
        "test scores of the best": (
            ("test[torch.arange(len(test)), picked].mean()", "test.amax(dim=1).mean()"),
        ),
        "one beta for all": (
            (
                "oracle((tuning.sum(dim=0) - tuning) / (len(tuning) - 1))",
                "oracle(tuning.mean(dim=0, keepdim=True)).repeat(len(tuning))",
            ),
        ),
        "larger beta on a tie": (
            (
                "return (rounded ==",
                "rounded = rounded + torch.arange(rounded.shape[1]) * 1e-3\n    return (rounded ==",
            ),
        ),
        "worst": (("rounded.amax(dim=1", "rounded.amin(dim=1"),),
        "first pair's score": (
            ("test[torch.arange(len(test)), picked].mean()", "test[0, picked].mean()"),
        ),
        "sum for mean": (("picked].mean()", "picked].sum()"),),
    },
}

FDA = Case(
    Master("fda"),
    WRONG,
    said={
        "swap": (
            "absolute value for real part",
            "a black source takes the mean away: half of the pixels turn negative, and stay so",
        ),
        "surface": (
            "volume for surface",
            "a block of 3 x 3 has 8 outline pixels and a centre; yours 9",
        ),
        "donors": (RIGHT, ""),
    },
    hidden_names=frozenset({"_hidden_checks", "_transform"}),
)


class TestFda(AssignmentTests):
    case = FDA


def test_solutions_agree_with_the_library() -> None:
    own = FDA.master.solved()
    rng = torch.Generator().manual_seed(7)
    t, s = torch.rand(2, 5, 16, 16, generator=rng)
    close = torch.testing.assert_close
    close(
        own["swap"](t, s, 0.2),
        spectrum.swap(t[:, None], s[:, None], 0.2)[:, 0],
        atol=1e-5,
        rtol=1e-4,
    )
    assert torch.equal(own["window"](12, 20, 0.3), spectrum.window(12, 20, 0.3))
    a, b = srsim.features(t[:, None]), srsim.features(s[:, None])
    found = own["sr_sim"](a.saliency, a.gradient, b.saliency, b.gradient)
    close(found, srsim.pairwise(a, b))
    table = torch.rand(6, 4, 5, generator=rng)  # slices, scans, positions -2 to 2
    whole = torch.full((6, 4, 6), -1.0)
    for k in range(6):
        for j in range(-2, 3):
            if 0 <= k + j < 6:
                whole[k, :, k + j] = table[k, :, j + 2]
            else:
                table[k, :, j + 2] = -torch.inf
    numbers = donors.similar_donors("2.5D", table, 3)
    assert [[s * 6 + j for s, j in row] for row in own["donors_25d"](whole, 3)] == numbers.tolist()
    numbers = donors.similar_donors("3D", table[:, :, 2:3], 3)
    assert [[s * 6 + j for s, j in row] for row in own["donors_3d"](whole, 3)] == numbers.tolist()


@pytest.mark.slow
class TestFdaGrading(GradingTests):
    case = FDA
