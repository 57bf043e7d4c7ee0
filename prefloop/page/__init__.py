"""Labelling page: its JSON API and what people see."""
