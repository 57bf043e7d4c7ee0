"""Labels: the append-only log, and what is read from it."""
