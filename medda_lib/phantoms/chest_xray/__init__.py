"""Chest X-ray phantom: projection physics from a parametric thorax to a displayed radiograph."""

from medda_lib.phantoms.chest_xray.domains import DOMAINS, RULES, Domain
from medda_lib.phantoms.chest_xray.render import Radiographs, render

__all__ = ["DOMAINS", "RULES", "Domain", "Radiographs", "render"]
