"""The Fourier assignment: its wrong answers, the library's functions on it, and where both meet."""

from __future__ import annotations

import pytest
import torch

from medda_lib.methods.fda import donors, spectrum, srsim
from tests.assignments.library import LibraryTests
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
                "return torch.exp(-squared / (2 * sigma**2))",
                "return torch.fft.fftshift(torch.exp(-squared / (2 * sigma**2)))",
            ),
        ),
        "cycles per image": (
            ("fftfreq(h, spacing[0])", "fftfreq(h, 1 / h)"),
            ("fftfreq(w, spacing[1])", "fftfreq(w, 1 / w)"),
        ),
        "cycles per pixel": (("fftfreq(h, spacing[0])", "fftfreq(h)"), ("(w, spacing[1])", "(w)")),
        "multiplied by the spacing": (
            ("fftfreq(h, spacing[0])", "fftfreq(h, 1 / spacing[0])"),
            ("fftfreq(w, spacing[1])", "fftfreq(w, 1 / spacing[1])"),
        ),
        "spacing exchanged": (
            ("fftfreq(h, spacing[0])", "fftfreq(h, spacing[1])"),
            ("fftfreq(w, spacing[1])", "fftfreq(w, spacing[0])"),
        ),
        "factor 2 forgotten": (("(2 * sigma**2)", "sigma**2"),),
        "sigma not squared": (("(2 * sigma**2)", "(2 * sigma)"),),
        "distance not squared": (("torch.exp(-squared", "torch.exp(-squared.sqrt()"),),
        "0/0 at sigma 0": (("if sigma == 0:", "if sigma < 0:"),),
        "nothing at sigma 0": (("(squared == 0).float()", "0 * squared"),),
        "everything at sigma 0": (("(squared == 0).float()", "0 * squared + 1"),),
        "strength ignored": (("share = strength * ", "share = "),),
        "strength all or nothing": (("share = strength * ", "share = strength > 0 and "),),
        "geometric mean of the amplitudes": (
            (
                "share * of_source.abs() + (1 - share) * of_target.abs()",
                "of_source.abs() ** share * of_target.abs() ** (1 - share)",
            ),
        ),
        "source added": (("(1 - share) * of_target", "of_target"),),
        "spectra mixed with their phases": (
            (
                "torch.polar(amplitude, of_target.angle())",
                "share * of_source + (1 - share) * of_target",
            ),
        ),
        "source's phase": (("of_target.angle()", "of_source.angle()"),),
        "clipped": ((".real\n", ".real.clamp(0, 1)\n"),),
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
        "other default": (("strength: float = 1.0", "strength: float = 0.5"),),
    },
    "likeness": {
        "root forgotten": ((".clamp(min=0).sqrt()", ".clamp(min=0)"),),
        "larger saliency as weight": (
            ("total = v_t.sum(", "v_t = torch.maximum(v_t, v_s)\n    total = v_t.sum("),
        ),
        "modulus for vector": (
            (
                "(g_t * g_s).sum(dim=2)",
                "((g_t**2).sum(dim=2) * (g_s**2).sum(dim=2)).sqrt()",
            ),
        ),
        "absolute value of the product": (
            ("(g_t * g_s).sum(dim=2)", "(g_t * g_s).sum(dim=2).abs()"),
        ),
        "opposite edges give nan": ((".clamp(min=0).sqrt()", ".sqrt()"),),
        "components one by one": (
            ("(g_t * g_s).sum(dim=2)", "(g_t * g_s).clamp(min=0).sum(dim=2)"),
        ),
        "source as weight": (("total = v_t.sum(", "v_t = v_s + 0 * v_t\n    total = v_t.sum("),),
        "pairs by index": (
            ("v_t[:, None], g_t[:, None], v_s[None], g_s[None]", "v_t, g_t, v_s, g_s"),
        ),
        "transposed": (
            (
                "v_t[:, None], g_t[:, None], v_s[None], g_s[None]",
                "v_t[None], g_t[None], v_s[:, None], g_s[:, None]",
            ),
        ),
        "gradients with the first constant": (("225", "0.4"),),
        "not divided": ((" / weight.sum(dim=(-2, -1))", ""),),
        "0/0": (("torch.where(total > 0, v_t, torch.ones_like(v_t))", "v_t"),),
        "no saliency scores 0": (
            (
                "/ weight.sum(dim=(-2, -1))",
                "* (total[..., 0, 0] > 0) / weight.sum(dim=(-2, -1))",
            ),
        ),
    },
    "donors": {
        "ends wrap around": (("min(max(k + offset, 0), depth - 1)", "(k + offset) % depth"),),
        "several slices of a scan": (
            (
                "found.append([(scan, j) for _, scan, j in sorted(ranked)[:count]])",
                (
                    "offers = ((price * abs(j - k) * slice_mm - float(similarity[k, s, j]), s, j)\n"
                    "                  for s in range(scans) for j in near)\n"
                    "        found.append([(s, j) for _, s, j in sorted(offers)[:count]])"
                ),
            ),
        ),
        "least similar": (("ranked.append((-best[0]", "ranked.append((best[0]"),),
        "no offset": (("range(-m, m + 1), key", "range(1), key"),),
        "one offset for all scans": (
            (
                "    chosen = sorted(ranked)[:count]",
                (
                    "    ranked.sort()\n    ranked = [(v, s, ranked[0][2]) for v, s, _ in ranked]\n"
                    "    chosen = sorted(ranked)[:count]"
                ),
            ),
        ),
        "mean over all slices of the target": (("/ len(inside)", "/ depth"),),
        "sum for mean": (("/ len(inside)", ""),),
        "offset with the wrong sign": (("max(k + offset, 0)", "max(k - offset, 0)"),),
        "only upwards": (("range(-m, m + 1), key", "range(m + 1), key"),),
        "positive offset on a tie": (("(abs(o), o)", "(abs(o), -o)"),),
        "first offset on a tie": (("key=lambda o: (abs(o), o)", "key=lambda o: o"),),
        "price per slice": (("price * abs(j - k) * slice_mm", "price * abs(j - k)"),),
        "price added": (("price * abs(j - k) * slice_mm", "-price * abs(j - k) * slice_mm"),),
        "price ignored": (("price * abs(j - k) * slice_mm", "0.0"),),
        "price per squared distance": (
            ("price * abs(j - k) * slice_mm", "price * (abs(j - k) * slice_mm) ** 2"),
        ),
        "reach in slices": (("abs(j - k) * slice_mm <= reach", "abs(j - k) <= reach"),),
        "strict reach": (("slice_mm <= reach", "slice_mm < reach"),),
        "upper slice on a tie": (
            ("abs(j - k), j)\n", "abs(j - k), -j)\n"),
            ("scan, j))", "scan, -j))"),
        ),
        "lowest slice on a tie": (("abs(j - k), j)\n", "0, j)\n"),),
        "scans in their own order": (("sorted(ranked)[:count]])", "ranked[:count]])"),),
        "order of slice and scan": (("(scan, j) for _, scan, j", "(j, scan) for _, scan, j"),),
        "other default": (("price: float = 0.01", "price: float = 0.02"),),
    },
    "outline": {
        "edges counted, not measured": (
            (
                "step[1].expand(len(after_row)), step[0]",
                "(0 * step[1] + 1).expand(len(after_row)), (0 * step[0] + 1)",
            ),
        ),
        "one direction only": (("near_p + weight * near_r", "(1 + weight) * near_p"),),
        "image border is no outline": (("(1, 1, 1, 1))", "(1, 1, 1, 1), value=True)"),),
        "lengths exchanged": (
            ("step[1].expand(len(after_row)), step[0]", "step[0].expand(len(after_row)), step[1]"),
        ),
        "pixels for edges": (
            ("torch.tensor([0.5, 1.0])", "torch.tensor([1.0, 1.0])"),
            ("torch.tensor([1.0, 0.5])", "torch.tensor([1.0, 1.0])"),
        ),
        "midpoints in pixels": (
            (
                "torch.cat([after_row, after_column]) * step",
                "torch.cat([after_row, after_column]).double()",
            ),
        ),
        "spacing exchanged": (("after_column]) * step", "after_column]) * step.flip(0)"),),
        "strict tolerance": (
            ("dim=1) <= tolerance", "dim=1) < tolerance"),
            ("dim=0) <= tolerance", "dim=0) < tolerance"),
        ),
        "tolerance in pixels": (("<= tolerance", "<= tolerance * spacing[0]"),),
        "weight on the prediction": (
            ("near_p + weight * near_r", "weight * near_p + near_r"),
            (
                "length_p.sum() + weight * length_r.sum()",
                "weight * length_p.sum() + length_r.sum()",
            ),
        ),
        "weight in the numerator only": (("length_p.sum() + weight *", "length_p.sum() + "),),
        "mean of both shares": (
            (
                "float((near_p + weight * near_r) / (length_p.sum() + weight * length_r.sum()))",
                "float((near_p / length_p.sum() + weight * near_r / length_r.sum()) / (1 + weight))",
            ),
        ),
        "farthest edge": (("amin(dim=1)", "amax(dim=1)"), ("amin(dim=0)", "amax(dim=0)")),
        "empty masks score 0": (("return float(len(p) == len(r))", "return 0.0"),),
        "one empty mask scores 1": (("return float(len(p) == len(r))", "return 1.0"),),
        "other default": (("weight: float = 2.0", "weight: float = 1.0"),),
    },
    "beta": {
        "own target not left out": (("if target != own]", "]"),),
        "test scores of the best": (("test[pairs, tuning.argmax(dim=1)]", "test.amax(dim=1)"),),
        "own pair left out only": (
            ("for own in targets:", "for own in range(len(targets)):"),
            ("if target != own]", "if q != own]"),
        ),
        "plainly the best": (("mean[best] - error", "mean[best]"),),
        "standard deviation for standard error": ((" / len(others) ** 0.5", ""),),
        "divided by r": (("others[:, best].std()", "others[:, best].std(correction=0)"),),
        "error of each window": (
            (
                "mean >= mean[best] - error",
                "mean + others.std(dim=0).nan_to_num() / len(others) ** 0.5 >= mean[best]",
            ),
        ),
        "nan with one pair left": (("if len(others) > 1 else 0.0", ""),),
        "two standard errors": (("mean[best] - error", "mean[best] - 2 * error"),),
        "largest window within one error": (
            (
                "(mean >= mean[best] - error).int().argmax()",
                "(mean >= mean[best] - error).nonzero().max()",
            ),
        ),
        "larger window on a tie": (
            ("tuning.argmax(dim=1)]", "(tuning.shape[1] - 1 - tuning.flip(1).argmax(dim=1))]"),
        ),
        "regret with the wrong sign": (
            (
                "(test[pairs, tuning.argmax(dim=1)] - test[pairs, picked])",
                "(test[pairs, picked] - test[pairs, tuning.argmax(dim=1)])",
            ),
        ),
        "regret on tuning scores": (("test[pairs", "tuning[pairs"),),
        "regret never negative": (("test[pairs, picked])", "test[pairs, picked]).clamp(min=0)"),),
        "sum for mean": (("picked]).mean()", "picked]).sum()"),),
    },
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
        "spectrum.window": """
from medda_lib.methods.fda import spectrum

def soft_window(h, w, spacing, sigma):
    return spectrum.window(h, w, sigma * max(spacing)).float()
""",
    },
    "likeness": {
        "srsim.pairwise": """
from medda_lib.methods.fda import srsim

def likeness(v_t, g_t, v_s, g_s):
    t, s = ((v, g.square().sum(dim=1).sqrt()) for v, g in ((v_t, g_t), (v_s, g_s)))
    return srsim.pairwise(srsim.Features(*t), srsim.Features(*s))
""",
    },
    "donors": {
        "donors.similar_donors": """
from medda_lib.methods.fda import donors

def donors_3d(similarity, count, m):
    depth = len(similarity)
    diagonal = torch.stack([similarity[k, :, k] for k in range(depth)])[:, :, None]
    numbers = donors.similar_donors("3D", diagonal, count)
    return [[(n // depth, n % depth) for n in row] for row in numbers.tolist()]
""",
        "donors.reach_of": """
from medda_lib.methods.fda import donors

def donors_25d(similarity, count, reach, slice_mm, price=0.01):
    depth, scans = similarity.shape[:2]
    width = max(donors.reach_of("2.5D"), int(reach / slice_mm))
    table = torch.full((depth, scans, 2 * width + 1), -torch.inf)
    for k in range(depth):
        for j in range(max(0, k - width), min(depth, k + width + 1)):
            table[k, :, j - k + width] = similarity[k, :, j]
    numbers = donors.similar_donors("2.5D", table, count)
    return [[(n // depth, n % depth) for n in row] for row in numbers.tolist()]
""",
    },
    "outline": {
        "surface.surface_dice": """
from medda_lib.metrics import surface

def outline_score(prediction, reference, tolerance, spacing, weight=2.0):
    # slices so thick that nothing of the outline's neighbours comes near
    (score,) = surface.surface_dice(prediction[None], reference[None], (1e3, *spacing), [tolerance])
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
        "tuned.PerPairOracle": """
import pandas as pd
from medda_lib.papers import tuned

def pick(tuning, targets):
    curves = pd.DataFrame(tuning.T.numpy())
    rule = tuned.PerPairOracle()
    return torch.tensor([int(rule.choose(curves, p)) for p in curves.columns])
""",
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
        "outline": (
            "edges counted, not measured",
            "a pixel of 1 mm x 2 mm has an outline of 1 + 2 + 1 + 2 = 6 mm; yours is 4.00 mm",
        ),
        "donors": (RIGHT, ""),
    },
    hidden_names=frozenset({"_hidden_checks", "_transform"}),
)


class TestFda(AssignmentTests):
    case = FDA


class TestFdaLibrary(LibraryTests):
    case = FDA
    borrowed = BORROWED


def test_variants_meet_the_library_where_they_should() -> None:
    own = FDA.master.solved()
    rng = torch.Generator().manual_seed(7)
    t, s = torch.rand(2, 5, 16, 16, generator=rng)
    close = torch.testing.assert_close
    # the narrowest and the widest window are those of the library
    for sigma, beta in ((0.0, 1 / 16), (1e6, 1.0)):
        wanted = spectrum.swap(t[:, None], s[:, None], beta)[:, 0]
        close(own["soft_swap"](t, s, (1.0, 1.0), sigma), wanted, atol=1e-5, rtol=1e-4)
    # gradients that all point one way and a salient target: SR-SIM
    a, b = srsim.features(t[:, None]), srsim.features(s[:, None])
    whole = torch.ones_like(a.saliency)
    along = [torch.stack([g, 0 * g], dim=1) for g in (a.gradient, b.gradient)]
    found = own["likeness"](whole, along[0], b.saliency, along[1])
    close(found, srsim.pairwise(srsim.Features(whole, a.gradient), b))
    # no offset and no neighbours: the library's 3D and 2D choice
    table = torch.rand(6, 4, 6, generator=rng)
    diagonal = torch.stack([table[k, :, k] for k in range(6)])[:, :, None]
    mine_by_choice: dict[donors.Choice, list[list[tuple[int, int]]]] = {
        "3D": own["donors_3d"](table, 3, 0),
        "2D": own["donors_25d"](table, 3, 0.5, 1.0),
    }
    for choice, mine in mine_by_choice.items():
        numbers = donors.similar_donors(choice, diagonal, 3).tolist()
        assert [[scan * 6 + j for scan, j in row] for row in mine] == numbers


@pytest.mark.slow
class TestFdaGrading(GradingTests):
    case = FDA
