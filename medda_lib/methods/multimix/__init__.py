"""MultiMix and the eight systems it is compared with; see `systems`."""

from medda_lib.methods.multimix.mixmatch_settings import MixMatchSettings
from medda_lib.methods.multimix.settings import Settings
from medda_lib.methods.multimix.systems import SYSTEMS, MultiTask, system

__all__ = ["SYSTEMS", "MixMatchSettings", "MultiTask", "Settings", "system"]
