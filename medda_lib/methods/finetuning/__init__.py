"""Training on with labelled source and bare target slices: what AIVA, Seg-JDOT, AdaptSegNet share.

They start from the same source network and differ in one term of the loss. So batches, optimiser,
schedule and checkpoint live here once, and a difference between two systems is a difference between
their terms.
"""

from medda_lib.methods.finetuning.loop import Objective, Tuning, finetune
from medda_lib.methods.finetuning.settings import PROSTATE, SKULL_STRIPPING, Finetuned
from medda_lib.methods.finetuning.sites import Batch, Sites, sites_of

__all__ = [
    "PROSTATE",
    "SKULL_STRIPPING",
    "Batch",
    "Finetuned",
    "Objective",
    "Sites",
    "Tuning",
    "finetune",
    "sites_of",
]
