"""Uncertainty models: each gives every completion one reward per member."""
