"""Label files: comparisons as files that people fill in or annotation tools import, and what comes back."""
