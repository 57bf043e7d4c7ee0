"""Judging acquired labels: by the hidden scores, and by models that chose nothing themselves."""
