"""Fair melanoma: facts in paper.toml; no study yet."""
