"""Reading and writing: atomic, typed, with explicit paths. Nothing else in prefloop opens files."""
