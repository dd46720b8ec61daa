"""Classification metrics against counting by hand on random predictions."""

import math

import pytest
import torch
from torch import Tensor

from medda_lib.metrics import classification


def random_case(seed: int, n: int = 60) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (n,), generator=rng)
    # Coarse steps make ties, which the AUC counts half.
    score = torch.randint(0, 11, (n,), generator=rng) / 10.0
    return torch.stack([1 - score, score], dim=1), labels


def f1(labels: list[int], chosen: list[int], wanted: int) -> float:
    pairs = list(zip(labels, chosen, strict=True))
    hit = sum(a == wanted == b for a, b in pairs)
    wrong = sum((a == wanted) != (b == wanted) for a, b in pairs)
    return 2 * hit / (2 * hit + wrong) if hit + wrong else 0.0


@pytest.mark.parametrize("seed", range(5))
def test_summary_matches_counting(seed: int) -> None:
    probabilities, labels = random_case(seed)
    ours = classification.summary(probabilities, labels)
    chosen, truth = probabilities.argmax(1).tolist(), labels.tolist()
    same = sum(a == b for a, b in zip(truth, chosen, strict=True))
    assert ours["accuracy"] == pytest.approx(same / len(truth))
    assert ours["f1_normal"] == pytest.approx(f1(truth, chosen, 0))
    assert ours["f1_abnormal"] == pytest.approx(f1(truth, chosen, 1))
    score = probabilities[:, 1].double()
    sick, well = score[labels == 1], score[labels == 0]
    wins = (sick[:, None] > well).double() + 0.5 * (sick[:, None] == well).double()
    assert ours["auc"] == pytest.approx(float(wins.mean()))


def test_a_constant_predictor_shows_in_f1_normal() -> None:
    labels = torch.tensor([0, 1, 1, 1])
    ours = classification.summary(torch.tensor([[0.1, 0.9]]).expand(4, 2), labels)
    assert ours == {
        "accuracy": 0.75,
        "f1_normal": 0.0,
        "f1_abnormal": pytest.approx(6 / 7),
        "auc": 0.5,
    }


def test_one_class_has_no_auc() -> None:
    probabilities, labels = torch.tensor([[0.2, 0.8], [0.1, 0.9]]), torch.tensor([1, 1])
    ours = classification.summary(probabilities, labels)
    assert math.isnan(ours["auc"])
    assert (ours["accuracy"], ours["f1_normal"], ours["f1_abnormal"]) == (1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (torch.ones(3, 3), torch.zeros(3, dtype=torch.int64), "need"),
        (torch.ones(0, 2), torch.zeros(0, dtype=torch.int64), "n > 0"),
        (torch.full((2, 2), 0.5), torch.tensor([0, 2]), "labels"),
        (torch.full((2, 2), 3.0), torch.tensor([0, 1]), "softmax"),
    ],
)
def test_wrong_arguments_are_named(probabilities: Tensor, labels: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        classification.summary(probabilities, labels)
