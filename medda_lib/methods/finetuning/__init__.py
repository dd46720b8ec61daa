"""Training on with labelled source and bare target slices: what AIVA, Seg-JDOT, AdaptSegNet share.

They start from the same source network and differ in one term of the loss. So batches, optimiser,
schedule and checkpoint live here once, and a difference between two systems is a difference between
their terms.
"""

from medda_lib.methods.finetuning.alone import FineTuning
from medda_lib.methods.finetuning.arrangement import Arrangement
from medda_lib.methods.finetuning.loop import Objective, Tuning, finetune
from medda_lib.methods.finetuning.settings import (
    PROSTATE,
    RELEASED_PROSTATE,
    RELEASED_SKULL_STRIPPING,
    SKULL_STRIPPING,
    Finetuned,
)
from medda_lib.methods.finetuning.sites import Batch, Sites, sites_of

__all__ = [
    "PROSTATE",
    "RELEASED_PROSTATE",
    "RELEASED_SKULL_STRIPPING",
    "SKULL_STRIPPING",
    "Arrangement",
    "Batch",
    "FineTuning",
    "Finetuned",
    "Objective",
    "Sites",
    "Tuning",
    "finetune",
    "sites_of",
]
