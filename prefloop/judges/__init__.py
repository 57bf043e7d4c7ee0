"""Who says which of two completions is better: the training oracle and the independent judge."""
