"""Brain MR phantom: T1-weighted heads of six scanners from signal equations."""

from medda_lib.phantoms.brain_mr.render import Heads, render
from medda_lib.phantoms.brain_mr.sites import SITES, Site
from medda_lib.phantoms.brain_mr.view import View
from medda_lib.phantoms.mr.tissues import TISSUES

__all__ = ["SITES", "TISSUES", "Heads", "Site", "View", "render"]
