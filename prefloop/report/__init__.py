"""What a comparison of policies says: savings with intervals, curves, pictures, a page to read."""
