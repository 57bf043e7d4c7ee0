"""Report of a comparison of policies: savings with intervals, curves, pictures, a page to read."""
