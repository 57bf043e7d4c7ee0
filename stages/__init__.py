"""The DVC stages: each loads, calls one library function, and writes."""
