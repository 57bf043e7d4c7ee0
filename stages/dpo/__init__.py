"""The DVC stages of active DPO: each loads, calls one library function, and writes."""
