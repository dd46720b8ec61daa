"""Hippocampus MR phantom: T1-weighted crops around one hippocampus from signal equations."""

from medda_lib.phantoms.hippocampus_mr.population import Population
from medda_lib.phantoms.hippocampus_mr.render import Hippocampi, render
from medda_lib.phantoms.hippocampus_mr.sources import APART, SOURCES, Source
from medda_lib.phantoms.mr.tissues import TISSUES

__all__ = ["APART", "SOURCES", "TISSUES", "Hippocampi", "Population", "Source", "render"]
