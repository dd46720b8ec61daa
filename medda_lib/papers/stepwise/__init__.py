"""Stepwise pretraining: facts in paper.toml; no study yet."""
