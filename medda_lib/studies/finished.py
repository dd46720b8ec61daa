"""Runs that are finished elsewhere than in a run store: what tables need of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from medda_lib.studies.spec import RunSpec

Arrays = dict[str, NDArray[np.generic]]


class Finished(Protocol):
    """Finished runs by the identity of their specification."""

    @property
    def runs(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each: seconds, key and more."""

    def has(self, spec: RunSpec) -> bool:
        """Whether this run is finished."""

    def rows(self, spec: RunSpec) -> list[dict[str, Any]]:
        """Its rows: evaluation, domain, problem, metric, value."""

    def arrays(self, spec: RunSpec) -> Arrays:
        """Its values per image."""
