"""The label log: what was paid for is appended, never changed."""
