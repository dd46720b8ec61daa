"""Boosting transformers: facts in paper.toml; no study yet."""
