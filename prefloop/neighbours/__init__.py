"""Exact or approximate k-nearest-neighbour lists of prompt vectors, Euclidean distances."""
