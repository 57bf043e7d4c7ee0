"""Running (policy, seed) side by side: the only folder that starts processes."""
