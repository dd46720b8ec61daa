"""Domain adaptation and learning from few labels in medical imaging: the library of the book."""

__version__ = "0.1.0"
