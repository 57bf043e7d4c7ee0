"""Readers of preference files: mappings of columns, forms, verdicts, checks."""

from prefloop.data.readers.files import PreferenceFile, read_file, read_records
from prefloop.data.readers.mapping import Meaning

__all__ = ["Meaning", "PreferenceFile", "read_file", "read_records"]
