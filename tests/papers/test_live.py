"""Live parts: a run of the study, told in words, with whatever losses there are."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from medda_lib.figures.progress import Progress
from medda_lib.papers.catalogue import study_module
from medda_lib.papers.live import Fitted, Live, kept
from medda_lib.papers.live_stream import LiveStream
from medda_lib.studies.method import Predictor


def told(**known: object) -> Live:
    """A run that was never trained, for what it says of itself."""
    spec = study_module("aiva").study("smoke", "phantom").specs[-1]
    watch = Progress("x")
    watch(1, 2, {"seen": 0.5})
    predictor: Predictor = SimpleNamespace(**known)
    return kept(Fitted(spec, spec.task.build(0), predictor, watch), LiveStream)


def test_the_words_beside_a_picture_name_the_condition() -> None:
    live = told()
    words = "AIVA, source ge15, target sm3, k 3, profile smoke, repetition 0."
    assert live.measured_on.endswith(words)
    assert live.measured_on.startswith("Live on ")
    assert live.on_phantoms
    assert live.name == "AIVA"


def test_losses_are_the_predictors_own_where_it_has_some() -> None:
    assert told().losses == {"seen": ([1], [0.5])}
    assert told(losses=()).losses == {"seen": ([1], [0.5])}
    assert told(losses=(("own", ((3, 0.1), (4, 0.2))),)).losses == {"own": ([3, 4], [0.1, 0.2])}


def test_what_a_run_is_not_is_said() -> None:
    live = told(segment=lambda _: None)
    with pytest.raises(ValueError, match="AIVA has no decoder"):
        live.segment(next(iter(live.task.tests().values())).images)
    assert isinstance(live, LiveStream)
    with pytest.raises(TypeError, match="expected a stream and its snapshots"):
        _ = live.snapshots
    with pytest.raises(TypeError, match="expected a stream"):
        _ = live.stages
