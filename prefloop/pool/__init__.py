"""The loop: choose, reveal, train, evaluate; as one run (benchmark) or one round (campaign)."""
