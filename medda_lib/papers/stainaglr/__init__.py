"""Stain-AgLr: facts in paper.toml; no study yet."""
