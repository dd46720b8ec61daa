"""The one predictor: what it answers for networks of any kind, and what it does without."""

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from medda_lib.methods import predictor
from medda_lib.methods.predictor import NetworkPredictor, Scan
from medda_lib.networks.multimix import MultiMixNet

IMAGES = torch.rand(5, 1, 32, 32)


class Shift(nn.Module):
    """Logits: the image plus one; of images and of scans."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 1


@pytest.mark.parametrize("passage", [predictor.Slices(), Scan(), Scan((4, 8, 8))])
def test_images_are_prepared_and_probabilities_come_back(passage: predictor.Slices | Scan) -> None:
    found = NetworkPredictor(Shift(), prepare=lambda x: 2 * x, passage=passage)
    torch.testing.assert_close(found.masks(IMAGES), (2 * IMAGES + 1).sigmoid())
    assert found.classify(IMAGES) is None
    segmented = found.segment(IMAGES)
    assert segmented is not None
    assert torch.equal(segmented, found.masks(IMAGES))


def test_a_head_that_is_not_there_answers_none() -> None:
    coder, caller = (MultiMixNet(2, classify=which, segment=not which) for which in (False, True))
    assert NetworkPredictor(coder).classify(IMAGES) is None
    assert NetworkPredictor(caller).segment(IMAGES) is None
    with pytest.raises(ValueError, match="no decoder"):
        NetworkPredictor(caller).masks(IMAGES)


def test_chunks_come_together_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    both, images = NetworkPredictor(MultiMixNet(2).double()), IMAGES.double()
    asked = (both.masks, both.classify, both.bottleneck, both.features, both.saliency)
    whole = [ask(images) for ask in asked]
    monkeypatch.setattr(predictor, "CHUNK", 2)
    for ask, wanted in zip(asked, whole, strict=True):
        torch.testing.assert_close(ask(images), wanted, rtol=1e-4, atol=1e-5)


def test_networks_of_slices_do_not_wait_for_monai() -> None:
    code = "import sys, medda_lib.methods.multimix, medda_lib.methods.fda; print('monai' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
