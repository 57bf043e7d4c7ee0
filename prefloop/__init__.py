"""Active preference learning for language models: which comparisons are worth a label."""

__version__ = "0.1.0"
