"""What the chapters on scanner shift start from: the network of one site, its settings, its training."""
