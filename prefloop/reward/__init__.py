"""Uncertainty-aware reward models: ensembles that give every completion one reward per member."""
