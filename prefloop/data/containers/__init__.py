"""Containers of rows: files and folders as bytes on one side, numbered rows on the other."""

from prefloop.data.containers.arrow import Pick
from prefloop.data.containers.folders import DataFiles, data_files
from prefloop.data.containers.kinds import KINDS
from prefloop.data.containers.kinds import is_rows as is_data
from prefloop.data.containers.lines import Numbered
from prefloop.data.containers.read import read_rows

__all__ = ["KINDS", "DataFiles", "Numbered", "Pick", "data_files", "is_data", "read_rows"]
