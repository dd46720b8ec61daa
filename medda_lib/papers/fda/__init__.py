"""Feather-light FDA: facts in paper.toml; no study yet."""
