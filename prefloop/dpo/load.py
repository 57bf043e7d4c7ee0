"""Loading dpo/params.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefloop.config.load import read_yaml, validate
from prefloop.dpo.config import DpoParams


def packaged_dpo_params() -> Path:
    """Path of the dpo/params.yaml that came with prefloop: the installed copy, else the repository's."""
    package = Path(__file__).resolve().parent
    installed = package / "params.yaml"
    return installed if installed.is_file() else package.parents[1] / "dpo" / "params.yaml"


def is_dpo(content: Any) -> bool:
    """Whether the content of a parameter file is that of active DPO, by the sections it alone has."""
    return isinstance(content, dict) and "prompts" in content and "start" in content


def load_dpo_params(path: Path) -> DpoParams:
    """Load and validate an dpo/params.yaml.

    Raises:
        ConfigError: missing file, bad YAML, unknown key, value out of range, unknown policy.
    """
    return parse_dpo_params(read_yaml(path), str(path))


def parse_dpo_params(content: Any, origin: str) -> DpoParams:
    """Validate parameters that are already in memory; `origin` names them in messages.

    Raises:
        ConfigError: every problem found, one a line.
    """
    return validate(DpoParams, content, origin)
