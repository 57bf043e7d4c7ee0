"""Judges of two completions: the training oracle and the independent judge."""
