"""Comparison of active DPO runs: win rate against labels, and against the distance moved."""
