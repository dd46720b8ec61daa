"""The live run is a run of the study, kept in memory."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import pytest

from medda_lib.papers.live import Live
from medda_lib.papers.multimix.study import conditions
from medda_lib.papers.results import Results
from tests.papers.multimix.conftest import train


def test_the_live_run_is_a_run_of_the_study(multimix: Live, smoke: Results) -> None:
    """Same specification, same seed: the numbers that the study stored."""
    domain, pool = multimix.test("segmentation", "in-domain")
    assert domain == "jsrt"
    predicted = multimix.predictor.segment(pool.images)
    assert predicted is not None
    area = (predicted >= 0.5).flatten(1).sum(1).numpy()
    path = smoke.path("in-domain", "segmentation", "pixels_predicted")
    assert area.tolist() == smoke.images.get("MultiMix|100|50", path)[0].tolist()
    assert multimix.name == "MultiMix"
    assert "MultiMix, labels 100, masks 50, profile smoke, repetition 0" in multimix.measured_on


def test_the_live_run_keeps_the_losses_of_every_step(multimix: Live) -> None:
    assert set(multimix.losses) == {"cross-entropy", "pseudo-label", "dice", "consistency"}
    for steps, values in multimix.losses.values():
        assert steps == [1, 2, 3, 4]
        assert np.isfinite(values).all()


def test_a_condition_that_is_not_in_the_study_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no condition .*'7'"):
        train("MultiMix", masks="7")
    with pytest.raises(KeyError, match="has no sideways test of segmentation"):
        train("U-Net", labels="-").test("segmentation", "sideways")


@pytest.mark.parametrize(("system", "labels", "masks"), [*conditions(("100",), ("50",))])
def test_every_system_trains_without_cuda(
    system: str, labels: str, masks: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_driver() -> NoReturn:
        raise AssertionError("CUDA was asked for")

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda._lazy_init", no_driver)
    live = train(system, labels=labels, masks=masks)
    assert live.name == system
    assert live.losses
    assert all(np.isfinite(values).all() for _, values in live.losses.values())
