"""T2-weighted pelvis MR phantom: a parametric prostate and its surroundings at six sites."""

from medda_lib.phantoms.prostate_mr.render import Glands, render
from medda_lib.phantoms.prostate_mr.sites import SITES, Site
from medda_lib.phantoms.prostate_mr.tissues import TISSUES

__all__ = ["SITES", "TISSUES", "Glands", "Site", "render"]
