"""Entropy of the prompt distribution: how little the acquired prompts cover a place."""
