"""Feather-light Fourier domain adaptation (Zakazov et al. 2022): nothing is trained on the target."""

from medda_lib.methods.fda.adaptation import FourierAdaptation, FourierPredictor

__all__ = ["FourierAdaptation", "FourierPredictor"]
