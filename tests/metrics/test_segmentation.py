"""Segmentation metrics against brute force on random masks, and at the empty edges."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from sklearn.metrics import f1_score, jaccard_score, precision_score, recall_score
from torch import Tensor

from medda_lib.metrics import segmentation


def blobs(n: int, size: int, seed: int) -> Tensor:
    """Probabilities (n, 1, size, size) with smooth structure and values on both sides of 0.5."""
    noise = torch.rand((n, 1, size // 4, size // 4), generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=size, mode="bilinear")


@pytest.fixture
def pair() -> tuple[Tensor, Tensor]:
    return blobs(12, 24, 0), blobs(12, 24, 1) > 0.5


def brute_hausdorff(a: Tensor, b: Tensor) -> float:
    distance = cdist(a.nonzero().numpy(), b.nonzero().numpy())
    return float(max(distance.min(axis=1).mean(), distance.min(axis=0).mean()))


def test_overlaps_match_scikit_learn(pair: tuple[Tensor, Tensor]) -> None:
    probabilities, masks = pair
    ours = segmentation.per_image(probabilities, masks, torch.rand(12, 1, 24, 24))
    references = {
        "dice": f1_score,
        "jaccard": jaccard_score,
        "precision": precision_score,
        "recall": recall_score,
    }
    for name, reference in references.items():
        for i in range(12):
            truth, guess = masks[i].flatten(), (probabilities[i] >= 0.5).flatten()
            assert ours[name][i] == pytest.approx(reference(truth, guess)), name


def test_dice_is_two_jaccard_over_one_plus_jaccard(pair: tuple[Tensor, Tensor]) -> None:
    ours = segmentation.per_image(*pair)
    j = ours["jaccard"]
    np.testing.assert_allclose(ours["dice"], 2 * j / (1 + j), rtol=1e-12)
    assert (ours["jaccard"] < ours["dice"]).all()


def test_dice_is_the_harmonic_mean_of_precision_and_recall(pair: tuple[Tensor, Tensor]) -> None:
    ours = segmentation.per_image(*pair)
    p, r = ours["precision"], ours["recall"]
    np.testing.assert_allclose(ours["dice"], 2 * p * r / (p + r), rtol=1e-12)


def test_hausdorff_matches_all_pairwise_distances(pair: tuple[Tensor, Tensor]) -> None:
    predicted, masks = pair[0] >= 0.5, pair[1]
    brute = [brute_hausdorff(a[0], b[0]) for a, b in zip(predicted, masks, strict=True)]
    np.testing.assert_allclose(segmentation.hausdorff(predicted, masks), brute, rtol=1e-12)
    np.testing.assert_allclose(segmentation.hausdorff(masks, predicted), brute, rtol=1e-12)


def test_hausdorff_of_a_shifted_square_by_hand() -> None:
    a, b = (torch.zeros(1, 1, 16, 16, dtype=torch.bool) for _ in range(2))
    a[..., 4:8, 4:8], b[..., 4:8, 6:10] = True, True
    # Columns 4 and 5 of the square lie 2 and 1 pixels from the other, columns 6 and 7 inside it.
    assert segmentation.hausdorff(a, b)[0] == pytest.approx((2 + 1 + 0 + 0) / 4)


def test_ssim_matches_an_independent_implementation(pair: tuple[Tensor, Tensor]) -> None:
    """Windowed moments by torch convolution, in double precision."""
    a, b = (pair[0] >= 0.5).double(), pair[1].double()
    x = torch.arange(-5, 6, dtype=torch.float64)
    g = torch.exp(-(x**2) / (2 * 1.5**2))
    window = torch.outer(g / g.sum(), g / g.sum())[None, None]

    def mean(t: Tensor) -> Tensor:
        return torch.nn.functional.conv2d(t, window)

    ma, mb = mean(a), mean(b)
    va, vb, cov = mean(a * a) - ma**2, mean(b * b) - mb**2, mean(a * b) - ma * mb
    c1, c2 = 0.01**2, 0.03**2
    index = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    ours = segmentation.ssim(pair[0] >= 0.5, pair[1])
    np.testing.assert_allclose(ours, index.mean(dim=(1, 2, 3)).numpy(), rtol=1e-9)


def test_soft_dice_by_loop_and_on_certain_predictions(pair: tuple[Tensor, Tensor]) -> None:
    probabilities, masks = pair
    for i, value in enumerate(segmentation.soft_dice(probabilities, masks)):
        p, y = probabilities[i].numpy().ravel().tolist(), masks[i].numpy().ravel().tolist()
        top = sum(2 * a for a, b in zip(p, y, strict=True) if b)
        assert value == pytest.approx(top / (sum(p) + sum(y)))
    certain = (probabilities >= 0.5).double()
    np.testing.assert_allclose(
        segmentation.soft_dice(certain, masks), segmentation.dice(probabilities >= 0.5, masks)
    )


def test_one_hesitant_prediction_splits_the_two_dice() -> None:
    """Right everywhere but unsure: hard Dice 1, soft Dice far below."""
    masks = blobs(3, 16, 2) > 0.5
    ours = segmentation.per_image(torch.where(masks, 0.6, 0.4), masks)
    assert (ours["dice"] == 1).all()
    assert (ours["soft_dice"] < 0.7).all()


@pytest.mark.parametrize(
    ("predicted", "true", "overlap", "distance"),
    [(False, False, 1.0, 0.0), (True, False, 0.0, 25.0), (False, True, 0.0, 25.0)],
)
def test_empty_masks(predicted: bool, true: bool, overlap: float, distance: float) -> None:
    probabilities = torch.zeros(1, 1, 16, 21)
    masks = torch.zeros(1, 1, 16, 21, dtype=torch.bool)
    probabilities[..., 3:6, 3:6], masks[..., 3:6, 3:6] = float(predicted), true
    ours = segmentation.per_image(probabilities, masks)
    for name in ("dice", "jaccard", "precision", "recall", "soft_dice"):
        assert ours[name][0] == overlap, name
    assert ours["hausdorff"][0] == distance
    assert (ours["ssim"][0] == 1.0) == (predicted == true)
    assert (ours["pixels_predicted"][0], ours["pixels_true"][0]) == (9 * predicted, 9 * true)


def test_threshold_is_inclusive_and_moves_every_hard_metric() -> None:
    masks = torch.ones(1, 1, 16, 16, dtype=torch.bool)
    probabilities = torch.full((1, 1, 16, 16), 0.25)
    assert segmentation.per_image(probabilities, masks, threshold=0.25)["dice"][0] == 1
    assert segmentation.per_image(probabilities, masks, threshold=0.26)["dice"][0] == 0


def test_a_batch_equals_its_images_and_an_empty_batch_is_empty(pair: tuple[Tensor, Tensor]) -> None:
    whole = segmentation.per_image(*pair)
    for i in range(12):
        alone = segmentation.per_image(pair[0][i : i + 1], pair[1][i : i + 1])
        assert all(alone[name][0] == whole[name][i] for name in whole)
    none = segmentation.per_image(pair[0][:0], pair[1][:0])
    assert all(value.shape == (0,) and value.dtype == np.float64 for value in none.values())


@pytest.mark.parametrize(
    ("probabilities", "masks", "message"),
    [
        (torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 16, 16), "masks: need bool"),
        (torch.zeros(2, 1, 8, 16), torch.zeros(2, 1, 16, 16).bool(), "does not match"),
        (torch.full((2, 1, 16, 16), 3.0), torch.zeros(2, 1, 16, 16).bool(), "sigmoid"),
        (torch.full((2, 1, 16, 16), torch.nan), torch.zeros(2, 1, 16, 16).bool(), "sigmoid"),
        (torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 8).bool(), "11 x 11"),
    ],
)
def test_wrong_arguments_are_named(probabilities: Tensor, masks: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        segmentation.per_image(probabilities, masks)
    good = torch.zeros(2, 1, 16, 16)
    with pytest.raises(ValueError, match="images"):
        segmentation.per_image(good, good.bool(), torch.zeros(2, 1, 32, 32))


def test_hausdorff_in_millimetres_matches_all_pairwise_distances(
    pair: tuple[Tensor, Tensor],
) -> None:
    """Pixels of another size in each image, higher than wide; a coarser copy of a grid agrees."""
    predicted, masks = pair[0] >= 0.5, pair[1]
    pixel = torch.tensor([[1.5, 0.5 + 0.1 * i] for i in range(12)], dtype=torch.float64)
    found = segmentation.distances(predicted, masks, pixel)
    assert list(found) == ["hausdorff"]
    for i in range(12):
        a, b = (x[i, 0].nonzero().double() * pixel[i] for x in (predicted, masks))
        d = cdist(a.numpy(), b.numpy())
        brute = max(d.min(axis=1).mean(), d.min(axis=0).mean())
        assert found["hausdorff"][i] == pytest.approx(brute)
    plain = segmentation.distances(predicted, masks)["hausdorff"]
    np.testing.assert_array_equal(plain, segmentation.hausdorff(predicted, masks))
    alike = segmentation.hausdorff(predicted, masks, torch.full((12, 2), 0.7).double())
    np.testing.assert_allclose(alike, 0.7 * plain)


def test_an_unknown_size_gives_a_share_of_the_diagonal(pair: tuple[Tensor, Tensor]) -> None:
    unknown = torch.full((12, 2), torch.nan, dtype=torch.float64)
    ours = segmentation.per_image(*pair, pixel=unknown)
    assert "hausdorff" not in ours
    share = segmentation.per_image(*pair)["hausdorff"] / np.hypot(23, 23)
    np.testing.assert_allclose(ours["hausdorff_share"], share)


def test_an_empty_mask_is_a_diagonal_away_in_millimetres() -> None:
    masks = torch.zeros(1, 1, 16, 21, dtype=torch.bool)
    masks[..., 3:6, 3:6] = True
    pixel = torch.tensor([[2.0, 0.5]], dtype=torch.float64)
    empty = torch.zeros_like(masks)
    assert segmentation.hausdorff(empty, masks, pixel)[0] == pytest.approx(np.hypot(30, 10))
    assert segmentation.hausdorff(empty, empty, pixel)[0] == 0
