"""params.yaml as frozen, validated models: the only source of configuration."""

from prefloop.config.load import load_params, packaged_params, parse_params
from prefloop.config.model import Params

__all__ = ["Params", "load_params", "packaged_params", "parse_params"]
