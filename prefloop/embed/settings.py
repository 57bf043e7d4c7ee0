"""Settings that a vector depends on besides its tokens: what a cache of vectors is kept by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from prefloop.embed.encoder import Encoder
from prefloop.identity import declared
from prefloop.io.hashing import text_id


def vector_settings(encoder: Encoder) -> dict[str, Any]:
    """Everything but the tokens (the cache's key) that a vector depends on.

    Length and template act through the tokens alone, so a longer limit finds the vectors of short
    texts again.
    """
    return {
        "code": str(declared()["embed"]),
        "device": encoder.device.type,
        "dim": encoder.dim,
        "dtype": encoder.config.dtype,
        "model_digest": encoder.source.digest(),
        "normalise": encoder.config.normalise,
        "pooling": encoder.config.pooling,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def cache_folder(cache: Path, settings: Mapping[str, Any]) -> Path:
    """The folder below `cache` for vectors of these settings."""
    return cache / text_id(*(f"{key}={settings[key]}" for key in sorted(settings)))
