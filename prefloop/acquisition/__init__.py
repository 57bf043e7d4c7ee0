"""Acquisition: the pairs to label next. Nothing here can reach a hidden answer."""
