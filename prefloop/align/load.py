"""Loading align/params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefloop.align.config import AlignParams
from prefloop.config.load import read_yaml, validate


def packaged_align_params() -> Path:
    """Path of the align/params.yaml that came with prefloop: the installed copy, else the repository's."""
    package = Path(__file__).resolve().parent
    installed = package / "params.yaml"
    return installed if installed.is_file() else package.parents[1] / "align" / "params.yaml"


def is_align(content: Any) -> bool:
    """Whether the content of a parameter file is that of active DPO, by the sections it alone has."""
    return isinstance(content, dict) and "prompts" in content and "start" in content


def load_align_params(path: Path) -> AlignParams:
    """Load and validate an align/params.yaml.

    Raises:
        ConfigError: missing file, bad YAML, unknown key, value out of range, unknown policy.
    """
    return parse_align_params(read_yaml(path), str(path))


def parse_align_params(content: Any, origin: str) -> AlignParams:
    """Validate parameters that are already in memory; `origin` names them in messages.

    Raises:
        ConfigError: every problem found, one a line.
    """
    return validate(AlignParams, content, origin)
