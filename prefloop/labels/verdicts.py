"""Codes of verdicts in arrays; in tables they stand as words."""

from __future__ import annotations

A, B, TIE = 0, 1, 2
VERDICTS = ("a", "b", "tie")
