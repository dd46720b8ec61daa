"""AIVA, adaptation by intra-site variability alignment (Goodman et al., DART 2022)."""

from medda_lib.methods.aiva.adaptation import AIVA, AIVAPredictor
from medda_lib.methods.aiva.clusters import Clustering, Structure, structure
from medda_lib.methods.aiva.loss import (
    alignment_by_size,
    alignment_loss,
    matched_distances,
    reciprocal_weight,
)
from medda_lib.methods.aiva.pull import Pull

__all__ = [
    "AIVA",
    "AIVAPredictor",
    "Clustering",
    "Pull",
    "Structure",
    "alignment_by_size",
    "alignment_loss",
    "matched_distances",
    "reciprocal_weight",
    "structure",
]
