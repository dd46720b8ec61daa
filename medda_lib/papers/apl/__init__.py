"""APL: facts in paper.toml; no study yet."""
