"""Gradients transfer: facts in paper.toml; no study yet."""
