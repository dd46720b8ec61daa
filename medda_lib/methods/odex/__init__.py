"""ODEx, a pool of models that grows when patients change (Gonzalez et al., DART 2022)."""

from medda_lib.methods.odex.artefact import load, save
from medda_lib.methods.odex.distances import Gram, Mahalanobis, gram_distance, mahalanobis
from medda_lib.methods.odex.method import ODEx
from medda_lib.methods.odex.pool import Arrival, Measure, Model
from medda_lib.methods.odex.predictor import PoolPredictor
from medda_lib.methods.odex.ranges import Range
from medda_lib.methods.odex.statistics import (
    Gaussian,
    gram_matrices,
    pooled_features,
    scan_features,
)

__all__ = [
    "Arrival",
    "Gaussian",
    "Gram",
    "Mahalanobis",
    "Measure",
    "Model",
    "ODEx",
    "PoolPredictor",
    "Range",
    "gram_distance",
    "gram_matrices",
    "load",
    "mahalanobis",
    "pooled_features",
    "save",
    "scan_features",
]
