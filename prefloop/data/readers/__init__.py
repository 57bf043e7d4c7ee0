"""Readers of preference files: formats, forms, checks."""

from prefloop.data.readers.check import CheckReport, check_file
from prefloop.data.readers.files import read_records

__all__ = ["CheckReport", "check_file", "read_records"]
