"""Preference data: readers, preparation, the generated example set, the prepared tables."""
