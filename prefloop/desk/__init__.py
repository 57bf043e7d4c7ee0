"""Desk: gives comparisons out to people, takes their verdicts, and keeps to overlap and budget."""

from prefloop.desk.desk import Desk

__all__ = ["Desk"]
